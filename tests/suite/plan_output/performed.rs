//! The promise of the whole program: what `plan` printed is, line for line, what `apply` performed.
//! Never looks at the code that promises it.

use super::PLANS;
use super::recorded::{Session, StandIns, sessions, words};
use super::stage::{PREFIX, Stage};
use crate::support::programs::{client, must, newest_tools};
use crate::support::scratch::Scratch;
use crate::support::{Cluster, wait_until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What sessions send besides the plan's lines. It sets the session up, ends what a killed run left,
/// takes the lock, or asks; nothing here changes a database.
const UNPRINTED: &[&str] = &[
    // Sessions that must not be timed out, and their own pid, for cancelling.
    "select set_config(name, '0', false) from pg_settings where name in",
    "select pg_backend_pid()",
    // Whether sessions of pg_restore have to say that they write.
    "select reset_val from pg_settings where name = 'default_transaction_read_only'",
    // Joining the snapshot; no lock is waited for without end.
    "begin isolation level repeatable read, read only",
    "begin transaction isolation level repeatable read read only;",
    "rollback",
    "set transaction snapshot ",
    "set lock_timeout = ",
    // Locks of a measuring statement are given back after it.
    "savepoint unlocked",
    // Text forms that are the same everywhere.
    "set search_path = pg_catalog; set row_security = off; ",
    "release savepoint unlocked; set search_path = pg_catalog; set row_security = off; ",
    // Leftovers of a killed run of the same migration, and the lock on the target.
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1",
    "select case when pg_try_advisory_lock(",
    // Which session this is, and whether it is still there.
    "select pid, (extract(epoch from backend_start) * 1000000)::bigint",
    "select exists (select from pg_stat_activity",
    // By what a change of the schema is told, once the facts are asked.
    "select row_to_json(answer)::text from (\nselect mark from (",
    // Who is there.
    "select current_setting('server_version_num')",
    "select system_identifier::text, current_setting('server_version_num')::int / 10000",
    "select exists (select from pg_database where datname = $1)",
];

/// One step's lines, by its id.
type Steps = BTreeMap<String, Vec<String>>;

fn planned(json: &str) -> Steps {
    let plan: Value = serde_json::from_str(json).expect("--json prints JSON");
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let stages = [list(&plan["stages"]), list(&plan["afterwards"])].concat();
    let steps = stages.into_iter().flat_map(|stage| list(&stage["steps"]));
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let lines = |step: &Value| list(&step["lines"]).iter().map(text).collect();
    steps
        .map(|step| (text(&step["id"]), lines(&step)))
        .collect()
}

fn performed(events: &Path) -> Steps {
    let text = std::fs::read_to_string(events).expect("apply writes its events");
    let mut steps = Steps::new();
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).expect("every line is JSON");
        if event["event"] == "performed" {
            let step = event["step"].as_str().expect("it belongs to a step");
            let line = event["line"].as_str().expect("it has a line");
            steps
                .entry(step.to_owned())
                .or_default()
                .push(line.to_owned());
        }
    }
    steps
}

/// The SQL of the printed lines that begin with one of these places, sorted.
fn printed_sql(steps: &Steps, places: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for line in steps.values().flatten() {
        let place = |place: &&str| line.strip_prefix(&format!("{place}: "));
        all.extend(
            places
                .iter()
                .find_map(place)
                .map(|sql| sql.trim().to_owned()),
        );
    }
    all.sort();
    all
}

/// What the program's own sessions sent, sorted. Sessions of pg_dump and pg_restore bear the same
/// name, and begin in their own way.
fn sent_sql(log: &str) -> Vec<String> {
    let own = |session: &Session| {
        session.application.starts_with("pg_dbmigrator ")
            && !session.application.starts_with("pg_dbmigrator plan")
            && !session.statements[0].starts_with("SELECT pg_catalog.set_config('search_path'")
    };
    let sessions = sessions(log).into_iter().filter(own);
    let statements = sessions.flat_map(|session| session.statements);
    let mut all: Vec<String> = statements.map(|sql| sql.trim().to_owned()).collect();
    all.sort();
    all
}

