//! Secrets: whatever way a password takes into the program, nobody else sees it on the way out.
//! Never trusts one escaped form: each password has a core that every escaping leaves as it is.

mod failures;
mod sightings;
mod streamed;
mod ways;

use crate::support::tool::{PlanFolder, Ran};
use crate::support::{Cluster, Settings};
use sightings::Sightings;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// What must never be seen: letters and digits, which no escaping changes.
const CORE: &str = "Zq9XcoreOfIt7Kv";

/// A password with everything in it that JSON, SQL, URLs, shells and password files care about.
const PASSWORD: &str = "p@ss'w\"\u{f6}\\rd %41:/ $x{}?&# Zq9XcoreOfIt7Kv";

/// The password of a user mapping: part of the database, and in no file but the dump.
const MAPPING: &str = "Mp4coreOfMapping";

/// Part of a row, which no message may quote.
const ROW: &str = "Rw7coreOfRow";

/// Two servers that ask everyone but `postgres` for a password, and log every statement.
fn servers() -> [&'static Cluster; 2] {
    static SERVERS: OnceLock<[Cluster; 2]> = OnceLock::new();
    let servers = SERVERS.get_or_init(|| [server(), server()]);
    [&servers[0], &servers[1]]
}

fn server() -> Cluster {
    let settings = Settings {
        tcp: true,
        hba: Some("local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n".to_owned()),
        ..Settings::default()
    };
    let settings = settings
        .with("log_statement", "all")
        .with("log_line_prefix", "%m %a ");
    let cluster = Cluster::start_with(15, &settings);
    for (role, password) in [
        ("app", PASSWORD),
        ("event", "event"),
        ("public_role", "public"),
    ] {
        let quoted = password.replace('\'', "''");
        cluster.psql(
            "postgres",
            &format!(
                "set log_statement = 'none'; create role {role} login superuser password '{quoted}'"
            ),
        );
    }
    cluster
}

/// A database with rows, with a password of its own, and with functions enough that `pg_restore` is
/// there to be looked at for a while.
fn filled(source: &Cluster) -> String {
    let database = source.create_database("kept");
    source.psql(
        &database,
        &format!(
            "create table t as select g as id, 'a row' as t from generate_series(1, 500) g;
             create foreign data wrapper w;
             create server s foreign data wrapper w options (host 'elsewhere');
             create user mapping for public server s options (\"user\" 'u', password '{MAPPING}');
             do $$ begin for n in 1..500 loop
                 execute format('create function f%s() returns int return 1', n);
             end loop; end $$"
        ),
    );
    database
}

/// Runs the program while looking at everything that it leaves where others could read it.
fn watched(folder: &PlanFolder, command: &mut Command) -> (Ran, Sightings) {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let pid = child.id();
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| sightings::watch(pid, &folder.state(), &over));
        let output = child.wait_with_output().expect("it ends");
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        let sightings = watch.join().expect("the watch sees it through");
        let ran = Ran {
            exit: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        (ran, sightings)
    })
}

/// Panics if a secret is in what the program printed, left in its state directory, or showed
/// anyone on the way.
#[track_caller]
fn must_not_show(what: &str, folder: &Path, ran: &Ran, sightings: &Sightings) {
    for secret in [CORE, MAPPING, ROW] {
        for (name, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
            assert!(
                !text.contains(secret),
                "{what}: {secret} in {name}:\n{text}"
            );
        }
    }
    assert!(sightings.leaks.is_empty(), "{what}: {:#?}", sightings.leaks);
    let left = sightings::leaks_in_state(folder);
    assert!(left.is_empty(), "{what}: afterwards in {left:#?}");
}

/// Panics if the password is in the log of a server, where statements and application names are.
#[track_caller]
fn must_not_be_logged_by_servers() {
    for server in servers() {
        let log = server.log();
        assert!(
            log.contains("pg_dbmigrator"),
            "the log holds application names"
        );
        assert!(!log.contains(CORE), "the password is in a server's log");
    }
}
