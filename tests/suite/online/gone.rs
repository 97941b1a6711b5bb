//! Migrations whose one server is gone for good, at every stage: what is on the other is removed, and
//! what is said to be left is all that is left. Never accepts a server as gone that answers.

use super::small::{MOVED, SHOP, Small, kill};
use crate::support::tool::Ran;
use crate::support::wait_until;

/// As a superuser for whom a closed database is open.
const WRITE: &str = "set default_transaction_read_only = off";

/// Says on a server that came back what was said to be left on it.
fn remove_what_is_left(small: &Small, told: &Ran) {
    let mut said = 0;
    for line in told.stdout.lines() {
        let Some((place, sql)) = line.trim().split_once(": ") else {
            continue;
        };
        let (server, database) = match place {
            "source" => (&small.source, SHOP),
            "target" => (&small.target, MOVED),
            "target server" => (&small.target, "postgres"),
            _ => continue,
        };
        let sql = sql.trim_end_matches(';');
        let sql = sql.trim_end_matches("  -- or as it was before");
        server.psql(database, &format!("{WRITE}; {sql}"));
        said += 1;
    }
    assert!(said > 0, "{told:?}");
}

#[test]
fn without_the_target_the_source_is_freed_before_the_cutover() {
    let small = Small::new();
    let before = small.structure();
    small.replicate();
    let answers = small.run(&["abort", "--yes", "--without", "target"]);
    answers.must_end(4, &["the target is not gone: it answers"]);
    small.target.stop();
    let words = ["If the target is gone for good", "abort --without target"];
    small.run(&["abort", "--yes"]).must_end(1, &words);
    let not_switched = small.run(&["finalize", "--yes", "--without", "target"]);
    not_switched.must_end(4, &["there was no switch", "abort --without target"]);
    let told = small.run(&["abort", "--yes", "--without", "target"]);
    told.must_end(0, &[]);
    assert!(told.stdout.contains("left on the target"), "{told:?}");
    assert!(!small.folder.state().exists());
    let after = small.structure();
    assert_eq!(crate::support::compare::between(&before, &after), [""; 0]);
    small.target.restart();
    remove_what_is_left(&small, &told);
    assert_eq!(small.left(), [""; 0]);
    let there = format!("select count(*) from pg_database where datname = '{MOVED}'");
    assert_eq!(small.target.psql("postgres", &there), "0");
}

#[test]
fn without_the_target_a_source_that_was_left_fenced_is_opened() {
    let small = Small::new();
    let clerk = small.open();
    small.replicate();
    kill(small.hold_up_the_cutover(&[]));
    small.let_go();
    assert!(small.source_is_closed());
    small.target.stop();
    let told = small.run(&["abort", "--yes", "--without", "target"]);
    told.must_end(0, &["is open again"]);
    let so_far = clerk.acknowledged(0);
    wait_until("the application writes to the source", || {
        clerk.acknowledged(0) > so_far + 20
    });
    let differences = clerk.stop().differences(&small.source, SHOP);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    small.target.restart();
}

#[test]
fn without_the_source_the_target_is_removed_before_the_cutover_or_kept_by_hand() {
    let small = Small::new();
    for kept in [false, true] {
        small.start_over();
        small.replicate();
        small.source.stop();
        let refused = small.run(&["finalize", "--yes", "--without", "source"]);
        refused.must_end(4, &["there was no switch", "To keep instead"]);
        if kept {
            let lines = refused.stderr.lines().map(str::trim);
            for sql in lines.filter_map(|line| line.strip_prefix("on the target: ")) {
                small.target.psql(MOVED, &format!("{WRITE}; {sql}"));
            }
            assert!(small.target_is_open());
            small
                .target
                .psql(MOVED, "insert into readings values (now(), 0)");
            small.source.restart();
            continue;
        }
        let told = small.run(&["abort", "--yes", "--without", "source"]);
        told.must_end(0, &[]);
        let there = format!("select count(*) from pg_database where datname = '{MOVED}'");
        assert_eq!(small.target.psql("postgres", &there), "0");
        small.source.restart();
        remove_what_is_left(&small, &told);
        assert_eq!(small.left(), [""; 0]);
    }
}

