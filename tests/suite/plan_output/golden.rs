//! Golden files: what `plan` prints, byte for byte, but for what belongs to the machine.
//! `BLESS=1` writes them anew; nothing else does.

use super::stage::Stage;
use crate::support::scratch::Scratch;
use regex::Regex;
use std::path::Path;

/// What differs from machine to machine, and what stands in its place.
const THE_MACHINES_OWN: &[(&str, &str)] = &[
    (r"/[^ \n]*/pg_dbmigrator-[0-9a-f]{12}", "<folder>"),
    (r"/tmp/pgt-[^/ \n]+/[0-9]+", "<folder>"),
    (r"\b[0-9]+(\.[0-9]+)? (B|KiB|MiB|GiB)\b", "<size>"),
    (r#""bytes": [0-9]+"#, "\"bytes\": <bytes>"),
    (
        r"(?m)^( {8}(\w+|in all) +)(under )?[0-9]+ (s|min|h)( [0-9]+ min)?$",
        "${1}<time>",
    ),
    (
        r#""estimated_seconds": [0-9.]+"#,
        "\"estimated_seconds\": <seconds>",
    ),
    (r"PostgreSQL ([0-9]+)\.[0-9]+", "PostgreSQL $1.x"),
    (r#""version": "([0-9]+)\.[^"]+""#, "\"version\": \"$1.x\""),
    (r#"/[^ "\n]*/bin/(pg_dump|pg_restore)"#, "<tools>/$1"),
];

fn normalised(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, instead) in THE_MACHINES_OWN {
        let pattern = Regex::new(pattern).expect("a constant pattern");
        text = pattern.replace_all(&text, *instead).into_owned();
    }
    text
}

#[track_caller]
fn must_be(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    let mut text = normalised(text);
    if name.starts_with("demo.") {
        // Its servers are of the newest major that is installed.
        let major = Regex::new("(PostgreSQL |\"version\": \")[0-9]+").expect("a constant pattern");
        text = major.replace_all(&text, "$1<major>").into_owned();
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).expect("the checkout can be written to");
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let line = golden
        .lines()
        .zip(text.lines())
        .position(|(was, now)| was != now)
        .unwrap_or_else(|| golden.lines().count().min(text.lines().count()));
    assert!(
        golden == text,
        "tests/golden/{name}:{}: was {:?}\n now {:?}\nIf that is meant: BLESS=1 cargo test golden",
        line + 1,
        golden.lines().nth(line),
        text.lines().nth(line)
    );
}

/// The three forms of a plan.
fn must_be_in_every_form(scratch: &Scratch, plan: &str, name: &str) {
    for (form, arguments) in [
        ("txt", vec!["plan", plan]),
        ("sql.txt", vec!["plan", "--show-sql", plan]),
        ("json", vec!["plan", "--json", plan]),
    ] {
        let ran = scratch.run(&arguments);
        ran.must_end(0, &[]);
        assert_eq!(ran.stderr, "", "a plan has nothing to say beside itself");
        must_be(&format!("{name}.{form}"), &ran.stdout);
        let again = scratch.run(&arguments);
        assert_eq!(normalised(&again.stdout), normalised(&ran.stdout));
    }
}

#[test]
fn golden_plan_of_the_demo() {
    let scratch = Scratch::with(&["plans"]);
    must_be_in_every_form(&scratch, "plans/demo/migrate.yaml", "demo");
}

#[test]
fn golden_plan_from_15_to_18_with_exclusions() {
    let stage = Stage::set(15, 18);
    must_be_in_every_form(&stage.scratch, "migrate.yaml", "from_15_to_18");
}

#[test]
fn golden_plan_online_from_16_to_18() {
    let stage = Stage::set_online(16, 18);
    must_be_in_every_form(&stage.scratch, "migrate.yaml", "online_from_16_to_18");
    let plan = stage.scratch.run(&["plan", "migrate.yaml"]);
    let wide = plan.stdout.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None);
    let sql = stage.scratch.run(&["plan", "--show-sql", "migrate.yaml"]);
    assert!(sql.stdout.contains("connection '<source connection>'"));
    assert!(sql.stdout.contains("connection '<target connection>'"));
}

#[test]
fn golden_plan_streamed_from_15_to_18() {
    let stage = Stage::set_streamed(15, 18);
    must_be_in_every_form(&stage.scratch, "migrate.yaml", "streamed_from_15_to_18");
}
