//! A plan that was read, what a run adds to it, and where everything in it is written.
//! It never judges: a check that finds something asks here for the place to report it at.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::Spec;
use super::overrides::Override;
use super::places::{self, Node};
use super::problem::{Problem, Source};
use super::template::Refusal;

/// The environment variables that `env()` sees.
#[derive(Clone)]
pub struct Environment(Arc<Lookup>);

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    /// Takes the variables from a function.
    pub fn new(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(lookup))
    }

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        (self.0)(name)
    }
}

impl Default for Environment {
    /// The environment of this process.
    fn default() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

/// What a run adds to the plan file.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// What `var()` returns, from `--var NAME=VALUE`.
    pub vars: BTreeMap<String, String>,
    /// Keys set for this run, from `--set copy.jobs=8`: a dotted key and a YAML value.
    pub sets: Vec<(String, String)>,
    /// What `env()` reads.
    pub environment: Environment,
}

/// A plan that was read, and where everything in it is written.
#[derive(Debug, Clone)]
pub struct Document {
    /// What the plan says, templates filled, secrets sealed.
    pub spec: Spec,
    /// The file.
    pub path: PathBuf,
    /// What `--set` changed for this run, redacted, for the plan's print and the journal.
    pub sets: Vec<(String, String)>,
    pub(super) places: Map,
}

/// From a JSON pointer to the place where it is written.
#[derive(Debug, Clone)]
pub(super) struct Map {
    pub(super) source: Source,
    pub(super) nodes: BTreeMap<String, Node>,
    pub(super) overrides: Vec<Override>,
}

impl Document {
    /// Where the value at a JSON pointer is written: `migrate.yaml:12:5`. For what is written
    /// nowhere, the section that it would be in.
    pub fn place(&self, pointer: &str) -> String {
        self.places.problem(pointer, false, "", "").place()
    }

    /// A problem with the value at a JSON pointer such as `/copy/jobs`.
    pub fn problem(&self, pointer: &str, message: &str, help: &str) -> Problem {
        self.places.problem(pointer, false, message, help)
    }

    /// A problem with the key at a JSON pointer, whatever its value.
    pub fn problem_at_key(&self, pointer: &str, message: &str, help: &str) -> Problem {
        self.places.problem(pointer, true, message, help)
    }

    /// The problem with a key of a map such as `online.replica_identity`.
    pub fn problem_at_entry(&self, map: &str, key: &str, words: (&str, &str)) -> Problem {
        let (message, help) = words;
        self.problem_at_key(&places::child(map, key), message, help)
    }
}

impl Map {
    pub(super) fn problem(
        &self,
        pointer: &str,
        at_key: bool,
        message: &str,
        help: &str,
    ) -> Problem {
        let (node, exact) = self.nearest(pointer);
        let set = self.overrides.iter().rev();
        // What is in no file may have come with a `--set` of something below it.
        let made = |set: &&Override| !exact && set.lies_below(pointer);
        if let Some(set) = set
            .clone()
            .find(|set| set.holds(pointer))
            .or(set.clone().find(made))
        {
            return Problem::beside(&set.given, message, help);
        }
        let at = match node {
            None => 0..0,
            Some(Node { key: Some(key), .. }) if at_key || !exact => key.clone(),
            Some(node) if node.value.is_empty() => node.key.clone().unwrap_or(node.value.clone()),
            Some(node) => node.value.clone(),
        };
        self.source.problem(at, message, help)
    }

    /// The node, or the nearest one around it.
    fn nearest(&self, pointer: &str) -> (Option<&Node>, bool) {
        let mut around = pointer;
        loop {
            if let Some(node) = self.nodes.get(around) {
                return (Some(node), around == pointer);
            }
            let Some((parent, _)) = around.rsplit_once('/') else {
                return (None, false);
            };
            around = parent;
        }
    }

    /// A problem with a word within the value.
    pub(super) fn within(&self, pointer: &str, refusal: &Refusal) -> Problem {
        let Refusal {
            message,
            help,
            needle,
        } = refusal;
        let set = self.overrides.iter().any(|set| set.holds(pointer));
        match self.nearest(pointer) {
            (Some(node), true) if !set => {
                let written = &self.source.text[node.value.clone()];
                let found = written
                    .find(needle.as_str())
                    .map(|at| node.value.start + at);
                let at = found.map_or(node.value.clone(), |at| at..at + needle.len());
                self.source.problem(at, message, help)
            }
            _ => self.problem(pointer, false, message, help),
        }
    }
}