/// Every line that was printed was sent, as often as it was printed; and nothing else was, but for
/// questions and what sets a session up.
#[track_caller]
fn must_be_the_same(printed: Vec<String>, sent: Vec<String>, questions: &[String]) {
    assert!(!printed.is_empty(), "no line was printed");
    let mut unprinted = sent;
    let mut unsent = Vec::new();
    for line in printed {
        match unprinted.iter().position(|sql| *sql == line) {
            Some(at) => drop(unprinted.remove(at)),
            None => unsent.push(line),
        }
    }
    unprinted.retain(|sql| {
        let known = UNPRINTED.iter().any(|known| sql.starts_with(known));
        let question = || {
            questions
                .iter()
                .any(|question| sql.contains(question.as_str()))
        };
        !known && !question()
    });
    assert_eq!(unsent, [""; 0], "printed, and not sent");
    assert_eq!(unprinted, [""; 0], "sent, and not printed");
}

/// Every question of `inspect` and `fingerprint`: files with one query each.
fn questions() -> Vec<String> {
    let mut all = vec![
        "select reset_val from pg_settings where name = 'default_transaction_read_only'".to_owned(),
    ];
    for folder in ["src/inspect/sql", "src/fingerprint/sql"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be listed").path();
            let text = std::fs::read_to_string(path).expect("it is text");
            all.push(text.trim().to_owned());
        }
    }
    all
}

fn must_have_run(stand_ins: &StandIns, steps: &Steps, dump: &Path) {
    let lines = steps.values().flatten();
    let printed: Vec<Vec<String>> = lines
        .filter_map(|line| line.strip_prefix("run: "))
        .map(words)
        .collect();
    for name in ["pg_dump", "pg_restore"] {
        let program = stand_ins.folder().join(name).display().to_string();
        let printed = printed.iter().filter(|words| words[0] == program);
        let printed: Vec<&[String]> = printed.map(|words| &words[1..]).collect();
        let runs = stand_ins.runs(name);
        let ran: Vec<Vec<String>> = runs
            .iter()
            .zip(&printed)
            .map(|(run, printed)| with_holes(run, printed, dump))
            .collect();
        assert_eq!(ran, printed, "{name}");
        assert_eq!(runs.len(), printed.len(), "{name}: {runs:?}");
        assert!(!runs.is_empty(), "{name} is run");
    }
}

/// The arguments of a run, with holes where the printed ones have some: the dump is where it should
/// be, and a snapshot or a list is there at all.
fn with_holes(run: &[String], printed: &[String], dump: &Path) -> Vec<String> {
    let dump = dump.display().to_string();
    let with_hole = |(argument, printed): (&String, &String)| match printed.split_once("=<") {
        Some((flag, _)) if flag != "--file" && argument.len() > flag.len() + 1 => {
            let same = argument.starts_with(&format!("{flag}="));
            if same { printed } else { argument }.clone()
        }
        _ => argument.replace(&dump, "<dump>"),
    };
    let rest = run.iter().skip(printed.len()).cloned();
    run.iter().zip(printed).map(with_hole).chain(rest).collect()
}

/// Plans, applies and compares. `logs` are asked for after `plan`, which starts throwaway servers.
fn must_be_performed_as_planned(
    scratch: &Scratch,
    plan: &str,
    major: u32,
    logs: impl FnOnce() -> [PathBuf; 2],
) {
    let stand_ins = StandIns::new(scratch, major);
    let set = format!("copy.tools={}", stand_ins.folder().display());
    let json = scratch.run(&["plan", "--json", "--set", &set, plan]);
    json.must_end(0, &[]);
    let logs = logs();
    scratch
        .run(&["apply", "--yes", "--set", &set, plan])
        .must_end(0, &[]);
    let planned = planned(&json.stdout);
    let state = scratch.path().join(plan).with_extension("state");
    assert_eq!(performed(&state.join("events.jsonl")), planned);
    let questions = questions();
    let places: [&[&str]; 2] = [&["source"], &["target", "target server"]];
    for (log, places) in logs.into_iter().zip(places) {
        let log = std::fs::read_to_string(log).expect("the server has a log");
        must_be_the_same(printed_sql(&planned, places), sent_sql(&log), &questions);
    }
    must_have_run(
        &stand_ins,
        &planned,
        &Path::new(plan).with_extension("state").join("dump"),
    );
}

/// Has the plan's throwaway servers log every statement from now on, and says where.
fn logs_of_throwaway_servers(scratch: &Scratch, plan: &str) -> [PathBuf; 2] {
    let status = scratch.run(&["status", "--json", plan]);
    let status: Value = serde_json::from_str(&status.stdout).expect("--json prints JSON");
    ["source", "target"].map(|side| {
        let url = status["embedded"][side]["url"]
            .as_str()
            .expect("it runs")
            .to_owned();
        let folder = url
            .split_once("host=")
            .and_then(|(_, rest)| rest.split('&').next());
        let folder = PathBuf::from(folder.expect("the url has a folder"));
        let connection = format!("host={} user=postgres dbname=postgres", folder.display());
        let ask = |sql: &str| {
            let mut psql = client(&newest_tools(), "psql");
            must(psql.args(["-XAtqd", &connection, "-c", sql]))
        };
        ask(&format!("alter system set log_line_prefix = '{PREFIX}'"));
        ask("alter system set log_statement = 'all'");
        ask("select pg_reload_conf()");
        wait_until("the server logs statements", || {
            ask("show log_statement").trim() == "all"
        });
        folder.join("log")
    })
}

