//! Secrets when things go wrong: refused, unreachable, failed halfway, killed.
//! Never checks how the failure is mended, beyond that the next run does it.

use super::{
    PASSWORD, ROW, Sightings, filled, must_not_be_logged_by_servers, must_not_show, servers,
    watched,
};
use crate::support::tool::PlanFolder;
use crate::support::wait_until;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A plan that takes the password of `app` from `OUR_SECRET`.
fn plan(ports: (u16, u16), database: &str) -> PlanFolder {
    plan_with(ports, database, "")
}

/// The same, with more keys.
pub(super) fn plan_with(ports: (u16, u16), database: &str, keys: &str) -> PlanFolder {
    let url = |port, database: &str| {
        format!("postgres://app:{{{{ env('OUR_SECRET') }}}}@127.0.0.1:{port}/{database}")
    };
    PlanFolder::new(&format!(
        "version: 1\nsource: {{ url: {:?} }}\ntarget: {{ url: {:?} }}\nmode: offline\n\
         restore: {{ existing: replace }}\n{keys}",
        url(ports.0, database),
        url(ports.1, &format!("{database}_moved")),
    ))
}

pub(super) fn ports() -> (u16, u16) {
    let [source, target] = servers();
    (source.port(), target.port())
}

pub(super) fn command(folder: &PlanFolder, arguments: &[&str], password: &str) -> Command {
    let mut command = folder.command(arguments);
    command.env("OUR_SECRET", password);
    command
}

#[track_caller]
fn must_fail_without_showing(
    folder: &PlanFolder,
    arguments: &[&str],
    password: &str,
    words: &[&str],
) {
    let (ran, seen) = watched(folder, &mut command(folder, arguments, password));
    ran.must_end(1, words);
    must_not_show(&arguments.join(" "), &folder.state(), &ran, &seen);
}

#[test]
fn a_wrong_password_is_not_repeated() {
    let folder = plan(ports(), "postgres");
    // What the log is looked through for must be there: no session that is refused has a name.
    let (ran, _) = watched(&folder, &mut command(&folder, &["plan"], PASSWORD));
    ran.must_end(0, &[]);
    let wrong = format!("{PASSWORD}, but wrong");
    for arguments in [
        &["plan", "-vv"][..],
        &["apply", "--yes", "-vv"],
        &["apply", "--yes", "--json"],
    ] {
        must_fail_without_showing(&folder, arguments, &wrong, &["password"]);
    }
    must_not_be_logged_by_servers();
}

#[test]
fn a_server_that_is_down_is_named_without_the_password() {
    let folder = plan((1, 1), "postgres");
    for arguments in [&["plan", "-vv"][..], &["apply", "--yes", "--json"]] {
        must_fail_without_showing(&folder, arguments, PASSWORD, &["127.0.0.1:1"]);
    }
}

#[test]
fn a_row_that_cannot_be_restored_is_not_quoted() {
    let [source, _] = servers();
    let database = filled(source);
    source.psql(
        &database,
        &format!(
            "create function here() returns boolean language sql as
                 $$ select current_database() = '{database}' $$;
             create table people (email text check (public.here()));
             insert into people values ('{ROW}@people.example');"
        ),
    );
    let folder = plan(ports(), &database);
    for arguments in [
        &["apply", "--yes", "-vv"][..],
        &["apply", "--yes", "--json"],
    ] {
        must_fail_without_showing(
            &folder,
            arguments,
            PASSWORD,
            &[
                "violates check constraint",
                "the target did not take the rows of public.people",
            ],
        );
    }
    let (ran, seen) = watched(&folder, &mut command(&folder, &["status"], PASSWORD));
    must_not_show("status", &folder.state(), &ran, &seen);
    let (ran, seen) = watched(
        &folder,
        &mut command(&folder, &["abort", "--yes", "-vv"], PASSWORD),
    );
    ran.must_end(0, &[]);
    must_not_show("abort", &folder.state(), &ran, &seen);
}

/// The password files that lie in a state directory.
fn password_files(folder: &PlanFolder) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.state()).into_iter().flatten().flatten();
    let directories = entries.filter(|e| e.file_name().to_string_lossy().starts_with("connect-"));
    let files =
        directories.flat_map(|directory| fs::read_dir(directory.path()).into_iter().flatten());
    let paths = files.flatten().map(|file| file.path());
    paths
        .filter(|path| path.extension().is_some_and(|e| e == "pass"))
        .collect()
}

#[test]
fn what_a_killed_run_leaves_of_a_password_goes_with_the_next_one() {
    let [source, target] = servers();
    let database = filled(source);
    for next in [&["apply", "--yes"][..], &["abort", "--yes"]] {
        let folder = plan(ports(), &database);
        let mut killed = command(&folder, &["apply", "--yes"], PASSWORD)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the program starts");
        wait_until("the program gives a child a password", || {
            !password_files(&folder).is_empty()
        });
        killed.kill().expect("it runs");
        killed.wait().expect("it ends");
        let status = command(&folder, &["status"], PASSWORD)
            .output()
            .expect("it runs");
        assert!(status.status.success());
        assert_eq!(password_files(&folder).len(), 1, "status changes nothing");
        let (ran, seen) = watched(&folder, &mut command(&folder, next, PASSWORD));
        ran.must_end(0, &[]);
        must_not_show(next[0], &folder.state(), &ran, &seen);
    }
    target.drop_database(&format!("{database}_moved"));
}

#[test]
fn a_password_that_is_an_everyday_word_breaks_no_journal_and_no_json() {
    let [source, target] = servers();
    let database = filled(source);
    let url = |login: &str, port, database: &str| {
        format!("postgres://{login}@127.0.0.1:{port}/{database}")
    };
    let folder = PlanFolder::new(&format!(
        "version: 1\nsource: {{ url: {:?} }}\ntarget: {{ url: {:?} }}\nmode: offline\n",
        url("event:event", source.port(), &database),
        url(
            "public_role:public",
            target.port(),
            &format!("{database}_word")
        ),
    ));
    let mut dies = folder.command(&["apply", "--yes"]);
    let ended = dies
        .env("PG_DBMIGRATOR_DIE_AT", "25")
        .output()
        .expect("it runs");
    assert_eq!(ended.status.code(), None, "it was killed:\n{ended:?}");
    let ran = folder.run(&["apply", "--yes", "--json"]);
    ran.must_end(0, &[]);
    for line in ran.stdout.lines() {
        let event: serde_json::Value = serde_json::from_str(line).expect("every line is JSON");
        assert!(event["event"].is_string(), "{line}");
    }
    target.drop_database(&format!("{database}_word"));
}

#[test]
fn the_watch_would_see_a_password_on_a_command_line() {
    let folder = PlanFolder::new("");
    let mut shell = Command::new("sh");
    shell.args(["-c", "timeout 0.3 tail -f /dev/null \"$OUR_SECRET\"; :"]);
    let (_, seen): (_, Sightings) = watched(&folder, shell.env("OUR_SECRET", PASSWORD));
    assert!(!seen.leaks.is_empty(), "{seen:?}");
}
