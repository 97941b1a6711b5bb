//! What whoever watches a migration gets to see: JSON lines, quiet lines, bars, the log.
//! Never checks what is migrated.

mod streamed;
mod terminal;

use crate::support::tool::PlanFolder;
use crate::support::{Cluster, Settings};
use serde_json::Value;
use std::sync::OnceLock;
use std::time::Duration;

/// Copies slowly into a database whose name ends in `_slow`, and builds an index slowly there.
const SLOW: &str = "
    create function slow(n int) returns int language plpgsql immutable as
        $$ begin if current_database() like '%_slow' then perform pg_sleep(0.01); end if;
           return n; end $$;
    create table \"a.b\" (n int check (public.slow(n) = n));
    insert into \"a.b\" select generate_series(1, 300);
    create table other (n int);
    insert into other select generate_series(1, 1000);
    create index slow_idx on \"a.b\" (public.slow(n));
    analyze;";

/// A plan for a database that takes about six seconds to restore.
fn slow_plan() -> PlanFolder {
    plan_of(SLOW, "method: dump")
}

/// A plan for a source of its own that holds this, copied in this way.
fn plan_of(sql: &str, copy: &str) -> PlanFolder {
    static TARGET: OnceLock<Cluster> = OnceLock::new();
    let target = TARGET.get_or_init(|| Cluster::start_with(15, &Settings::default()));
    let source = Cluster::shared(15);
    let database = source.create_database("watched");
    source.psql(&database, sql);
    PlanFolder::new(&format!(
        "version: 1\nsource: {{ url: {:?} }}\ntarget: {{ url: {:?} }}\nmode: offline\n\
         copy: {{ {copy} }}\nthresholds: {{ poll_secs: 1 }}\n",
        source.url(&database),
        target.url(&format!("{database}_slow")),
    ))
}

fn events(text: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    text.lines().map(parse).collect()
}

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events
        .iter()
        .filter(|event| event["event"] == kind)
        .collect()
}

#[test]
fn json_tells_every_event_and_the_state_directory_keeps_the_same() {
    let folder = slow_plan();
    let ran = folder.run(&["apply", "--yes", "--json"]);
    ran.must_end(0, &[]);
    assert_eq!(ran.stderr, "", "by default nothing is said besides");
    let events = events(&ran.stdout);
    let run = &events[0]["run"];
    let mut before = jiff::Timestamp::MIN;
    for event in &events {
        assert_eq!(event["schema"], 1, "{event}");
        assert_eq!(&event["run"], run, "{event}");
        let kind = event["event"].as_str().expect("a kind");
        let at: jiff::Timestamp = event["at"]
            .as_str()
            .expect("a time")
            .parse()
            .expect("RFC 3339");
        assert!(at >= before, "{event}");
        before = at;
        assert_eq!(
            event["step"].is_string(),
            kind.starts_with("step_") || is_inside(kind),
            "{event}"
        );
        assert_eq!(
            event["stage"].is_string(),
            event["step"].is_string() || kind.starts_with("phase_")
        );
    }
    assert_eq!(events[0]["event"], "run_started");
    let last = events.last().expect("there are some");
    assert_eq!(last["event"], "outcome");
    assert_eq!(last["outcome"]["proof"]["rows"], 1300);
    let kept = std::fs::read_to_string(folder.state().join("events.jsonl")).expect("it is there");
    assert_eq!(self::events(&kept), events);
    progress_is_plausible(&events);
}

fn is_inside(kind: &str) -> bool {
    matches!(kind, "performed" | "progress" | "warning")
}