#[test]
fn without_the_source_a_migration_is_made_final_after_the_cutover() {
    let small = Small::new();
    let clerk = small.open();
    small.replicate();
    small.run(&["cutover", "--yes"]).must_end(0, &[]);
    let answers = small.run(&["finalize", "--yes", "--without", "source"]);
    answers.must_end(4, &["the source is not gone: it answers"]);
    small.source.stop();
    let words = [
        "If the source is gone for good",
        "finalize --without source",
    ];
    small.run(&["finalize", "--yes"]).must_end(1, &words);
    let serves = small.run(&["abort", "--yes", "--without", "source"]);
    serves.must_end(
        4,
        &[
            "the switch to the target is made",
            "finalize --without source",
        ],
    );
    let told = small.run(&["finalize", "--yes", "--without", "source"]);
    told.must_end(0, &[]);
    assert!(!small.folder.state().exists());
    let so_far = clerk.acknowledged(1);
    wait_until("the application writes to the target", || {
        clerk.acknowledged(1) > so_far + 20
    });
    let differences = clerk.stop().differences(&small.target, MOVED);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    small.source.restart();
    remove_what_is_left(&small, &told);
    assert_eq!(small.left(), [""; 0]);
}

#[test]
fn without_the_source_a_target_that_a_half_rollback_fenced_is_opened_and_final() {
    let small = Small::new();
    small.replicate();
    small.run(&["cutover", "--yes"]).must_end(0, &[]);
    small.kill_a_rollback_half_way();
    small.target.psql(MOVED, "rollback prepared 'held'");
    small.source.stop();
    let told = small.run(&["finalize", "--yes", "--without", "source"]);
    told.must_end(0, &["is open again"]);
    assert!(small.target_is_open());
    small.source.restart();
}

#[test]
fn without_the_target_the_source_serves_again_after_the_cutover() {
    let small = Small::new();
    let counted = "create table counted (id bigserial primary key, word text); \
                   grant all on counted, counted_id_seq to clerk";
    small.source.psql(SHOP, counted);
    small.replicate();
    small.run(&["cutover", "--yes"]).must_end(0, &[]);
    let insert = "insert into counted (word) select 'word' from generate_series(1, 77)";
    small.target.psql(MOVED, insert);
    wait_until("the source has followed the target", || {
        small.source.psql(SHOP, "select count(*) from counted") == "77"
    });
    small.target.stop();
    let told = small.run(&["abort", "--yes", "--without", "target"]);
    told.must_end(0, &[]);
    assert!(told.stdout.contains("the source serves"), "{told:?}");
    assert!(!small.source_is_closed());
    assert!(!small.folder.state().exists());
    // A number that was given out on the target is not given out once more.
    let next = "insert into counted (word) values ('next') returning id";
    assert_eq!(small.source.psql(SHOP, next), "78");
    small.target.restart();
    remove_what_is_left(&small, &told);
    assert_eq!(small.left(), [""; 0]);
}

#[test]
fn without_the_target_a_migration_is_made_final_with_its_source_closed() {
    let small = Small::new();
    small.replicate();
    small.run(&["cutover", "--yes"]).must_end(0, &[]);
    small.target.stop();
    let told = small.run(&["finalize", "--yes", "--without", "target"]);
    told.must_end(0, &[]);
    assert!(told.stdout.contains("the source stays closed"), "{told:?}");
    assert!(small.source_is_closed());
    small.target.restart();
    remove_what_is_left(&small, &told);
    assert_eq!(small.left(), [""; 0]);
}

#[test]
fn without_the_target_what_is_left_there_is_said_in_full_after_a_kill_too() {
    let small = Small::new();
    let abort = ["abort", "--yes", "--without", "target"];
    for switched in [false, true] {
        let lose_the_target = || {
            small.start_over();
            small.replicate();
            if switched {
                small.run(&["cutover", "--yes"]).must_end(0, &[]);
            }
            small.target.stop();
        };
        lose_the_target();
        let whole = small.run_until(&abort, Some(0));
        whole.must_end(0, &[]);
        small.target.restart();
        remove_what_is_left(&small, &whole);
        let points = whole.stderr.matches("crash point").count() as u64;
        for point in [points / 2, points - 1] {
            lose_the_target();
            let killed = small.run_until(&abort, Some(point));
            assert_eq!(killed.exit, None, "at {point} of {points}: {killed:?}");
            small.target.restart();
            for command in ["abort", "finalize"] {
                let words = ["an abort without the target began", "--without target"];
                small.run(&[command, "--yes"]).must_end(4, &words);
            }
            let told = small.run(&abort);
            told.must_end(0, &[]);
            assert_eq!(told.stdout.contains("the source serves"), switched);
            assert!(!small.source_is_closed());
            remove_what_is_left(&small, &told);
            assert_eq!(small.left(), [""; 0], "at {point} of {points}: {told:?}");
        }
    }
}
