//! Secrets on the way of a streamed copy, whose snapshot is kept by a process of its own, and of one that
//! was killed, which leaves that process behind. Never looks at the rows that are streamed.

use super::failures::{command, plan_with, ports};
use super::{
    PASSWORD, ROW, Sightings, filled, must_not_be_logged_by_servers, must_not_show, servers,
    sightings, watched,
};
use crate::resume::ground::programs;
use crate::support::wait_until;
use std::process::Stdio;

#[test]
fn a_streamed_copy_shows_no_secret_nor_does_the_keeper_of_its_snapshot() {
    let [source, target] = servers();
    let database = filled(source);
    source.psql(
        &database,
        &format!("create table many as select n, '{ROW}' as t from generate_series(1, 200000) n"),
    );
    let folder = plan_with(
        ports(),
        &database,
        "copy: { method: stream, split_larger_than: 1MiB }\n",
    );
    let (ran, seen) = watched(
        &folder,
        &mut command(&folder, &["apply", "--yes", "-vv"], PASSWORD),
    );
    ran.must_end(0, &[]);
    must_not_show("apply", &folder.state(), &ran, &seen);
    assert!(
        seen.programs.contains("pg_dbmigrator"),
        "{:?}",
        seen.programs
    );
    assert!(seen.core_dumpers.is_empty(), "{:?}", seen.core_dumpers);
    assert!(
        seen.password_file_modes
            .iter()
            .all(|modes| *modes == (0o700, 0o600))
    );

    std::fs::remove_dir_all(folder.state()).expect("ours");
    let mut killed = command(&folder, &["apply", "--yes"], PASSWORD)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let journal = || std::fs::read_to_string(folder.state().join("journal.jsonl"));
    wait_until("rows to be streamed", || {
        journal().is_ok_and(|journal| journal.contains("copy.public.many"))
    });
    killed.kill().expect("it runs");
    killed.wait().expect("it ends");
    let mut seen = Sightings::default();
    let keepers = programs(&folder.state());
    for pid in &keepers {
        seen.look_at_process(0, u32::try_from(*pid).expect("a process"));
    }
    assert!(seen.programs.contains("pg_dbmigrator"), "{keepers:?}");
    assert!(
        seen.leaks.is_empty() && seen.core_dumpers.is_empty(),
        "{seen:?}"
    );
    let left = sightings::leaks_in_state(&folder.state());
    assert!(left.is_empty(), "{left:?}");
    let (ran, seen) = watched(
        &folder,
        &mut command(&folder, &["apply", "--yes"], PASSWORD),
    );
    ran.must_end(0, &[]);
    must_not_show("apply again", &folder.state(), &ran, &seen);
    must_not_be_logged_by_servers();
    target.drop_database(&format!("{database}_moved"));
}
