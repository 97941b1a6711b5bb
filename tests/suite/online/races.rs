//! Tests of commands that meet each other, signals that meet a switch, and runs that died while the
//! source was fenced. Never waits for a fixed time: a prepared transaction holds a cutover up.

use rustix::process::Signal;

use super::clerk::Clerk;
use super::small::{MOVED, SHOP, Small, end_of, kill};
use crate::resume::ground::{Holder, Lane, signal};
use crate::support::wait_until;

/// Waits until the application has written to a side for a moment: 0 is the source, 1 the target.
fn serves(clerk: &Clerk, side: usize) {
    let so_far = clerk.acknowledged(side);
    wait_until("the application writes to that side", || {
        clerk.acknowledged(side) > so_far + 10
    });
}

/// The application is on the target, and nothing was lost.
#[track_caller]
fn must_have_moved(small: &Small, clerk: Clerk) {
    serves(&clerk, 1);
    let differences = clerk.stop().differences(&small.target, MOVED);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// A cutover that was killed while nobody can write anywhere.
fn killed_while_fenced(small: &Small) {
    small.replicate();
    kill(small.hold_up_the_cutover(&[]));
    small.let_go();
    assert!(small.source_is_closed());
}

/// An apply that streams, in the background.
fn streaming(small: &Small) -> std::process::Child {
    let said = small.events().len();
    let apply = small.start(&["apply", "--yes"]);
    small.wait_for("\"caught_up\"", said);
    apply
}

/// An apply in the background that has the plan and does not listen yet: it is not told what the
/// target publishes.
fn planning(small: &Small) -> (std::process::Child, Holder<'_>) {
    let lock = "lock pg_publication in access exclusive mode";
    let holder = Holder::take(&small.target, MOVED, lock);
    let apply = small.start(&["apply", "--yes"]);
    wait_until("the apply to have the plan", || is_locked(small));
    (apply, holder)
}

#[test]
fn two_cutovers_and_the_apply_that_they_ask_all_end_well() {
    let small = Small::new();
    let clerk = small.open();
    small.replicate();
    let apply = streaming(&small);
    small.run(&["abort", "--yes"]).must_end(9, &[]);
    let cutovers = [(), ()].map(|()| small.start(&["cutover", "--yes"]));
    for cutover in cutovers {
        end_of(cutover).must_end(0, &[]);
    }
    end_of(apply).must_end(0, &[]);
    must_have_moved(&small, clerk);
}

#[test]
fn two_cutovers_at_once_without_an_apply_both_end_well() {
    let small = Small::new();
    let clerk = small.open();
    small.replicate();
    let cutovers = [(), ()].map(|()| small.start(&["cutover", "--yes"]));
    for cutover in cutovers {
        end_of(cutover).must_end(0, &[]);
    }
    must_have_moved(&small, clerk);
}

#[test]
fn a_cutover_takes_over_from_an_apply_that_was_killed_half_way() {
    let small = Small::new();
    let clerk = small.open();
    small.replicate();
    let apply = streaming(&small);
    let asks = small.hold_up_the_cutover(&[]);
    kill(apply);
    small.let_go();
    end_of(asks).must_end(0, &["is open again"]);
    must_have_moved(&small, clerk);
}

#[test]
fn a_cutover_that_was_killed_once_it_had_asked_is_carried_out() {
    let small = Small::new();
    let clerk = small.open();
    small.replicate();
    let apply = streaming(&small);
    kill(small.hold_up_the_cutover(&[]));
    small.let_go();
    end_of(apply).must_end(0, &[]);
    must_have_moved(&small, clerk);
}

#[test]
fn a_cutover_that_is_interrupted_withdraws_its_request_and_the_apply_watches_on() {
    let small = Small::new();
    small.replicate();
    let apply = streaming(&small);
    let holder = Holder::take(
        &small.target,
        MOVED,
        "lock readings in access exclusive mode",
    );
    // More than is drained in a moment, behind a row that cannot be applied: the request waits.
    // The changes of a long transaction alone are received, and count as flushed, before its end.
    let one = "insert into readings select now(), 0";
    small.source.psql(SHOP, one);
    let many = "insert into readings select now(), n from generate_series(1, 500000) n";
    small.source.psql(SHOP, many);
    for (sent, exit) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let said = small.events().len();
        let cutover = small.start(&["cutover", "--yes"]);
        small.wait_for("\"cutover_requested\"", said);
        signal(&cutover, sent);
        end_of(cutover).must_end(exit, &["the request for the cutover is withdrawn"]);
        small.wait_for("was taken back; it goes on watching", said);
    }
    let said = small.events().len();
    holder.release();
    small.wait_for("\"caught_up\"", said);
    assert!(!small.journal().contains("cutover."), "it cut over");
    signal(&apply, Signal::TERM);
    end_of(apply).must_end(143, &[]);
}

