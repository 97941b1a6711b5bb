//! Tests that a streamed copy survives the death of its runner, of its sessions and of its snapshot.
//! Never takes the program's word for it: the journal and the independent check are looked at.

mod anytime;
mod changes;
mod losses;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::ground::{Holder, Lane, TARGET, application_name, ended, plan, programs};
use crate::support::wait_until;

/// Kills the streamed plan at this crash point; whether rows were being copied then.
fn killed_in_the_copy(lane: &Lane, point: u64) -> bool {
    lane.start_over();
    let ran = lane.apply_until(point);
    // Once all rows are there, the snapshot is let go.
    let begun = || counted(&lane.journal(), DONE).contains_key("copy.marks");
    ran.exit.is_none() && begun() && holders(lane) == "1"
}

/// Some of the crash points that there are; the copy begins after the fortieth or so.
fn points() -> impl Iterator<Item = u64> {
    (32..120).step_by(5)
}

/// How often each step was said to be `event`.
fn counted(journal: &[String], event: &str) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for line in journal.iter().filter(|line| line.contains(event)) {
        let step = line.split("\"step\":\"").nth(1);
        let step = step.and_then(|rest| rest.split('"').next());
        *counted
            .entry(step.unwrap_or_default().to_owned())
            .or_default() += 1;
    }
    counted
}

const DONE: &str = "\"event\":\"done\"";

/// The session that holds the snapshot.
fn holder(lane: &Lane) -> String {
    let name = application_name(&lane.journal());
    format!("from pg_stat_activity where application_name = '{name} snapshot'")
}

fn holders(lane: &Lane) -> String {
    let sql = format!("select count(*) {}", holder(lane));
    lane.source.psql("postgres", &sql)
}

#[test]
fn a_streamed_copy_that_was_killed_goes_on_under_its_snapshot() {
    let lane = Lane::new(&plan("stream.yaml"));
    let mut killed = 0;
    for point in points() {
        if !killed_in_the_copy(&lane, point) {
            continue;
        }
        killed += 1;
        lane.must_complete_equal();
        let done = counted(&lane.journal(), DONE);
        assert_eq!(done["snapshot.export"], 1, "at {point}");
        let again: Vec<_> = done
            .into_iter()
            .filter(|(step, count)| *count > 1 && step.starts_with("copy."))
            .collect();
        assert!(again.is_empty(), "copied again at {point}: {again:?}");
    }
    assert!(killed > 3, "{killed}");
}

#[test]
fn a_streamed_copy_whose_snapshot_is_lost_starts_over() {
    let short = plan("stream.yaml").replace("jobs: 2", "jobs: 2\n  keep_snapshot: 1s");
    let lane = Lane::new(&short);
    assert!(points().any(|point| killed_in_the_copy(&lane, point)));
    // Nobody works with it for longer than the plan says.
    wait_until("the snapshot to be given up", || holders(&lane) == "0");
    let ran = lane.apply();
    ran.must_end(0, &[]);
    ran.must_tell("the copy starts over");
    lane.must_be_equal();
    lane.nothing_is_left();
    assert_eq!(counted(&lane.journal(), DONE)["snapshot.export"], 2);

    let lane = Lane::new(&plan("stream.yaml"));
    assert!(points().any(|point| killed_in_the_copy(&lane, point)));
    lane.run(&["abort", "--yes"]).must_end(0, &[]);
    assert_eq!(programs(&lane.folder.state()), Vec::<i32>::new());
}

#[test]
fn a_copy_of_the_state_that_missed_the_end_neither_drops_nor_fills_the_target() {
    let lane = Lane::new(&plan("stream.yaml"));
    assert!(points().any(|point| killed_in_the_copy(&lane, point)));
    let (state, old) = (
        lane.folder.state(),
        lane.folder.plan().with_extension("old"),
    );
    let copy = Command::new("cp").arg("-r").args([&state, &old]).status();
    assert!(copy.expect("cp is everywhere").success());
    lane.must_complete_equal();
    fs::rename(&state, state.with_extension("done")).expect("ours");
    fs::rename(&old, &state).expect("ours");
    let words = ["is gone from the target", "another copy of this state"];
    lane.apply().must_end(5, &words);
    lane.run(&["abort", "--yes"]).must_end(5, &words);
    lane.must_be_equal();
    // What the words say to do where nobody finished it.
    let drop = format!("drop database {TARGET}");
    lane.target.psql("postgres", &drop);
    lane.run(&["abort", "--yes"]).must_end(0, &[]);
    lane.apply().must_end(0, &[]);
    lane.must_be_equal();
}

