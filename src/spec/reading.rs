//! Reads a plan file: text, YAML, `--set`, templates, schema, types, in this order.
//! It never runs a `command()` for a plan that is wrong in any other way, and asks no server.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::error::Result;
use crate::secret::{RESERVED, redact};

use super::check::{self, Objection};
use super::document::{Document, Inputs, Map};
use super::overrides::{self, Override};
use super::problem::{Problem, Problems, Source};
use super::template::{Filler, Sources};
use super::{Spec, file, password, places, schema, yaml};

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
        fill(&mut self.value, "", &mut |pointer, text| {
            schema::at(pointer)?.get("writeOnly")?;
            let key = pointer[1..].replace('/', ".");
            let sealed = password::sealed(text, &format!("password in {key}"));
            Some(Value::String(sealed))
        });
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
        let known = section.is_some_and(|section| schema::keys(section).contains(&key.as_str()));
        let required = section.is_some_and(|section| schema::is_required(section, key));
        required || !known
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
