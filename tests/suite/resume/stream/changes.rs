//! Changes of the source while a copy is under way, or might be gone on with: each is kept out by a
//! lock, or refused by name. Never is a table empty on the target that was not on the source.

use std::process::Child;
use std::sync::OnceLock;

use super::{DONE, counted, holder, holders, killed_in_the_copy, points};
use crate::resume::ground::{Holder, Lane, TARGET, plan};
use crate::support::wait_until;

/// What nobody may do to a table that is being copied.
const CHANGES: [&str; 4] = [
    "truncate long",
    "alter table long alter text type varchar",
    "alter table long add came int default 7",
    "drop table long",
];

const LONG: &str = "create table long (id int primary key, text text);
    insert into long select n, repeat(md5(n::text), 5) from generate_series(1, 60000) n;
    create index on long (text)";

fn lane() -> Lane {
    Lane::of_its_own(LONG, &plan("stream.yaml").replace("8KiB", "1MiB"))
}

/// What came of a change that waits no longer than this for its lock; if nothing, it is taken back.
fn tried(lane: &Lane, change: &str) -> Result<String, String> {
    let sql = format!("set lock_timeout = '50ms'; begin; {change}; rollback");
    lane.source.try_psql(lane.source_name(), &sql)
}

#[track_caller]
fn are_all_kept_out(lane: &Lane) {
    for change in CHANGES {
        let said = tried(lane, change).expect_err(change);
        assert!(said.contains("lock timeout"), "{change}: {said}");
    }
}

fn begun(lane: &Lane, step: &str) -> bool {
    let is_done = |line: &String| line.contains(DONE) && line.contains(step);
    lane.journal().iter().any(is_done)
}

/// An apply of which nobody knows how far it is in the copy, but that it comes to no end of it before
/// the table on the target is let go.
fn copying(lane: &Lane) -> (Child, Holder<'_>) {
    let apply = lane.start();
    wait_until("the copy", || begun(lane, "copy.marks"));
    let held = Holder::take(&lane.target, TARGET, "lock table long in share mode");
    (apply, held)
}

/// Kills an apply just before it exports its snapshot: the plan is made, and nothing is locked.
fn killed_before_the_snapshot(lane: &Lane) {
    let exports = || {
        lane.journal()
            .iter()
            .any(|line| line.contains("snapshot.export"))
    };
    let killed = |point: &u64| {
        lane.start_over();
        lane.apply_until(*point).exit.is_none() && exports()
    };
    // The same one whenever the plan is the same.
    static POINT: OnceLock<u64> = OnceLock::new();
    let mut known = false;
    let point = POINT.get_or_init(|| {
        known = true;
        (1..40).find(killed).expect("there is such a point")
    });
    assert!(known || killed(point), "{:?}", lane.journal());
    assert_eq!(holders(lane), "0");
}

/// Ends the session that keeps the snapshot.
fn lose_the_snapshot(lane: &Lane) {
    let end = format!("select count(pg_terminate_backend(pid)) {}", holder(lane));
    lane.source.psql("postgres", &end);
    wait_until("the session to be gone", || holders(lane) == "0");
}

#[track_caller]
fn is_refused(lane: &Lane, words: &[&str]) {
    let ran = lane.apply();
    ran.must_end(4, &[&["does not fit any more", "abort"], words].concat());
    lane.run(&["abort", "--yes"]).must_end(0, &[]);
    lane.must_complete_equal();
}

#[test]
fn changes_of_a_table_are_kept_out_while_it_is_copied_and_while_nobody_goes_on() {
    let lane = lane();
    let (mut apply, held) = copying(&lane);
    are_all_kept_out(&lane);
    apply.kill().expect("it runs");
    apply.wait().expect("it is ours");
    assert_eq!(holders(&lane), "1", "the copy was over");
    are_all_kept_out(&lane);
    held.release();
    lane.must_complete_equal();
    assert_eq!(counted(&lane.journal(), DONE)["snapshot.export"], 1);
    for change in CHANGES {
        tried(&lane, change).expect("nobody needs the lock any more");
    }
}

/// It would wait for us, and we for it.
#[test]
fn a_change_that_waits_for_its_lock_is_named_and_waited_for_no_longer_than_the_plan_says() {
    let lane = lane();
    lane.folder.write(&format!(
        "{}\nthresholds: {{ lock_timeout: 1s }}\n",
        plan("stream.yaml").replace("8KiB", "1MiB")
    ));
    let (mut apply, held) = copying(&lane);
    apply.kill().expect("it runs");
    apply.wait().expect("it is ours");
    assert_eq!(holders(&lane), "1", "the copy was over");
    held.release();
    std::thread::scope(|scope| {
        let change = "set application_name = 'changer'; truncate long";
        let changer = scope.spawn(|| lane.source.try_psql(lane.source_name(), change));
        let waits = "select count(*) from pg_stat_activity
            where application_name = 'changer' and wait_event_type = 'Lock'";
        wait_until("the change to wait", || {
            lane.source.psql("postgres", waits) == "1"
        });
        let ran = lane.apply();
        ran.must_end(
            1,
            &[
                "with everyone else behind it",
                "public.long",
                "pg_terminate_backend",
            ],
        );
        let end = "select pg_terminate_backend(pid) from pg_stat_activity
            where application_name = 'changer'";
        lane.source.psql("postgres", end);
        changer.join().expect("it ends").expect_err("it was ended");
    });
    lane.must_complete_equal();
    assert_eq!(counted(&lane.journal(), DONE)["snapshot.export"], 1);
}

#[test]
fn a_table_that_grew_since_the_plan_was_made_is_copied_to_its_end() {
    let lane = lane();
    killed_before_the_snapshot(&lane);
    let more = "insert into long select n, 'late' from generate_series(60001, 90000) n";
    lane.source.psql(lane.source_name(), more);
    lane.must_complete_equal();
}

#[test]
fn tables_that_were_changed_since_the_plan_was_made_are_refused_by_name() {
    let lane = lane();
    for (change, words) in [
        (
            "alter table long add came int default 7",
            "public.long has other columns",
        ),
        ("create table late as select 1 as a", "public.late is new"),
        (
            "create index came on long (id, text)",
            "public.long has other indexes",
        ),
        ("drop table late", "\"public.late\" does not exist"),
    ] {
        killed_before_the_snapshot(&lane);
        lane.source.psql(lane.source_name(), change);
        is_refused(&lane, &[words]);
    }
}

#[test]
fn changes_after_the_snapshot_was_lost_are_refused_or_copied_never_mixed() {
    let lane = lane();
    assert!(points().any(|point| killed_in_the_copy(&lane, point)));
    lose_the_snapshot(&lane);
    lane.source.psql(lane.source_name(), "truncate long");
    let ran = lane.apply();
    ran.must_end(0, &[]);
    ran.must_tell("the copy starts over");
    lane.must_be_equal();

    lane.source.psql(
        lane.source_name(),
        "insert into long select n, 'x' from generate_series(1, 9000) n",
    );
    for (change, words) in [
        (
            "alter table long alter text type int using 1; alter table long add b int",
            "public.long has other columns",
        ),
        ("drop table long", "long"),
    ] {
        assert!(points().any(|point| killed_in_the_copy(&lane, point)));
        lose_the_snapshot(&lane);
        lane.source.psql(lane.source_name(), change);
        is_refused(&lane, &[words]);
    }
}