#[test]
fn a_cutover_that_is_interrupted_leaves_the_request_of_another_alone() {
    let small = Small::new();
    let clerk = small.open();
    small.replicate();
    let (apply, holder) = planning(&small);
    let first = small.start(&["cutover", "--yes"]);
    wait_until("the request", || is_requested(&small));
    let second = small.start(&["cutover", "--yes"]);
    wait_until("both requests", || requests(&small) == 2);
    signal(&first, Signal::INT);
    let told = [
        "the request for the cutover is withdrawn",
        "Another `pg_dbmigrator cutover` asks for it too",
    ];
    end_of(first).must_end(130, &told);
    holder.release();
    end_of(second).must_end(0, &[]);
    end_of(apply).must_end(0, &[]);
    must_have_moved(&small, clerk);
}

#[test]
fn a_cutover_that_is_interrupted_once_the_switch_has_begun_says_where_it_is() {
    let small = Small::new();
    let clerk = small.open();
    small.replicate();
    let apply = streaming(&small);
    let cutover = small.hold_up_the_cutover(&[]);
    signal(&cutover, Signal::INT);
    end_of(cutover).must_end(130, &["already at cutover.silence", "Ctrl+C there"]);
    small.let_go();
    end_of(apply).must_end(0, &[]);
    must_have_moved(&small, clerk);
}

#[test]
fn a_request_that_an_earlier_run_left_behind_is_not_carried_out() {
    let small = Small::new();
    small.replicate();
    let request = small.folder.state().join("cutover.requested.1");
    let file = std::fs::File::create(&request).expect("the folder is ours");
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    file.set_modified(long_ago).expect("the file is ours");
    let apply = streaming(&small);
    assert!(!request.exists());
    assert!(!small.journal().contains("cutover."), "it cut over");
    signal(&apply, Signal::TERM);
    end_of(apply).must_end(143, &[]);
}

#[test]
fn a_source_left_fenced_is_opened_first_though_the_target_is_away() {
    for command in ["apply", "abort"] {
        let small = Small::new();
        let clerk = small.open();
        killed_while_fenced(&small);
        small.target.stop();
        let ran = small.run(&[command, "--yes"]);
        assert!(ran.exit != Some(0), "{ran:?}");
        assert!(ran.stderr.contains("it is open again"), "{ran:?}");
        serves(&clerk, 0);
        small.target.restart();
        small.run(&["abort", "--yes"]).must_end(0, &[]);
        assert!(!small.source_is_closed());
        assert_eq!(small.left(), [""; 0]);
    }
}

#[test]
fn a_source_that_cannot_be_opened_is_said_to_be_still_fenced() {
    let small = Small::new();
    let clerk = small.open();
    killed_while_fenced(&small);
    small.source.stop();
    for command in ["apply", "cutover", "abort"] {
        small
            .run(&[command, "--yes"])
            .must_end(5, &["STILL FENCED OFF", "next:"]);
    }
    small.source.restart();
    small.run(&["abort", "--yes"]).must_end(0, &[]);
    serves(&clerk, 0);
    assert!(!small.source_is_closed());
    assert_eq!(small.left(), [""; 0]);
}

#[test]
fn past_the_deadline_the_source_serves_though_the_target_is_away() {
    let small = Small::new();
    let clerk = small.open();
    small.replicate();
    let cutover = small.hold_up_the_cutover(&["--set", "thresholds.write_outage=2s"]);
    small.target.stop();
    serves(&clerk, 0);
    small.target.restart();
    end_of(cutover).must_end(8, &["The source serves as before"]);
    small.let_go();
    small.run(&["cutover", "--yes"]).must_end(0, &[]);
    must_have_moved(&small, clerk);
}