#[test]
fn what_was_to_be_replaced_and_is_gone_does_not_keep_a_copy_from_starting_over() {
    let lane = Lane::new(&plan("replace.yaml"));
    let filled = format!("create database {TARGET} template template0");
    let begun = points().any(|point| {
        lane.start_over();
        lane.target.psql("postgres", &filled);
        lane.target.psql(TARGET, "create table gone ()");
        let killed = lane.apply_until(point).exit.is_none();
        killed && counted(&lane.journal(), DONE).contains_key("copy.marks") && holders(&lane) == "1"
    });
    assert!(begun);
    let end = format!("select count(pg_terminate_backend(pid)) {}", holder(&lane));
    lane.source.psql("postgres", &end);
    wait_until("the session to be gone", || holders(&lane) == "0");
    // Run after run takes back a little more, until one begins anew, and does not come far.
    let is_begun = |lane: &Lane| {
        let journal = lane.journal().join("\n");
        let last = journal.rsplit("\"event\":\"run\"").next();
        last.is_some_and(|since| since.contains("\"event\":\"started\""))
    };
    for run in 1.. {
        let ran = lane.apply_until(6);
        assert_eq!(ran.exit, None, "{run}: {ran:?}");
        if is_begun(&lane) {
            assert!(run > 2, "{run}");
            break;
        }
    }
    lane.must_complete_equal();
}

#[test]
fn a_snapshot_of_somebody_else_under_the_same_name_is_not_taken_for_the_lost_one() {
    let lane = Lane::new(&plan("stream.yaml"));
    assert!(points().any(|point| killed_in_the_copy(&lane, point)));
    let end = format!("select count(pg_terminate_backend(pid)) {}", holder(&lane));
    lane.source.psql("postgres", &end);
    wait_until("the session to be gone", || holders(&lane) == "0");
    // Its database is the same, and its moment is not: as after a restart of the server, when names
    // begin anew.
    let told = lane.source.socket_folder().join("snapshot");
    let export = format!("copy (select pg_export_snapshot()) to '{}'", told.display());
    let other = Holder::take(lane.source, lane.source_name(), &export);
    let keeper = lane.folder.state().join("keeper.json");
    let kept = std::fs::read(&keeper).expect("it was written");
    let mut kept: serde_json::Value = serde_json::from_slice(&kept).expect("it is JSON");
    let id = std::fs::read_to_string(told).expect("the server wrote it");
    kept["id"] = id.trim().into();
    std::fs::write(&keeper, kept.to_string()).expect("ours");
    let ran = lane.apply();
    ran.must_end(0, &[]);
    ran.must_tell("the copy starts over");
    assert_eq!(counted(&lane.journal(), DONE)["snapshot.export"], 2);
    lane.must_be_equal();
    other.release();
}

#[test]
fn sessions_that_are_ended_while_rows_are_streamed_cost_time_alone() {
    let lane = Lane::of_its_own(
        "create table long (id int primary key, text text);
         insert into long select n, repeat(md5(n::text), 10) from generate_series(1, 150000) n;
         create index on long (text)",
        &plan("stream.yaml").replace("8KiB", "8MiB"),
    );
    let apply = lane.start();
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity
        where application_name ~ '^pg_dbmigrator ' and query ilike 'copy %'";
    for cluster in [lane.source, &lane.target, lane.source] {
        wait_until("a copy to be ended", || {
            cluster.psql("postgres", end) != "0"
        });
        thread::sleep(Duration::from_millis(100));
    }
    let ran = ended(&apply.wait_with_output().expect("ours"));
    ran.must_end(0, &[]);
    ran.must_tell("a connection was lost");
    lane.must_be_equal();
    lane.nothing_is_left();
}
