//! What differs between two fingerprints, object by object, and how it is shown.
//! Never decides whether a difference matters.

use std::collections::BTreeSet;
use std::fmt;

use super::{Comparison, Fingerprint, Object, ObjectName, deparsed};

/// How much of a long definition is shown, in characters.
const SHOWN: usize = 240;
/// How much of what two long definitions have in common is shown before the first difference.
const CONTEXT: usize = 60;
/// PostgreSQL leaves out the qualifier of columns in queries of a single table from this major on.
const UNQUALIFIED_SINCE: u32 = 16;

/// One object that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The object.
    pub object: ObjectName,
    /// What is not the same.
    pub change: Change,
}

/// In what an object is not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The source alone has it.
    OnlyOnSource {
        /// Its definition, possibly empty.
        source: String,
    },
    /// The target alone has it.
    OnlyOnTarget {
        /// Its definition, possibly empty.
        target: String,
    },
    /// Both have it, defined differently.
    Differs {
        /// The definition on the source.
        source: String,
        /// The definition on the target.
        target: String,
    },
}

impl Fingerprint {
    /// Everything in which `target` differs from this fingerprint of the source, sorted by object.
    /// What belongs to an object that one side lacks is not told on its own.
    #[must_use]
    pub fn differences(&self, target: &Self) -> Vec<Difference> {
        let names: BTreeSet<&ObjectName> =
            self.objects.keys().chain(target.objects.keys()).collect();
        let differing = names.into_iter().filter_map(|name| {
            self.change(target, name).map(|change| Difference {
                object: name.clone(),
                change,
            })
        });
        differing.collect()
    }

    fn change(&self, target: &Self, name: &ObjectName) -> Option<Change> {
        match (self.objects.get(name), target.objects.get(name)) {
            (Some(was), Some(is)) if !same(was, is, self.prints_otherwise_than(target)) => {
                let (source, target) = (was.definition.to_string(), is.definition.to_string());
                Some(Change::Differs { source, target })
            }
            (Some(was), None) if self.alone(was, target) => Some(Change::OnlyOnSource {
                source: was.definition.to_string(),
            }),
            (None, Some(is)) if target.alone(is, self) => Some(Change::OnlyOnTarget {
                target: is.definition.to_string(),
            }),
            _ => None,
        }
    }

    /// Whether one side prints columns with the table's name where the other does without.
    fn prints_otherwise_than(&self, other: &Self) -> bool {
        (self.major < UNQUALIFIED_SINCE) != (other.major < UNQUALIFIED_SINCE)
    }

    /// Whether the other side, which lacks this object, could have it, and its absence does not
    /// follow from that of its parent.
    fn alone(&self, object: &Object, other: &Self) -> bool {
        let parent_alone = object.parent.as_ref().is_some_and(|parent| {
            self.objects.contains_key(parent) && !other.objects.contains_key(parent)
        });
        object.since <= other.major && !parent_alone
    }
}

fn same(one: &Object, other: &Object, qualifiers: bool) -> bool {
    one.definition == other.definition
        || match one.comparison {
            Comparison::Exact => false,
            Comparison::Deparsed => deparsed::same(&one.definition, &other.definition, qualifiers),
            Comparison::Order => same_order(&one.definition, &other.definition),
        }
}

/// Whether the names in both lists come in the same order; a name in one alone is told elsewhere.
fn same_order(one: &str, other: &str) -> bool {
    let list = |text: &str| serde_json::from_str::<Vec<String>>(text).unwrap_or_default();
    let (one, other) = (list(one), list(other));
    let common = |a: &[String], b: &[String]| -> Vec<String> {
        a.iter().filter(|name| b.contains(name)).cloned().collect()
    };
    common(&one, &other) == common(&other, &one)
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let only = |f: &mut fmt::Formatter<'_>, side: &str, definition: &str| {
            write!(f, "{} is only on the {side}", self.object)?;
            if definition.is_empty() {
                return Ok(());
            }
            write!(f, ": {}", excerpt(definition, 0))
        };
        match &self.change {
            Change::OnlyOnSource { source } => only(f, "source", source),
            Change::OnlyOnTarget { target } => only(f, "target", target),
            Change::Differs { source, target } => {
                let common = source
                    .chars()
                    .zip(target.chars())
                    .take_while(|(a, b)| a == b)
                    .count();
                writeln!(f, "{} differs", self.object)?;
                writeln!(f, "  source: {}", excerpt(source, common))?;
                write!(f, "  target: {}", excerpt(target, common))
            }
        }
    }
}

/// One line of a definition, of a long one the part around character number `around`.
fn excerpt(definition: &str, around: usize) -> String {
    let length = definition.chars().count();
    let start = if length <= SHOWN {
        0
    } else {
        around.saturating_sub(CONTEXT)
    };
    let shown: String = definition.chars().skip(start).take(SHOWN).collect();
    let before = if start > 0 { "… " } else { "" };
    let after = if start + SHOWN < length { " …" } else { "" };
    format!(
        "{before}{}{after}",
        shown.replace('\n', "\\n").replace('\r', "\\r")
    )
}