#[test]
fn what_plan_printed_is_what_apply_performed_for_every_plan() {
    for plan in PLANS {
        let scratch = Scratch::with(&["plans"]);
        let text = std::fs::read_to_string(scratch.path().join(plan)).expect("it is there");
        if text.contains("mode: online") {
            // It waits for its cutover; below, an online plan goes all the way there and back.
            continue;
        }
        must_be_streamed_as_planned(&scratch, plan, || logs_of_throwaway_servers(&scratch, plan));
    }
}

#[test]
fn what_plan_printed_is_what_apply_performed_from_15_to_18() {
    let stage = Stage::set(15, 18);
    let logs = [&stage.source, &stage.target].map(|side| side.socket_folder().join("log"));
    must_be_performed_as_planned(&stage.scratch, "migrate.yaml", 18, || logs);
}

/// The same for rows that are streamed: what is sent in a script that `pg_restore` writes is known
/// only then, COPY is all known before.
fn must_be_streamed_as_planned(scratch: &Scratch, plan: &str, logs: impl FnOnce() -> [PathBuf; 2]) {
    let json = scratch.run(&["plan", "--json", plan]);
    json.must_end(0, &[]);
    let logs = logs();
    scratch.run(&["apply", "--yes", plan]).must_end(0, &[]);
    let planned = planned(&json.stdout);
    let state = scratch.path().join(plan).with_extension("state");
    assert_eq!(performed(&state.join("events.jsonl")), planned);
    let copies = |mut all: Vec<String>| {
        all.retain(|sql| sql.starts_with("copy ") || sql.starts_with("truncate "));
        all
    };
    for (log, place) in logs.into_iter().zip(["source", "target"]) {
        let log = std::fs::read_to_string(log).expect("the server has a log");
        let printed = copies(printed_sql(&planned, &[place]));
        assert!(printed.len() > 20, "{printed:?}");
        assert_eq!(copies(sent_sql(&log)), printed, "{place}");
    }
}

#[test]
fn what_plan_printed_is_what_apply_performed_streamed_from_15_to_18() {
    let stage = Stage::set_streamed(15, 18);
    let logs = [&stage.source, &stage.target].map(|side| side.socket_folder().join("log"));
    must_be_streamed_as_planned(&stage.scratch, "migrate.yaml", || logs);
}

#[test]
fn what_plan_printed_is_what_apply_rollback_and_finalize_performed_online() {
    let stage = Stage::set_online(16, 18);
    let json = stage.scratch.run(&["plan", "--json", "migrate.yaml"]);
    json.must_end(0, &[]);
    let planned = planned(&json.stdout);
    let events = stage.scratch.path().join("migrate.state/events.jsonl");
    let run = |command: &str| {
        let ran = stage.scratch.run(&[command, "--yes", "migrate.yaml"]);
        ran.must_end(0, &[]);
    };
    run("apply");
    run("rollback");
    let there_and_back = performed(&events);
    std::fs::remove_file(&events).expect("it is there");
    run("apply");
    let again = performed(&events);
    // What finalize performs is said in the state that it then removes; the servers' logs stay.
    run("finalize");
    for (step, lines) in &planned {
        if step.starts_with("finalize.") {
            continue;
        }
        assert_eq!(there_and_back.get(step), Some(lines), "{step}");
    }
    for (step, lines) in &again {
        assert_eq!(planned.get(step), Some(lines), "{step}");
    }
    let logs = [&stage.source, &stage.target].map(Cluster::log);
    let final_steps = planned
        .iter()
        .filter(|(step, _)| step.starts_with("finalize."));
    for line in final_steps.flat_map(|(_, lines)| lines) {
        let (place, sql) = line.split_once(": ").expect("a place comes first");
        let log = &logs[usize::from(place != "source")];
        let sent = sessions(log)
            .into_iter()
            .flat_map(|session| session.statements);
        assert!(
            sent.into_iter().any(|sent| sent.trim() == sql.trim()),
            "{line}"
        );
    }
}