/// The restore takes three seconds for the rows and three for the index.
fn progress_is_plausible(events: &[Value]) {
    let all = of_kind(events, "progress");
    let restore: Vec<_> = all
        .into_iter()
        .filter(|event| event["step"] == "restore.run")
        .collect();
    let number = |event: &Value, key: &str| event[key].as_u64().expect("a number");
    let done: Vec<u64> = restore
        .iter()
        .map(|event| number(event, "bytes_done"))
        .collect();
    let total = number(restore[0], "bytes_total");
    assert!(done.is_sorted(), "{done:?}");
    assert_eq!(done.last(), Some(&total));
    let moving = |bytes: &u64| *bytes > 0 && *bytes < total;
    assert!(
        done.iter().filter(|bytes| moving(bytes)).count() >= 2,
        "it moves: {done:?} of {total}"
    );
    for event in &restore {
        let left = event["seconds_left"].as_u64();
        let finished = event["bytes_done"] == event["bytes_total"];
        assert!(
            finished == left.is_none() || number(event, "bytes_done") == 0,
            "{event}"
        );
        assert!(left.is_none_or(|seconds| seconds <= 10), "{event}");
    }
    let says = |words: &str| {
        restore
            .iter()
            .any(|event| event["message"].as_str().expect("text").contains(words))
    };
    assert!(says("public.a.b") && says("slow_idx"), "{restore:#?}");
    let at = |event: &Value| -> jiff::Timestamp {
        event["at"]
            .as_str()
            .expect("a time")
            .parse()
            .expect("RFC 3339")
    };
    // The last one comes with the end, whenever that is.
    for pair in restore[..restore.len() - 1].windows(2) {
        let between = at(pair[1]).duration_since(at(pair[0]));
        assert!(
            between >= jiff::SignedDuration::from_millis(900),
            "{between:?}"
        );
    }
}

#[test]
fn json_ends_with_the_failure_and_what_to_do() {
    let folder = PlanFolder::new(
        "version: 1\nsource: { url: 'postgres://u@127.0.0.1:1/d' }\n\
         target: { url: 'postgres://u@127.0.0.1:1/d' }\nmode: offline\n",
    );
    let ran = folder.run(&["apply", "--yes", "--json"]);
    ran.must_end(1, &["127.0.0.1:1"]);
    let events = events(&ran.stdout);
    let last = events.last().expect("there is one");
    assert_eq!(last["event"], "run_failed");
    assert_eq!(last["exit"], 1);
    assert!(
        last["error"].as_str().expect("text").contains("\nnext: "),
        "{last}"
    );
}

#[test]
fn without_a_terminal_lines_are_short_plain_and_few() {
    let folder = slow_plan();
    let ran = folder.run(&["apply", "--yes"]);
    ran.must_end(0, &[]);
    assert_eq!(ran.stderr, "");
    assert!(!ran.stdout.contains('\u{1b}'), "{:?}", ran.stdout);
    for line in ran.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let progress = ran
        .stdout
        .lines()
        .filter(|line| line.contains("public.a.b") || line.contains("slow_idx"));
    assert!((3..=12).contains(&progress.count()), "{}", ran.stdout);
    let log = std::fs::read_to_string(folder.state().join("log")).expect("it is there");
    assert!(log.contains("pg_dump: dumping contents of table"), "{log}");
    assert!(log.contains("pg_restore: creating INDEX"), "{log}");
    for line in log.lines() {
        let at = line.split(' ').next().expect("a word");
        assert!(at.parse::<jiff::Timestamp>().is_ok(), "{line}");
    }
}

#[test]
fn a_second_look_while_it_runs_tells_that_it_runs() {
    let folder = slow_plan();
    let mut running = folder.command(&["apply", "--yes"]);
    let mut running = running
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    crate::support::wait_until("the restore began", || {
        let status = folder.run(&["status", "--json"]);
        status.stdout.contains("restore.run")
    });
    let status: Value =
        serde_json::from_str(&folder.run(&["status", "--json"]).stdout).expect("JSON");
    assert_eq!(status["stands"], "running");
    folder
        .run(&["apply", "--yes"])
        .must_end(9, &["another process"]);
    assert!(running.wait().expect("it ends").success());
}

/// Long enough for the slowest of these migrations on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);
