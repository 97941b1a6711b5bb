//! Tests of the throwaway servers that a plan may ask for.
//! The built program starts them, as it does for a user: that process can be killed.
//! Never starts one by the library.

mod ground;

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

use ground::{
    State, ask, block_on, kill, main_process, path_text, processes_in, shown, wait_until,
};
use pg_dbmigrator::embedded::{self, Listed};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::support::{Cluster, programs, tools};

#[test]
fn a_server_starts_answers_and_leaves_nothing_behind() {
    let state = State::new();
    let server = state.start(15);
    assert_eq!(
        ask(&server, "select current_database(), current_user"),
        "shop|postgres"
    );
    assert_eq!(ask(&server, "show wal_level"), "logical");
    assert_eq!(ask(&server, "show listen_addresses"), "");
    assert!(state.list()[0].running);

    let removed = state.stop();
    assert_eq!(removed, ["the embedded source server, PostgreSQL 15"]);
    assert!(!server.socket_directory.exists());
    assert_eq!(processes_in(&server.socket_directory), Vec::<u32>::new());
    assert_eq!(
        fs::read_dir(state.path().join("embedded"))
            .ok()
            .map(Iterator::count),
        None
    );
    assert_eq!(state.stop(), Vec::<String>::new());
}

#[test]
fn a_server_killed_with_its_data_starts_again() {
    let state = State::new();
    let server = state.start(18);
    ask(
        &server,
        "create table kept (a int); insert into kept select generate_series(1, 1000)",
    );
    kill_process(main_process(&server), Signal::KILL).expect("it runs");
    wait_until("the server is seen as stopped", || !state.list()[0].running);
    assert_eq!(state.start(18), server);
    assert_eq!(ask(&server, "select count(*) from kept"), "1000");
}

#[test]
fn a_second_start_finds_the_first_server_running() {
    let state = State::new();
    let server = state.start(16);
    let pid = main_process(&server);
    assert_eq!(state.start(16), server);
    assert_eq!(main_process(&server), pid);
}

#[test]
fn concurrent_starts_yield_one_server() {
    let state = State::new();
    // All of them read the plan, so it is written by the last of these before the first one runs.
    let commands: Vec<Command> = (0..4).map(|_| state.starter(15, &[])).collect();
    let starters: Vec<Child> = commands
        .into_iter()
        .map(|mut command| command.spawn().expect("it starts"))
        .collect();
    let outputs: Vec<Output> = starters
        .into_iter()
        .map(|child| child.wait_with_output().expect("it ends"))
        .collect();
    let server = state.server();
    let place = path_text(&server.socket_directory);
    for output in &outputs {
        assert!(
            output.status.success() && shown(output).contains(place),
            "{}",
            shown(output)
        );
    }
}

#[test]
fn a_server_runs_as_an_unprivileged_user_with_nothing_of_the_environment() {
    let state = State::new();
    let server = state.start(15);
    let process = format!("/proc/{}", main_process(&server).as_raw_nonzero());
    let status = fs::read_to_string(format!("{process}/status")).expect("it runs");
    let uid = status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .expect("a line");
    assert_ne!(uid.split_whitespace().next(), Some("0"));
    let environment = fs::read(format!("{process}/environ")).expect("it runs");
    assert!(!String::from_utf8_lossy(&environment).contains("hunter2hunter2"));
}

#[test]
fn a_server_outlives_the_process_group_that_started_it() {
    let state = State::new();
    let mut starter = state.starter(15, &[]);
    let mut starter = starter.process_group(0).spawn().expect("it starts");
    wait_until("the server is complete", || {
        state.list().first().is_some_and(|one| one.loaded)
    });
    let group = Pid::from_raw(starter.id().try_into().expect("a process id")).expect("not zero");
    // The group may have ended by itself already.
    kill_process_group(group, Signal::KILL).ok();
    starter.wait().expect("it is ours");
    assert_eq!(ask(&state.list()[0].server, "select 1"), "1");
}

#[test]
fn a_failing_sql_file_gives_its_place_and_leaves_nothing_behind() {
    let state = State::new();
    let sql = state.file(
        "broken.sql",
        "select 1;\n\ninsert into nowhere values (1);\n",
    );
    let said = state.refusal(15, std::slice::from_ref(&sql));
    assert!(said.contains(&format!("at: {}:3", sql.display())), "{said}");
    assert!(
        said.contains("relation \"nowhere\" does not exist"),
        "{said}"
    );
    assert!(state.list().is_empty());
    fs::write(&sql, "create table somewhere (a int);").expect("it is ours");
    let server = state.start_with(15, &[sql]);
    assert_eq!(ask(&server, "select count(*) from somewhere"), "0");
}

