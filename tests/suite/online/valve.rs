//! The safety valve: what the source keeps for a target that does not follow, up to the limit.
//! Never asks the program alone whether the source is safe: its slots say so.

use super::stream::Stream;
use crate::support::Settings;

/// A limit that a test reaches soon.
const SMALL: &str = "thresholds: { poll_secs: 1, lag_bytes: 1048576, retained_wal: 48MiB }\n";

/// Some 20 MiB of WAL, which go by the stream.
const WRITE: &str = "select pg_logical_emit_message(true, 'test', repeat('x', 1000000)) \
    from generate_series(1, 20)";

#[test]
fn at_the_limit_the_slot_is_dropped_and_the_source_keeps_nothing_more() {
    let usual = Settings::default();
    let stream = Stream::between((15, 15), (&usual, &usual), SMALL);
    stream.replicate();
    let watching = stream.watch();
    stream.target.stop();
    stream.on_source(WRITE);
    stream.on_source(WRITE);
    stream.has_said("the source keeps");
    stream.has_said("(thresholds.retained_wal) the slot is dropped");
    stream.on_source(WRITE);
    let (exit, said) = stream.end_of(watching);
    assert_eq!(exit, Some(5), "{said}");
    for words in ["replication was given up", "pg_dbmigrator abort"] {
        assert!(said.contains(words), "{words} is not in\n{said}");
    }
    let slots = stream.on_source("select count(*) from pg_replication_slots");
    assert_eq!(slots, "0");
    stream.target.restart();
    let ids = "select count(*) from orders";
    assert_eq!(stream.target.psql("shop", ids), "10", "the copy stays");
    stream.folder.apply().must_end(5, &["is gone", "abort"]);
    let status = stream.folder.run(&["status"]);
    assert!(
        status.stdout.contains("Next: `pg_dbmigrator abort"),
        "{status:?}"
    );
    stream.must_abort();
}

#[test]
fn that_nobody_protects_the_disk_is_said_as_long_as_nobody_watches() {
    let usual = Settings::default();
    let stream = Stream::between((15, 15), (&usual, &usual), SMALL);
    let until = ["apply", "--yes", "--until", "caught-up"];
    let words = [
        "thresholds.retained_wal (48.0 MiB)",
        "max_slot_wal_keep_size",
    ];
    let status = || {
        let ran = stream.folder.run(&["status"]);
        ran.must_end(0, &[]);
        ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let said = stream.folder.run(&until);
    said.must_end(0, &[]);
    let said = said.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(said.contains(word), "{said}");
        assert!(status().contains(word), "{}", status());
    }
    let mut watching = stream.watch();
    assert!(!status().contains(words[1]), "{}", status());
    watching.kill().expect("it is ours");
    watching.wait().expect("it is ours");
    stream.must_abort();
}

#[test]
fn a_slot_that_the_source_invalidated_is_said_with_the_way_out() {
    let usual = Settings::default();
    let tight = Settings::default()
        .with("max_slot_wal_keep_size", "16MB")
        .with("max_wal_size", "64MB");
    let stream = Stream::between((16, 18), (&tight, &usual), SMALL);
    stream.replicate();
    let watching = stream.watch();
    stream.target.stop();
    for _ in 0..4 {
        stream.on_source(
            "select pg_logical_emit_message(false, 'test', repeat('x', 1000000)) \
                          from generate_series(1, 20); select pg_switch_wal(); checkpoint",
        );
    }
    stream.target.restart();
    let (exit, said) = stream.end_of(watching);
    assert_eq!(exit, Some(5), "{said}");
    assert!(said.contains("max_slot_wal_keep_size"), "{said}");
    let status = stream.folder.run(&["status"]);
    assert!(status.stdout.contains("the slot is LOST"), "{status:?}");
    assert!(
        status.stdout.contains("Next: `pg_dbmigrator abort"),
        "{status:?}"
    );
    stream.must_abort();
}
