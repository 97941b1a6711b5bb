//! What the application has noted: every acknowledged commit, every doubt, every refusal.
//! Never looks into a database: `check` compares the two.

use super::Side;
use super::choice::Key;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// One acknowledged commit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Commit {
    /// Whose entry it was.
    pub(crate) key: Key,
    /// The server that has taken it.
    pub(crate) side: Side,
    /// When the answer came.
    pub(crate) at: Instant,
    /// The id that the sequence of `entries` gave.
    pub(super) entry_id: i64,
    /// The id that the sequence of `marks` gave, where the entry left a mark.
    pub(super) mark_id: Option<i64>,
}

/// All that the clients of one ledger have noted.
#[derive(Default)]
pub(crate) struct Record {
    /// Decides what every entry holds.
    pub(super) seed: u64,
    /// How many entries were there from the beginning.
    pub(crate) beginning: i64,
    /// Every acknowledged commit, in the order of the answers.
    pub(crate) commits: Vec<Commit>,
    /// Entries whose commit got no answer.
    pub(crate) in_doubt: BTreeSet<Key>,
    /// What the servers said when a sequence gave a number again.
    pub(crate) duplicates: Vec<String>,
    /// How often a side has refused, by SQLSTATE, with the words it used first.
    pub(crate) refusals: BTreeMap<(Side, String), (usize, String)>,
}

impl Record {
    /// Adds what another client has noted.
    pub(super) fn add(&mut self, other: Self) {
        self.commits.extend(other.commits);
        self.in_doubt.extend(other.in_doubt);
        self.duplicates.extend(other.duplicates);
        for (reason, (count, words)) in other.refusals {
            self.refusals.entry(reason).or_insert((0, words)).0 += count;
        }
    }

    /// Puts the commits in order, once every client has stopped.
    pub(super) fn close(&mut self) {
        self.commits.sort_unstable_by_key(|commit| commit.at);
    }

    /// How many commits a side has acknowledged.
    pub(crate) fn acknowledged_by(&self, side: Side) -> usize {
        self.commits.iter().filter(|c| c.side == side).count()
    }

    /// The first commit that this side has acknowledged.
    pub(crate) fn first_on(&self, side: Side) -> Option<&Commit> {
        self.commits.iter().find(|commit| commit.side == side)
    }

    /// The longest time without an acknowledged commit of any client.
    pub(crate) fn longest_gap(&self) -> Duration {
        let Some(first) = self.commits.first() else {
            return Duration::ZERO;
        };
        longest_gap(self.commits.iter().map(|c| c.at), first.at)
    }

    /// The speed from the first commit to the last, the outage included.
    pub(crate) fn commits_per_second(&self) -> f64 {
        let (Some(first), Some(last)) = (self.commits.first(), self.commits.last()) else {
            return 0.0;
        };
        let count = u32::try_from(self.commits.len()).unwrap_or(u32::MAX);
        f64::from(count) / last.at.duration_since(first.at).as_secs_f64().max(1e-9)
    }
}

/// The longest time between two neighbours of these times from `begun` on. What is under way when
/// it begins counts, as far as it lies after `begun`.
pub(super) fn longest_gap(times: impl Iterator<Item = Instant>, begun: Instant) -> Duration {
    let mut before = begun;
    let mut longest = Duration::ZERO;
    for at in times.filter(|at| *at >= begun) {
        longest = longest.max(at.duration_since(before));
        before = at;
    }
    longest
}
