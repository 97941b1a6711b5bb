//! What a plan estimates, and what the end tells beside it.
//! Never measures time: how far an estimate is from the truth is for a quiet machine to say.

use crate::support::scratch::Scratch;
use serde_json::Value;

/// Each phase of a plan that has something to do, with its estimate in seconds.
fn estimates(json: &str) -> Vec<(String, Option<f64>)> {
    let plan: Value = serde_json::from_str(json).expect("--json prints JSON");
    let stages = plan["stages"].as_array().expect("a list").iter();
    let busy = stages.filter(|stage| stage["steps"] != Value::Array(Vec::new()));
    let estimate = |stage: &Value| {
        let phase = stage["phase"].as_str().expect("a name").to_owned();
        (phase, stage["estimated_seconds"].as_f64())
    };
    busy.map(estimate).collect()
}

#[test]
fn every_phase_is_estimated_and_the_end_tells_what_it_took() {
    let scratch = Scratch::with(&["plans"]);
    let plan = "plans/demo/migrate.yaml";
    let estimated = estimates(&scratch.run(&["plan", "--json", plan]).stdout);
    for (phase, seconds) in &estimated {
        assert!(seconds.is_some_and(|seconds| seconds > 0.0), "{phase}");
    }
    let ran = scratch.run(&["apply", "--yes", plan]);
    ran.must_end(0, &[]);
    let report = scratch.path().join("plans/demo/migrate.state/report.json");
    let report = std::fs::read_to_string(report).expect("apply writes it");
    let report: Value = serde_json::from_str(&report).expect("it is JSON");
    let told = report["phases"].as_array().expect("a list");
    let shown = ran
        .stdout
        .lines()
        .filter(|line| line.contains(", estimated "));
    assert_eq!(shown.count(), estimated.len(), "{}", ran.stdout);
    let mut taken = 0.0;
    for ((phase, seconds), told) in estimated.iter().zip(told) {
        assert_eq!(told["phase"], phase.as_str());
        assert_eq!(told["estimated_seconds"].as_f64(), *seconds, "{phase}");
        taken += told["taken_seconds"].as_f64().expect("it is done");
    }
    let at = |key: &str| -> jiff::Timestamp {
        let text = report[key].as_str().expect("a time");
        text.parse().expect("RFC 3339")
    };
    let whole = at("completed").duration_since(at("begun")).as_secs_f64();
    assert!(taken > whole / 2.0 && taken <= whole, "{taken} of {whole}");
}

#[test]
fn an_estimate_knows_the_jobs_and_not_when_somebody_will_cut_over() {
    let scratch = Scratch::with(&["plans"]);
    let plan = "plans/demo/night.yaml";
    let of = |jobs: &str| {
        let set = format!("copy.jobs={jobs}");
        estimates(&scratch.run(&["plan", "--json", "--set", &set, plan]).stdout)
    };
    let (one, two) = (of("1"), of("2"));
    let seconds = |all: &[(String, Option<f64>)], phase: &str| {
        let found = all.iter().find(|(name, _)| name == phase);
        found.unwrap_or_else(|| panic!("no {phase}")).1
    };
    assert_eq!(seconds(&one, "StreamApply"), None);
    assert!(seconds(&one, "Cutover") > Some(0.0));
    assert!(seconds(&one, "Copy") > seconds(&two, "Copy"));
}
