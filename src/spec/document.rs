//! Reads a plan file: text, YAML, `--set`, templates, schema, types, in this order.
//! It never runs a `command()` for a plan that is wrong in any other way, and asks no server.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::error::Result;
use crate::secret::{RESERVED, redact};

use super::check::{self, Objection};
use super::overrides::{self, Override};
use super::places::{self, Node};
use super::problem::{Problem, Problems, Source};
use super::template::{Filler, Refusal, Sources};
use super::{Spec, file, password, schema, yaml};

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
    places: Map,
}

/// From a JSON pointer to the place where it is written.
#[derive(Debug, Clone)]
struct Map {
    source: Source,
    nodes: BTreeMap<String, Node>,
    overrides: Vec<Override>,
}

/// Reads the plan at `path`.
///
/// # Errors
/// Every problem of the plan at once, each with its place ([`crate::error::Exit::PlanInvalid`]).
pub fn read(path: &Path, inputs: &Inputs) -> Result<Document> {
    let text = file::text(path)?;
    let reading = Reading::new(path, text, inputs)?;
    let sources = Sources {
        vars: inputs.vars.clone(),
        environment: inputs.environment.clone(),
        folder: path.parent().unwrap_or(Path::new("")).join("."),
    };
    let rehearsal = Filler::new(&sources, false);
    let mut spec = reading.clone().fill(&rehearsal)?;
    if rehearsal.ran_commands() {
        spec = reading.clone().fill(&Filler::new(&sources, true))?;
    }
    let shown = |(key, value): &(String, String)| {
        let value = redact(value);
        (key.clone(), password::masked(&value).into_owned())
    };
    Ok(Document {
        spec,
        path: path.to_owned(),
        sets: inputs.sets.iter().map(shown).collect(),
        places: reading.places,
    })
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

    /// The text of the file as it was read, without a byte order mark.
    pub fn text(&self) -> &str {
        &self.places.source.text
    }
}

