//! Cutovers under the ledger: nothing lost, nothing doubled, and how long nobody could write.
//! `LEDGER_ROUNDS=50` makes fifty of each instead of one. Never asserts a time: it prints them.

use std::time::Instant;

use super::night::Night;
use crate::support::ledger::{Outages, Side, rounds};
use crate::support::wait_until;

/// How many commits the application makes on the target before it is asked to stop.
const AFTERWARDS: usize = 300;

/// One cutover of an application that never pauses; `attached` while an apply runs.
fn cut_over(night: &Night, attached: bool, outages: &mut Outages) {
    let ledger = night.open_the_shop();
    let apply = if attached {
        let mut apply = night.start(&["apply", "--yes"]);
        night.wait_for_caught_up(&mut apply);
        Some(apply)
    } else {
        let caught_up = ["apply", "--yes", "--until", "caught-up"];
        night.folder.run(&caught_up).must_end(0, &[]);
        None
    };
    assert_eq!(ledger.refusals(), 0, "the application saw an error");
    let begun = Instant::now();
    night.cut_over().must_end(0, &[]);
    wait_until("commits on the target", || {
        ledger.acknowledged_since(begun, Side::Target) >= AFTERWARDS
    });
    outages.note(ledger.longest_gap_since(begun));
    if let Some(apply) = apply {
        night.end_of(apply).must_end(0, &[]);
    }
    night.must_be_on_the_target(&ledger.stop());
}

fn cutovers(source: u32, target: u32, (attached, more): (bool, &str)) {
    let verify = more.trim_start_matches("verify: ");
    let how = if attached { "attached" } else { "detached" };
    let mut outages = Outages::of(&format!(
        "cutovers {source} to {target}, {how}, verify {verify}"
    ));
    for _ in 0..rounds() {
        let night = Night::new(source, target, more);
        cut_over(&night, attached, &mut outages);
    }
    outages.print();
}

#[test]
fn a_cutover_under_the_ledger_from_15_to_15_loses_nothing() {
    cutovers(15, 15, (false, "verify: off"));
}

#[test]
fn a_cutover_under_the_ledger_from_15_to_18_loses_nothing() {
    cutovers(15, 18, (true, "verify: counts"));
}

#[test]
fn a_cutover_under_the_ledger_from_16_to_18_loses_nothing() {
    cutovers(16, 18, (true, "verify: off"));
}
