//! Tests of sequences that cannot be carried at the cutover, or are not to be.
//! Never looks at the code: the report, the program's words and both servers say.

use serde_json::Value;

use super::switch::Move;

/// The outcome that the last run wrote down.
fn report(all: &Move) -> Value {
    let file = all.folder.state().join("report.json");
    let text = std::fs::read_to_string(file).expect("the cutover wrote it");
    serde_json::from_str(&text).expect("it is JSON")
}

/// A source whose three sequences moved on, and a target that can take one of them.
fn two_of_three_fail() -> Move {
    let all = Move::streaming("30s", true);
    let changed = "set default_transaction_read_only = off; drop sequence fresh;
        alter sequence downwards minvalue 995";
    all.target.psql("moved", changed);
    all.source.psql(
        "shop",
        "insert into kettles (name) values ('late'); select nextval('fresh');
         select nextval('downwards') from generate_series(1, 9)",
    );
    all
}

const REASONS: [&str; 2] = [
    "relation \"public.fresh\" does not exist",
    "value 990 is out of bounds for sequence \"downwards\"",
];

#[test]
fn a_sequence_that_cannot_be_carried_is_named_and_takes_the_cutover_back() {
    let all = two_of_three_fail();
    let told = all.cut_over(&["--set", "cutover.accept_drift=true"]);
    told.must_end(8, &["public.downwards, public.fresh", "sequence_errors"]);
    told.must_end(8, &REASONS);
    assert!(all.source_serves());
}

#[test]
fn where_the_plan_says_so_it_is_a_warning_and_claimed_by_nobody() {
    let all = two_of_three_fail();
    let accept = ["--set", "cutover.accept_drift=true"];
    let warn = ["--set", "cutover.sequence_errors=warn"];
    let more = [accept, warn].concat();
    let ran = all.cut_over(&more);
    ran.must_end(0, &[]);
    let [source, target] = all.both("select last_value, is_called from kettles_id_seq");
    assert_eq!(source, target, "the third is carried");
    let report = report(&all);
    assert_eq!(report["proof"]["sequences"], 1);
    assert_eq!(report["proof"]["verify"], "counts");
    let warnings = report["warnings"].as_array().expect("it is a list");
    for (name, reason) in ["public.fresh", "public.downwards"].iter().zip(REASONS) {
        let told = |warning: &&Value| {
            let text = warning.as_str().unwrap_or_default();
            text.contains(&format!("sequence {name} was NOT carried")) && text.contains(reason)
        };
        assert_eq!(warnings.iter().filter(told).count(), 1, "{warnings:?}");
    }
    assert!(ran.stdout.contains("on the source it stands at 990"));
    all.run(&[&["rollback", "--yes"], &more[..]].concat())
        .must_end(0, &[]);
    assert!(all.source_serves());
}

#[test]
fn sequences_that_are_not_to_be_carried_are_left_alone_and_claimed_by_nobody() {
    let all = Move::streaming("30s", true);
    all.source.psql("shop", "select nextval('fresh')");
    all.cut_over(&["--set", "cutover.sequences=false"])
        .must_end(0, &[]);
    let report = report(&all);
    assert_eq!(report["proof"]["sequences"], 0);
    assert_eq!(report["proof"]["verify"], "counts");
    let stands = "select last_value, is_called from fresh";
    assert_eq!(all.both(stands), ["1|t", "1|f"]);
}
