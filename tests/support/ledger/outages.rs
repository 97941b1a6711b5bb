//! The write outages of many switches, and how many switches a run is to make.
//! Never measures: it only counts what the ledger has measured.

use std::fmt;
use std::time::Duration;

/// How many rounds a test is to make: `LEDGER_ROUNDS`, or one.
pub(crate) fn rounds() -> usize {
    let Some(rounds) = std::env::var_os("LEDGER_ROUNDS") else {
        return 1;
    };
    let rounds = rounds.to_string_lossy();
    rounds
        .parse()
        .unwrap_or_else(|e| panic!("LEDGER_ROUNDS={rounds}: {e}"))
}

/// The outages of one kind of switch.
#[derive(Debug)]
pub(crate) struct Outages {
    what: String,
    sorted: Vec<Duration>,
}

impl Outages {
    /// None yet, of this kind: `cutovers 15 to 18`.
    pub(crate) fn of(what: &str) -> Self {
        Self {
            what: what.to_owned(),
            sorted: Vec::new(),
        }
    }

    /// Adds one.
    pub(crate) fn note(&mut self, outage: Duration) {
        let at = self.sorted.partition_point(|known| *known <= outage);
        self.sorted.insert(at, outage);
    }

    /// The outage that so many of a hundred do not exceed: the nearest rank.
    pub(crate) fn percentile(&self, of_hundred: usize) -> Duration {
        let rank = (self.sorted.len() * of_hundred).div_ceil(100).max(1);
        self.sorted.get(rank - 1).copied().unwrap_or_default()
    }

    /// Prints one line.
    #[expect(
        clippy::print_stdout,
        reason = "the line is a figure that the proof hands in"
    )]
    pub(crate) fn print(&self) {
        println!("{self}");
    }
}

impl fmt::Display for Outages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "write outage of {} {}: p50 {} ms, p95 {} ms, longest {} ms",
            self.sorted.len(),
            self.what,
            self.percentile(50).as_millis(),
            self.percentile(95).as_millis(),
            self.percentile(100).as_millis(),
        )
    }
}