#[test]
fn sigterm_in_the_cutover_takes_it_back() {
    let small = Small::new();
    let clerk = small.open();
    small.replicate();
    let cutover = small.hold_up_the_cutover(&[]);
    signal(&cutover, Signal::TERM);
    end_of(cutover).must_end(143, &["The source serves as before"]);
    serves(&clerk, 0);
    small.let_go();
    let apply = streaming(&small);
    signal(&apply, Signal::INT);
    end_of(apply).must_end(0, &["cutting over"]);
    must_have_moved(&small, clerk);
}

#[test]
fn signals_during_the_copy_stop_safely_and_never_cut_over() {
    let small = Small::new();
    let clerk = small.open();
    // The second run first takes back what the first was about to do.
    let moments = [
        (Signal::INT, 130, "create database"),
        (Signal::TERM, 143, "drop database"),
    ];
    for (sent, exit, waits) in moments {
        let lock = "lock pg_database in exclusive mode";
        let holder = Holder::take(&small.target, "postgres", lock);
        let apply = small.start(&["apply", "--yes"]);
        Lane::wait_for_session(&small.target, waits);
        signal(&apply, sent);
        end_of(apply).must_end(exit, &["stopped safely"]);
        holder.release();
        assert!(!small.journal().contains("cutover."));
        serves(&clerk, 0);
    }
    small.replicate();
    small.run(&["cutover", "--yes"]).must_end(0, &[]);
    must_have_moved(&small, clerk);
}

#[test]
fn a_cutover_in_the_first_moments_of_an_apply_is_handed_over_to_it() {
    let small = Small::new();
    let clerk = small.open();
    small.replicate();
    let (apply, holder) = planning(&small);
    let cutover = small.start(&["cutover", "--yes"]);
    wait_until("the request", || is_requested(&small));
    holder.release();
    end_of(cutover).must_end(0, &[]);
    end_of(apply).must_end(0, &[]);
    must_have_moved(&small, clerk);
}

#[test]
fn a_cutover_and_an_apply_that_begin_at_once_switch_whoever_is_first() {
    let small = Small::new();
    let clerk = small.open();
    small.replicate();
    for watch in [
        &["apply", "--yes"][..],
        &["apply", "--yes", "--until", "caught-up"],
    ] {
        let (apply, cutover) = (small.start(watch), small.start(&["cutover", "--yes"]));
        end_of(cutover).must_end(0, &[]);
        let apply = end_of(apply);
        assert!([Some(0), Some(9)].contains(&apply.exit), "{apply:?}");
        serves(&clerk, 1);
        small.run(&["rollback", "--yes"]).must_end(0, &[]);
        serves(&clerk, 0);
    }
}

#[test]
fn a_cutover_behind_an_abort_begins_no_migration() {
    let small = Small::new();
    small.replicate();
    let lock = "lock pg_subscription in exclusive mode";
    let holder = Holder::take(&small.target, "postgres", lock);
    let abort = small.start(&["abort", "--yes"]);
    wait_until("the abort to have the plan", || is_locked(&small));
    let cutover = small.start(&["cutover", "--yes"]);
    wait_until("the request", || is_requested(&small));
    holder.release();
    end_of(abort).must_end(0, &[]);
    end_of(cutover).must_end(4, &["nothing is replicated yet"]);
    assert!(!small.folder.state().exists());
    assert_eq!(small.left(), [""; 0]);
}

#[test]
fn a_request_that_nobody_hears_is_taken_back() {
    let small = Small::new();
    small.replicate();
    let state = small.folder.state();
    let lock = std::fs::File::open(state.join("lock")).expect("the apply made it");
    lock.lock().expect("nobody has it");
    let said = small.run(&["cutover", "--yes"]);
    said.must_end(9, &["the request for the cutover was taken back", "status"]);
    assert!(!is_requested(&small));
    lock.unlock().expect("it is ours");
    small.run(&["cutover", "--yes"]).must_end(0, &[]);
}

/// Whether a process asks for the cutover.
fn is_requested(small: &Small) -> bool {
    requests(small) > 0
}

/// How many processes ask for the cutover.
fn requests(small: &Small) -> usize {
    let files = std::fs::read_dir(small.folder.state()).expect("an apply made it");
    let names = files.map(|file| file.expect("it is ours").file_name());
    names
        .filter(|name| name.to_string_lossy().starts_with("cutover.requested"))
        .count()
}

/// Whether a process works on the plan.
fn is_locked(small: &Small) -> bool {
    let file = std::fs::File::open(small.folder.state().join("lock"));
    file.expect("an earlier apply made it")
        .try_lock_shared()
        .is_err()
}