#[test]
fn a_load_that_was_killed_is_done_again_from_scratch() {
    let state = State::new();
    let sql = state.file(
        "half.sql",
        "create table t (a int);\nselect pg_sleep(3600);\n",
    );
    let files = [sql.clone()];
    let starter = state.starter(15, &files).spawn().expect("it starts");
    let mut half = None;
    wait_until("half of the file has run", || {
        half = state.list().pop().filter(|listed| listed.running);
        let Some(Listed { server, .. }) = &half else {
            return false;
        };
        let sleeping = "select 1 from pg_stat_activity where query like '%pg_sleep(3600)%' \
                        and pid <> pg_backend_pid()";
        let url = server.url().replace("/shop?", "/postgres?");
        let mut psql = Command::new(tools(18).join("psql"));
        let output = programs::run(psql.args(["-XqAt", "-d", &url, "-c", sleeping]));
        output.stdout == b"1\n"
    });
    kill(starter);
    let half = half.expect("seen above");
    assert!(!half.loaded);

    fs::write(&sql, "create table t (a int);\n").expect("it is ours");
    let server = state.start_with(15, &files);
    assert_eq!(ask(&server, "select count(*) from t"), "0");
    assert_ne!(server.socket_directory, half.server.socket_directory);
    assert!(!half.server.socket_directory.exists());
    assert_eq!(
        processes_in(&half.server.socket_directory),
        Vec::<u32>::new()
    );
}

#[test]
fn a_start_killed_at_any_moment_leaks_nothing() {
    let state = State::new();
    for entries in [0, 1, 5, 15, 22, 24] {
        let starter = state.starter(15, &[]).spawn().expect("it starts");
        let mut seen = None;
        wait_until("the directory fills", || {
            seen = state.list().pop().or(seen.take());
            let Some(Listed { server, .. }) = &seen else {
                return false;
            };
            let data = fs::read_dir(&server.data_directory);
            data.map_or(0, Iterator::count) >= entries
        });
        kill(starter);
        state.stop();
        let directory = seen.expect("seen above").server.socket_directory;
        assert!(!directory.exists(), "left behind after {entries} entries");
        assert_eq!(processes_in(&directory), Vec::<u32>::new());
    }
}

#[test]
fn a_missing_major_says_what_to_install_and_what_there_is() {
    let said = State::new().refusal(14, &[]);
    assert!(
        said.contains("needs PostgreSQL 14; found here: 15, 16, 18"),
        "{said}"
    );
    assert!(said.contains("apt-get install postgresql-14"), "{said}");
}

#[test]
fn an_edited_wish_is_refused_with_was_and_now() {
    let state = State::new();
    state.start(15);
    let said = state.refusal(16, &[]);
    assert!(said.contains("major: was 15, now 16"), "{said}");
}

#[test]
fn a_server_of_somebody_else_is_never_stopped() {
    let theirs = Cluster::start(15);
    let state = State::new();
    let ours = state.start(15);
    let record = state.path().join("embedded/source.json");
    let written = fs::read_to_string(&record).expect("it was written");
    let forged = written
        .replace(path_text(&ours.data_directory), path_text(&theirs.data()))
        .replace(
            path_text(&ours.socket_directory),
            path_text(theirs.socket_folder()),
        );
    fs::write(&record, forged).expect("it is ours");
    let refused = block_on(embedded::stop_and_remove(&state.path())).expect_err("it is not ours");
    assert!(refused.what().contains("is not the one made"), "{refused}");
    assert_eq!(theirs.psql("postgres", "select 1"), "1");
    fs::write(&record, written).expect("it is ours");
}

#[test]
fn a_server_whose_directory_was_removed_is_stopped_all_the_same() {
    let state = State::new();
    let server = state.start(15);
    let pid = main_process(&server);
    fs::remove_dir_all(&server.socket_directory).expect("it is ours");
    state.stop();
    let process = PathBuf::from(format!("/proc/{}/cwd", pid.as_raw_nonzero()));
    assert!(fs::read_link(process).is_err());
}

#[test]
fn the_demo_shop_is_the_same_on_the_oldest_and_the_newest_major() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/demo");
    let sql = ["shop.sql", "trade.sql", "house_rules.sql"]
        .map(|name| demo.join(name))
        .to_vec();
    let sums = [15, 18].map(|major| {
        let state = State::new();
        let server = state.start_with(major, &sql);
        ask(
            &server,
            "set timezone = 'UTC'; \
             select count(*), sum(hashtextextended(o::text, 0)) from orders o \
             union all select count(*), sum(hashtextextended(l::text, 0)) from order_lines l \
             union all select count(*), sum(hashtextextended(c::text, 0)) from customers c \
             union all select count(*), sum(hashtextextended(p::text, 0)) from products p \
             union all select count(*), sum(hashtextextended(m::text, 0)) from monthly_sales m \
             order by 1 desc",
        )
    });
    assert!(sums[0].contains("\n60000|"), "{}", sums[0]);
    assert_eq!(sums[0], sums[1]);
}
