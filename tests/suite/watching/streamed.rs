//! What whoever watches a streamed copy gets to see: each table, its parts as one, and the snapshot that
//! is kept when it is stopped. Never checks what is copied.

use super::{LIMIT, events, of_kind};
use crate::resume::ground::{end_of, signal};
use crate::support::tool::PlanFolder;
use crate::support::{Cluster, Settings, wait_until};
use rustix::process::Signal;
use serde_json::Value;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Instant;

/// Takes its time to come into a database whose name ends in `_slow`.
const SLOW: &str = "
    create function slow(n int) returns int language plpgsql immutable as
        $$ begin if current_database() like '%_slow' then perform pg_sleep(0.001); end if;
           return n; end $$;
    create table long (n int check (public.slow(n) = n), text text);
    insert into long select n, repeat(md5(n::text), 30) from generate_series(1, 6000) n;
    create table short (n int);
    insert into short select generate_series(1, 1000);
    analyze;";

const ROWS: u64 = 6000;

/// A plan that streams a table in several parts, two at a time, for some seconds.
fn slow_stream() -> PlanFolder {
    static TARGET: OnceLock<Cluster> = OnceLock::new();
    let target = TARGET.get_or_init(|| Cluster::start_with(15, &Settings::default()));
    let source = Cluster::shared(15);
    let database = source.create_database("streamed");
    source.psql(&database, SLOW);
    PlanFolder::new(&format!(
        "version: 1\nsource: {{ url: {:?} }}\ntarget: {{ url: {:?} }}\nmode: offline\n\
         copy: {{ method: stream, jobs: 2, split_larger_than: 1MiB, keep_snapshot: 10m }}\n\
         thresholds: {{ poll_secs: 1 }}\n",
        source.url(&database),
        target.url(&format!("{database}_slow")),
    ))
}

#[test]
fn the_parts_of_a_streamed_table_are_told_of_as_one() {
    let folder = slow_stream();
    let ran = folder.run(&["apply", "--yes", "--json"]);
    ran.must_end(0, &[]);
    let events = events(&ran.stdout);
    let all = of_kind(&events, "progress").into_iter();
    let long: Vec<&Value> = all
        .filter(|event| event["table"] == "public.long")
        .collect();
    let numbers = |key: &str| -> Vec<u64> {
        let number = |event: &&Value| event[key].as_u64().expect("a number");
        long.iter().map(number).collect()
    };
    let (done, rows) = (numbers("bytes_done"), numbers("rows_done"));
    let total = numbers("bytes_total")[0];
    assert!(done.is_sorted() && rows.is_sorted(), "{long:#?}");
    assert_eq!((done.last(), rows.last()), (Some(&total), Some(&ROWS)));
    assert!(
        done.iter().any(|bytes| *bytes > 0 && *bytes < total),
        "{long:#?}"
    );
    assert!(
        numbers("rows_total")
            .iter()
            .all(|rows| ROWS.abs_diff(*rows) < 10)
    );
    for event in long {
        let step = event["step"].as_str().expect("a step");
        assert!(step.starts_with("copy.public.long."), "{step}");
        let left = event["seconds_left"].as_u64();
        assert!(left.is_none_or(|seconds| seconds <= 20), "{event}");
    }
}

#[test]
fn a_streamed_copy_that_is_stopped_says_what_it_keeps_and_what_lets_it_go() {
    let folder = slow_stream();
    let mut apply = folder.command(&["apply", "--yes"]);
    let apply = apply.stdout(Stdio::piped()).stderr(Stdio::piped());
    let apply = apply.spawn().expect("it starts");
    let began = Instant::now();
    wait_until("the long table to be copied", || {
        let journal = std::fs::read_to_string(folder.state().join("journal.jsonl"));
        journal.is_ok_and(|text| text.contains("copy.public.long.1"))
    });
    assert!(began.elapsed() < LIMIT);
    let running = folder.run(&["status"]).stdout;
    assert!(running.contains("held on the source since 20"), "{running}");
    signal(&apply, Signal::TERM);
    let keeps = [
        "the snapshot is held on the source",
        "`pg_dbmigrator abort ",
    ];
    end_of(apply).must_end(143, &keeps);
    let status = folder.run(&["status"]).stdout;
    let status = status.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "held on the source since 20",
        "UTC, until 20",
        "vacuum is held back",
    ] {
        assert!(status.contains(words), "{status}");
    }
    folder.run(&["abort", "--yes"]).must_end(0, &[]);
    let aborted = folder.run(&["status", "--json"]).stdout;
    let aborted: Value = serde_json::from_str(&aborted).expect("it is JSON");
    assert_eq!(aborted["snapshot"], Value::Null);
}
