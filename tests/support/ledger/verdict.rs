//! The verdict on a migration under the ledger, in one line and in full.
//! Never decides anything: `check` has.

use super::choice::Key;
use std::fmt;
use std::time::Duration;

/// How many keys a verdict names of each kind.
const NAMED: usize = 10;

/// What the check has found.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// How many commits were acknowledged.
    pub(crate) acknowledged: usize,
    /// Acknowledged, and not there.
    pub(crate) lost: Vec<Key>,
    /// There more than once.
    pub(crate) doubled: Vec<Key>,
    /// There, though never acknowledged nor in doubt.
    pub(crate) strangers: Vec<Key>,
    /// How many commits got no answer.
    pub(crate) in_doubt: usize,
    /// How many of these are there.
    pub(crate) in_doubt_there: usize,
    /// The longest time between two acknowledged commits.
    pub(crate) longest_gap: Duration,
    /// How many commits were acknowledged a second, the outage included.
    pub(crate) commits_per_second: f64,
    /// Everything else that does not agree, a sentence each.
    pub(crate) findings: Vec<String>,
}

impl Verdict {
    /// Whether nothing was lost, doubled or made up, and everything agrees.
    pub(crate) fn is_clean(&self) -> bool {
        let keys = [&self.lost, &self.doubled, &self.strangers];
        keys.iter().all(|keys| keys.is_empty()) && self.findings.is_empty()
    }

    /// Prints the one line, and panics with all that was found unless it is clean.
    #[track_caller]
    #[expect(clippy::print_stdout, reason = "the line is what the proof hands in")]
    pub(crate) fn must_be_clean(&self) {
        println!("{self}");
        assert!(self.is_clean(), "{self}\n{}", self.in_full());
    }

    /// Everything found, a line each; of many keys the first.
    pub(crate) fn in_full(&self) -> String {
        let kinds = [
            ("lost", &self.lost),
            ("doubled", &self.doubled),
            ("made up", &self.strangers),
        ];
        let keys = kinds.iter().filter(|(_, keys)| !keys.is_empty());
        let keys = keys.map(|(kind, keys)| {
            let first = &keys[..keys.len().min(NAMED)];
            format!("{} {kind}: {first:?}", keys.len())
        });
        let lines: Vec<String> = keys.chain(self.findings.iter().cloned()).collect();
        lines.join("\n")
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ledger: {} acknowledged, {} lost, {} doubled, {} in doubt ({} there), longest gap {} ms, \
             {:.0} commits/s",
            with_commas(self.acknowledged),
            self.lost.len(),
            self.doubled.len(),
            self.in_doubt,
            self.in_doubt_there,
            self.longest_gap.as_millis(),
            self.commits_per_second,
        )?;
        let others = self.strangers.len() + self.findings.len();
        if others > 0 {
            write!(f, ", and {others} other findings")?;
        }
        Ok(())
    }
}

fn with_commas(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