impl Map {
    fn problem(&self, pointer: &str, at_key: bool, message: &str, help: &str) -> Problem {
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
    fn within(&self, pointer: &str, refusal: &Refusal) -> Problem {
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

/// A plan on its way from text to [`Spec`].
#[derive(Debug, Clone)]
struct Reading {
    places: Map,
    value: Value,
    problems: Problems,
    settled: BTreeSet<String>,
}

impl Reading {
    fn new(path: &Path, text: String, inputs: &Inputs) -> Result<Self> {
        let source = Source::new(path.display().to_string(), text);
        let mut problems = reserved(&source, inputs);
        let found = yaml::read(&source.text);
        let complained = found.complaints.into_iter();
        problems.extend(complained.map(|c| source.problem(c.at, &c.message, &c.help)));
        let places = Map {
            source,
            nodes: found.nodes,
            overrides: inputs
                .sets
                .iter()
                .map(|(k, v)| Override::new(k, v))
                .collect(),
        };
        let Some(value) = found.value else {
            return Err(problems.error());
        };
        let mut reading = Self {
            places,
            value,
            problems,
            settled: found.settled,
        };
        if !reading.value.is_object() {
            let help = "it starts with `version: 1`";
            let problem = reading
                .places
                .problem("", false, "a plan is a mapping of keys", help);
            reading.problems.push(problem);
            return Err(reading.problems.error());
        }
        for (key, text) in &inputs.sets {
            overrides::apply(&mut reading.value, key, text, &mut reading.problems);
        }
        reading.drop_empty();
        reading.seal_passwords();
        Ok(reading)
    }

    /// A key with nothing after it means its default. `.nan` and `.inf` are no numbers in JSON:
    /// they are not nothing, though.
    fn drop_empty(&mut self) {
        let (places, settled) = (&self.places, &mut self.settled);
        let mut numbers = Vec::new();
        drop_nulls(&mut self.value, "", &mut |pointer| {
            if settled.contains(pointer) {
                return true;
            }
            let node = places.nodes.get(pointer);
            let written = node.map_or("", |node| &places.source.text[node.value.clone()]);
            let number =
                written.to_lowercase().contains(".nan") || written.to_lowercase().contains(".inf");
            if number {
                settled.insert(pointer.to_owned());
                numbers.push(pointer.to_owned());
            }
            number
        });
        for pointer in numbers {
            let message = format!("{} is not a number", check::called(&pointer));
            self.problems
                .push(self.places.problem(&pointer, false, &message, ""));
        }
    }

    /// Before anything is shown: a password written in the plan is hidden from here on.
    fn seal_passwords(&mut self) {
        for side in ["source", "target"] {
            let url = self.value.pointer_mut(&format!("/{side}/url"));
            if let Some(Value::String(url)) = url {
                *url = password::sealed(url, &format!("password in {side}.url"));
            }
        }
    }

    fn fill(mut self, filler: &Filler) -> Result<Spec> {
        let mut refused = Vec::new();
        fill(
            &mut self.value,
            "",
            &mut |pointer, text| match filler.fill(text) {
                Ok(filled) => filled,
                Err(refusal) => {
                    refused.push((pointer.to_owned(), refusal));
                    None
                }
            },
        );
        for (pointer, refusal) in refused {
            self.problems.push(self.places.within(&pointer, &refusal));
            self.settled.insert(pointer);
        }
        self.seal_passwords();
        for objection in check::objections(&self.value, &self.settled) {
            let problem = self.objected(&objection);
            self.problems.push(problem);
        }
        std::mem::take(&mut self.problems).settle()?;
        self.deserialize()
    }

    fn objected(&self, objection: &Objection) -> Problem {
        let Objection {
            pointer,
            at_key,
            message,
            help,
        } = objection;
        self.places.problem(pointer, *at_key, message, help)
    }

    /// What the schema cannot say, the types do.
    fn deserialize(self) -> Result<Spec> {
        let error = match serde_path_to_error::deserialize::<_, Spec>(&self.value) {
            Ok(spec) => return Ok(spec),
            Err(error) => error,
        };
        let pointer = error.path().iter().fold(String::new(), |p, step| {
            places::child(&p, &step.to_string())
        });
        let mut problems = Problems::default();
        let message = error.inner().to_string();
        problems.push(self.places.problem(&pointer, false, &message, ""));
        Err(problems.error())
    }
}

/// Nobody may forge the placeholder of a secret.
fn reserved(source: &Source, inputs: &Inputs) -> Problems {
    let mut problems = Problems::default();
    let message = "this character is reserved for secrets";
    for (at, found) in source.text.match_indices(RESERVED).take(1) {
        problems.push(source.problem(at..at + found.len(), message, "remove it"));
    }
    let vars = inputs
        .vars
        .iter()
        .map(|(name, value)| ("--var", name, value));
    let sets = inputs
        .sets
        .iter()
        .map(|(name, value)| ("--set", name, value));
    for (flag, name, value) in vars.chain(sets) {
        if name.contains(RESERVED) || value.contains(RESERVED) {
            problems.push(Problem::beside(flag, message, "remove it"));
        }
    }
    problems
}

/// Drops the null keys that the schema knows and does not require, unless told to keep them: what
/// was complained of already must not be missed as well. `embedded:` with nothing after
/// it is there all the same: it is a choice.
fn drop_nulls(value: &mut Value, pointer: &str, keep: &mut impl FnMut(&str) -> bool) {
    let Some(map) = value.as_object_mut() else {
        return;
    };
    let section = schema::at(pointer);
    map.retain(|key, value| {
        let pointer = places::child(pointer, key);
        drop_nulls(value, &pointer, keep);
        if !value.is_null() {
            return true;
        }
        if keep(&pointer) {
            return true;
        }
        if key == "embedded" {
            *value = Value::Object(serde_json::Map::new());
            return true;
        }
        let required = section.is_some_and(|section| schema::is_required(section, key));
        required || schema::at(&pointer).is_none()
    });
}

fn fill(value: &mut Value, pointer: &str, with: &mut impl FnMut(&str, &str) -> Option<Value>) {
    match value {
        Value::String(text) => {
            if let Some(filled) = with(pointer, text) {
                *value = filled;
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                fill(item, &format!("{pointer}/{at}"), with);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                fill(item, &places::child(pointer, key), with);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
