//! Tests that signals stop a migration safely, wherever it is, and that it goes on afterwards.
//! Each sends the signal once the migration is held up at a known place, never after a fixed time.

use std::io::Read as _;
use std::process::Stdio;

use rustix::process::Signal;

use crate::resume::ground::{DUMP_LOCK, Holder, Lane, end_of, plan, programs, signal};
use crate::support::wait_until;

/// What a safe stop says.
const SAFELY: &[&str] = &["stopped safely", "again: it goes on from here"];

#[test]
fn sigint_and_sigterm_during_dump_and_measure_stop_safely() {
    let lane = Lane::gated("open");
    for (sent, exit) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let holder = Holder::take(lane.source, lane.source_name(), DUMP_LOCK);
        let apply = lane.start();
        lane.wait_for_dump();
        signal(&apply, sent);
        end_of(apply).must_end(exit, SAFELY);
        assert!(programs(&lane.folder.state()).is_empty());
        holder.release();
    }
    lane.must_complete_equal();
}

#[test]
fn sigint_and_sigterm_during_restore_stop_safely() {
    let lane = Lane::gated("wait");
    for (sent, exit) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let apply = lane.start();
        lane.wait_for_gate();
        signal(&apply, sent);
        end_of(apply).must_end(exit, SAFELY);
        assert!(programs(&lane.folder.state()).is_empty());
    }
    lane.set_gate("open");
    lane.must_complete_equal();
}

#[test]
fn sigint_and_sigterm_during_a_statement_cancel_it() {
    let lane = Lane::new(&plan("offline.yaml"));
    for (sent, exit) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let holder = Holder::take(&lane.target, "postgres", "lock pg_authid in exclusive mode");
        let apply = lane.start();
        Lane::wait_for_session(&lane.target, "small_owner");
        signal(&apply, sent);
        end_of(apply).must_end(exit, SAFELY);
        let roles = "select count(*) from pg_roles where rolname ~ '^small_'";
        assert_eq!(lane.target.psql("postgres", roles), "0");
        holder.release();
    }
    lane.must_complete_equal();
}

#[test]
fn a_second_sigint_ends_at_once_with_every_child() {
    let lane = Lane::gated("wait");
    let apply = lane.start();
    lane.wait_for_gate();
    // A stopped program cannot end by itself, so that the safe stop hangs.
    for pid in programs(&lane.folder.state()) {
        let pid = rustix::process::Pid::from_raw(pid).expect("it runs");
        rustix::process::kill_process(pid, Signal::STOP).expect("it is ours");
    }
    signal(&apply, Signal::INT);
    let said = lane.folder.state().join("log");
    wait_until("the first signal to be heard", || {
        std::fs::read_to_string(&said).is_ok_and(|log| log.contains("stopping safely"))
    });
    signal(&apply, Signal::INT);
    end_of(apply).must_end(130, &[]);
    wait_until("the children to be gone", || {
        programs(&lane.folder.state()).is_empty()
    });
    lane.set_gate("open");
    lane.must_complete_equal();
}

#[test]
fn children_of_a_killed_runner_are_gone_before_the_next_goes_on() {
    let lane = Lane::gated("wait");
    let mut apply = lane.start();
    lane.wait_for_gate();
    apply.kill().expect("it is ours");
    apply.wait().expect("it is ours");
    lane.set_gate("open");
    lane.must_complete_equal();
}

#[test]
fn a_hangup_is_resumable() {
    let lane = Lane::gated("wait");
    let apply = lane.start();
    lane.wait_for_gate();
    signal(&apply, Signal::HUP);
    end_of(apply);
    lane.set_gate("open");
    lane.must_complete_equal();
}

#[test]
fn a_reader_that_goes_away_does_not_stop_the_migration() {
    let lane = Lane::new(&plan("offline.yaml"));
    let mut apply = lane.command(&["apply", "--yes"]);
    let mut apply = apply
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("built");
    let mut stdout = apply.stdout.take().expect("it is piped");
    stdout.read_exact(&mut [0]).expect("it says something");
    drop((stdout, apply.stderr.take()));
    assert_eq!(end_of(apply).exit, Some(0));
    lane.must_be_equal();
}
