//! Compares what the application has noted with what is in the database in the end.
//! Never trusts a key of the database: it counts.

use super::book::SEQUENCES;
use super::choice::{BEGINNING, Choice, Key};
use super::invariants;
use super::record::Record;
use super::verdict::Verdict;
use crate::support::Cluster;
use crate::support::compare::Database;
use std::collections::{BTreeMap, BTreeSet};

/// An entry as it is in the database.
struct Found {
    id: i64,
    choice: Choice,
}

impl Record {
    /// Is every acknowledged entry in `database` exactly once, every doubtful one at most once, and
    /// nothing else? Do lines, balances, marks, contents and sequences agree with the entries?
    pub(crate) fn check(&self, cluster: &Cluster, database: &str) -> Verdict {
        let at = Database::on(cluster, database);
        let mut verdict = Verdict {
            acknowledged: self.commits.len(),
            in_doubt: self.in_doubt.len(),
            longest_gap: self.longest_gap(),
            commits_per_second: self.commits_per_second(),
            ..Verdict::default()
        };
        let found = entries(at);
        self.compare_entries(&found, &mut verdict);
        verdict.findings.extend(self.given_twice());
        for (count, what) in invariants::counts() {
            let rows = at.cluster.psql(at.name, &count);
            if rows != "0" {
                verdict.findings.push(format!("{rows} {what}"));
            }
        }
        for (sequence, table) in SEQUENCES {
            verdict.findings.extend(self.behind(at, sequence, table));
        }
        verdict
    }

    fn compare_entries(&self, found: &BTreeMap<Key, Vec<Found>>, verdict: &mut Verdict) {
        let beginning = (1..=self.beginning).map(|number| Key {
            client: BEGINNING,
            number,
        });
        let mut owed: BTreeSet<Key> = beginning.collect();
        owed.extend(self.commits.iter().map(|commit| commit.key));
        let is_lost = |key: &&Key| !found.contains_key(key);
        verdict.lost.extend(owed.iter().filter(is_lost));
        for (key, rows) in found {
            if rows.len() > 1 {
                verdict.doubled.push(*key);
            }
            let doubtful = self.in_doubt.contains(key);
            verdict.in_doubt_there += usize::from(doubtful);
            if !doubtful && !owed.contains(key) {
                verdict.strangers.push(*key);
            }
            let chosen = Choice::of(self.seed, *key);
            if rows.iter().any(|row| row.choice != chosen) {
                let finding = format!("{key:?} is not about what the application wrote");
                verdict.findings.push(finding);
            }
        }
        let changed = self.commits.iter().filter(|commit| {
            let rows = found.get(&commit.key).map_or(&[][..], Vec::as_slice);
            rows.iter().any(|row| row.id != commit.entry_id)
        });
        let changed =
            changed.map(|commit| format!("{:?} has another id than was given", commit.key));
        verdict.findings.extend(changed);
    }

    /// What the application itself saw of sequences that went backwards.
    fn given_twice(&self) -> Vec<String> {
        let mut findings = Vec::new();
        if let Some(words) = self.duplicates.first() {
            let count = self.duplicates.len();
            findings.push(format!(
                "{count} numbers of a sequence given again: {words}"
            ));
        }
        let entries = self.commits.iter().map(|c| c.entry_id);
        let marks = self.commits.iter().filter_map(|c| c.mark_id);
        for (what, ids) in [("entries", entries.collect()), ("marks", marks.collect())] {
            let ids: Vec<i64> = ids;
            let different: BTreeSet<i64> = ids.iter().copied().collect();
            if different.len() < ids.len() {
                let count = ids.len() - different.len();
                findings.push(format!("{count} ids of {what} were acknowledged twice"));
            }
        }
        findings
    }

    /// A sequence whose next number is not above every one that was seen.
    fn behind(&self, at: Database<'_>, sequence: &str, table: &str) -> Option<String> {
        let next = number(
            at,
            &format!("select last_value + is_called::int from {sequence}"),
        );
        let there = number(at, &format!("select coalesce(max(id), 0) from {table}"));
        let given = self.commits.iter().filter_map(|commit| match table {
            "entries" => Some(commit.entry_id),
            _ => commit.mark_id,
        });
        let highest = given.max().unwrap_or_default().max(there);
        (next <= highest).then(|| {
            format!("sequence {sequence} would give {next}, and {highest} is already given")
        })
    }
}

fn entries(at: Database<'_>) -> BTreeMap<Key, Vec<Found>> {
    let rows = at.cluster.psql(
        at.name,
        "select client, number, id, account_from, account_to, amount from entries",
    );
    let mut found: BTreeMap<Key, Vec<Found>> = BTreeMap::new();
    for row in rows.lines() {
        let values: Vec<i64> = row
            .split('|')
            .map(|value| value.parse().expect("all six are whole numbers"))
            .collect();
        let [client, number, id, account_from, account_to, amount] = values[..] else {
            panic!("a row of six columns, not {row}");
        };
        let int = |value| i32::try_from(value).expect("the column is an int");
        let key = Key {
            client: int(client),
            number,
        };
        let choice = Choice {
            account_from: int(account_from),
            account_to: int(account_to),
            amount,
        };
        found.entry(key).or_default().push(Found { id, choice });
    }
    found
}

fn number(at: Database<'_>, sql: &str) -> i64 {
    let answer = at.cluster.psql(at.name, sql);
    answer.parse().unwrap_or_else(|e| panic!("{answer}: {e}"))
}
