//! Kills the run that takes back what an earlier one left half done, and goes on from there. Never takes
//! the program's word for how that went. `KILL_EVERY=1` kills at every point.

use super::small::{MOVED, SHOP, Small};
use crate::support::{kill_every, wait_until};

/// The whole migration in one run.
const APPLY: &[&str] = &["apply", "--yes", "--set", "cutover.trigger=when_caught_up"];

/// What a run says that began something, after it took up the work of another.
fn has_begun_anew(journal: &str) -> bool {
    let last = journal.rsplit("\"event\":\"run\"").next();
    last.is_some_and(|since| since.contains("\"event\":\"started\""))
}

/// As before the first run, whatever the last one left.
fn start_over(small: &Small) {
    if small.folder.state().exists() {
        small.run(&["abort", "--yes"]).must_end(0, &[]);
    }
    small.start_over();
}

/// The first crash point, of those long before the switch, at which the journal of a first run holds these words.
fn first_point(prepare: &impl Fn(), small: &Small, words: &str) -> u64 {
    let (mut before, mut from) = (0, 64);
    while from - before > 1 {
        let middle = u64::midpoint(before, from);
        prepare();
        small.run_until(APPLY, Some(middle));
        match small.journal().contains(words) {
            true => from = middle,
            false => before = middle,
        }
    }
    from
}

/// Kills the second run at one point of its taking back after another; the third run ends equal, and so
/// does an abort in its place, and nothing is left.
fn killed_while_taking_back(small: &Small, every: usize, cut_short: impl Fn()) {
    for point in (2..).step_by(every) {
        for next in [APPLY, &["abort", "--yes"]] {
            cut_short();
            let killed = small.run_until(APPLY, Some(point));
            assert_eq!(killed.exit, None, "{point}: {killed:?}");
            if has_begun_anew(&small.journal()) {
                assert!(point > 6, "{point}");
                return;
            }
            let journal = small.journal();
            let last = journal.lines().last().unwrap_or_default();
            let ran = small.run(next);
            assert_eq!(
                ran.exit,
                Some(0),
                "{next:?} at {point}, after {last}: {ran:?}"
            );
            if next == APPLY {
                assert!(small.target_is_open(), "{point}");
                small.run(&["finalize", "--yes"]).must_end(0, &[]);
                assert_eq!(small.differences(), [""; 0], "{point}");
            }
            assert_eq!(small.left(), [""; 0], "{next:?} at {point}");
        }
    }
}

#[test]
fn a_restore_that_is_being_taken_back_with_its_database_is_so_by_the_run_after_a_kill() {
    let small = Small::new();
    let prepare = || start_over(&small);
    let words = "\"event\":\"started\",\"step\":\"restore.run\"";
    // All of it is restored, and the journal does not know.
    let point = 1 + first_point(&prepare, &small, words);
    killed_while_taking_back(&small, kill_every(1), || {
        prepare();
        assert_eq!(small.run_until(APPLY, Some(point)).exit, None);
        assert!(small.journal().contains(words));
    });
}

#[test]
fn a_copy_without_its_snapshot_is_taken_back_by_the_run_after_a_kill() {
    let small = Small::new();
    let prepare = || {
        start_over(&small);
        let make = format!("create database {MOVED} template template0");
        small.target.psql("postgres", &make);
    };
    let point = first_point(
        &prepare,
        &small,
        "\"event\":\"done\",\"step\":\"copy.marks\"",
    );
    killed_while_taking_back(&small, kill_every(2), || {
        prepare();
        assert_eq!(small.run_until(APPLY, Some(point)).exit, None);
        let holders =
            "from pg_stat_activity where application_name ~ '^pg_dbmigrator .* snapshot$'";
        let end = format!("select count(pg_terminate_backend(pid)) {holders}");
        assert_eq!(small.source.psql(SHOP, &end), "1");
        let left = format!("select count(*) {holders}");
        wait_until("the snapshot to be lost", || {
            small.source.psql(SHOP, &left) == "0"
        });
    });
}
