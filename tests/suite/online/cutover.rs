//! Cutovers under the ledger: nothing lost, nothing doubled, and how long nobody could write.
//! `LEDGER_ROUNDS=50` makes fifty of each instead of one. Never asserts a time: it prints them.

use std::time::Instant;

use super::night::Night;
use super::serves;
use crate::support::ledger::{Ledger, Outages, Side, rounds};

/// A kind of cutover, and what was measured.
struct Kind {
    source: u32,
    target: u32,
    /// Whether an apply runs meanwhile.
    attached: bool,
    /// Whether rows are dumped, and not streamed in many parts.
    dumped: bool,
    /// What the plan says below `cutover:`.
    settings: &'static str,
}

impl Kind {
    /// Cuts over as often as asked; every round a new night.
    fn cut_over(&self) {
        let mut outages = Outages::of(&self.named("cutovers"));
        for _ in 0..rounds() {
            let night = self.night();
            let ledger = night.open_the_shop();
            self.switch(&night, &ledger, &mut outages);
            night.must_be_on_the_target(&ledger.stop());
            night.must_finalize();
        }
        outages.print();
    }

    /// Cuts over and back as often as asked, all in one night.
    fn cut_over_and_roll_back(&self) {
        let mut there = Outages::of(&self.named("cutovers"));
        let mut back = Outages::of(&self.named("rollbacks"));
        let night = self.night();
        let ledger = night.open_the_shop();
        for _ in 0..rounds() {
            self.switch(&night, &ledger, &mut there);
            let begun = Instant::now();
            night.roll_back().must_end(0, &[]);
            serves(&ledger, begun, Side::Source);
            back.note(ledger.longest_gap_since(begun));
        }
        there.print();
        back.print();
        night.must_be_on_the_source(&ledger.stop());
        night.must_abort();
    }

    /// One cutover of an application that never pauses.
    fn switch(&self, night: &Night, ledger: &Ledger, outages: &mut Outages) {
        let before = ledger.refusals();
        let apply = if self.attached {
            Some(night.start_until_caught_up())
        } else {
            night.replicate();
            None
        };
        assert_eq!(ledger.refusals(), before, "the application saw an error");
        let begun = Instant::now();
        night.cut_over().must_end(0, &[]);
        serves(ledger, begun, Side::Target);
        outages.note(ledger.longest_gap_since(begun));
        if let Some(apply) = apply {
            night.end_of(apply).must_end(0, &[]);
        }
    }

    fn night(&self) -> Night {
        let night = Night::new(self.source, self.target, self.settings);
        if self.dumped {
            night.dumped()
        } else {
            night.in_parts()
        }
    }

    fn named(&self, what: &str) -> String {
        let how = if self.attached {
            "attached"
        } else {
            "detached"
        };
        format!(
            "{what} {} to {}, {how}, {}",
            self.source, self.target, self.settings
        )
    }
}

#[test]
fn a_cutover_under_the_ledger_from_15_to_15_loses_nothing() {
    let kind = Kind {
        source: 15,
        target: 15,
        attached: false,
        dumped: false,
        settings: "verify: off",
    };
    kind.cut_over();
}

#[test]
fn a_cutover_under_the_ledger_from_15_to_18_loses_nothing() {
    let kind = Kind {
        source: 15,
        target: 18,
        attached: true,
        dumped: false,
        settings: "verify: counts",
    };
    kind.cut_over();
}

#[test]
fn a_cutover_and_its_rollback_under_the_ledger_from_15_to_15_lose_nothing() {
    let kind = Kind {
        source: 15,
        target: 15,
        attached: false,
        dumped: false,
        settings: "verify: off",
    };
    kind.cut_over_and_roll_back();
}

#[test]
fn a_cutover_and_its_rollback_under_the_ledger_from_16_to_18_lose_nothing() {
    let kind = Kind {
        source: 16,
        target: 18,
        attached: true,
        dumped: false,
        settings: "verify: off",
    };
    kind.cut_over_and_roll_back();
}

#[test]
fn a_dumped_copy_and_its_cutover_under_the_ledger_from_15_to_18_lose_nothing() {
    let kind = Kind {
        source: 15,
        target: 18,
        attached: false,
        dumped: true,
        settings: "verify: rows",
    };
    kind.cut_over();
}

#[test]
fn a_cutover_and_its_rollback_under_the_ledger_from_15_to_18_lose_nothing() {
    let kind = Kind {
        source: 15,
        target: 18,
        attached: false,
        dumped: false,
        settings: "verify: off",
    };
    kind.cut_over_and_roll_back();
}
