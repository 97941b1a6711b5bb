//! The house rules that can be checked by reading the files: a finding is a place and what to do.
//! Never judges taste, and never changes a file; clippy has the rules that need a compiler.

mod doors;
mod files;
mod names;
mod shape;

use files::{File, tracked};

/// Fails with every finding, a line each.
#[track_caller]
fn none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// What belongs at the top; dot-files come beside it.
const TOP_LEVEL: [&str; 10] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "examples",
    "plans",
    "schemas",
    "src",
];

#[test]
fn the_top_level_stays_small() {
    let tops = tracked().into_iter().map(|path| {
        let top = path.split('/').next().unwrap_or_default();
        top.to_owned()
    });
    let mut strangers: Vec<String> = tops
        .filter(|top| !top.starts_with('.') && !TOP_LEVEL.contains(&&**top) && top != "tests")
        .map(|top| format!("{top}:1: move it into one of {TOP_LEVEL:?}, tests or a dot-folder"))
        .collect();
    strangers.dedup();
    none(&strangers);
}

#[test]
fn every_plan_in_plans_is_named_by_a_test() {
    let tests = File::all(&["tests/"], "rs");
    let plans = tracked().into_iter().filter(|path| {
        path.starts_with("plans/") && (path.ends_with(".yaml") || path.ends_with(".yml"))
    });
    let named = |plan: &String| {
        let file = plan.rsplit('/').next().unwrap_or(plan);
        tests.iter().any(|test| test.text.contains(file))
    };
    let unnamed = plans.filter(|plan| !named(plan));
    let findings: Vec<String> = unnamed
        .map(|plan| {
            format!(
                "{plan}:1: run it in a test: resume/kills.rs and plan_output/mod.rs have the lists"
            )
        })
        .collect();
    none(&findings);
}

#[test]
fn every_phase_is_in_the_list_of_all() {
    let file = File::read("src/plan.rs");
    let body = |from: &str, to: &str| {
        let start = file.text.find(from).expect("plan.rs has phases") + from.len();
        let end = file.text[start..].find(to).expect("a closing bracket");
        file.text[start..start + end].to_owned()
    };
    let declared = body("pub enum Phase {", "\n}");
    let listed = body("pub const ALL", "];") + &body("pub const AFTERWARDS", "];");
    let findings: Vec<String> = declared
        .lines()
        .map(|line| line.trim().trim_end_matches(','))
        .filter(|name| name.starts_with(char::is_uppercase))
        .filter(|name| {
            let mut words = listed.split(|c: char| !c.is_alphanumeric());
            !words.any(|word| word == *name)
        })
        .map(|name| format!("src/plan.rs:1: add {name} to Phase::ALL, at its place in the order"))
        .collect();
    none(&findings);
}
