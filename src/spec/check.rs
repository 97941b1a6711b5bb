//! Holds a plan's value against the schema and says in plain words what does not fit.
//! It never asks a server, and never shows the value of a secret.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use crate::secret::Sealed;

use super::problem::shown;
use super::{hint, patterns, places, schema};

/// Objections of one pass; the reader of the report sees fewer.
const MAX_OBJECTIONS: usize = 200;

/// Longer texts are cut where they are quoted.
const LONGEST_QUOTED: usize = 40;

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    jsonschema::draft202012::new(schema::root()).expect("the schema is tested to be one")
});

/// Something that does not fit the format, at a JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Objection {
    pub(crate) pointer: String,
    /// Whether the key itself is wrong, not its value.
    pub(crate) at_key: bool,
    pub(crate) message: String,
    pub(crate) help: String,
}

impl Objection {
    pub(crate) fn value(pointer: &str, message: String, help: &str) -> Self {
        Self {
            pointer: pointer.to_owned(),
            at_key: false,
            message,
            help: help.to_owned(),
        }
    }

    fn key(pointer: &str, message: String, help: &str) -> Self {
        Self {
            at_key: true,
            ..Self::value(pointer, message, help)
        }
    }
}

/// Everything that does not fit, except where that was said already.
pub(crate) fn objections(value: &Value, settled: &BTreeSet<String>) -> Vec<Objection> {
    if let Some(only) = version(value) {
        return vec![only];
    }
    let mut found = Vec::new();
    secrets_out_of_place(value, "", &mut found);
    let secret: BTreeSet<String> = found.iter().map(|one| one.pointer.clone()).collect();
    let violations = VALIDATOR.iter_errors(value).flat_map(|e| explained(&e));
    found.extend(violations.filter(|one| !secret.contains(&one.pointer)));
    patterns::check(value, &mut found);
    found.retain(|one| !settled.contains(&one.pointer));
    found.truncate(MAX_OBJECTIONS);
    found
}

/// Of another version of the format nothing else can be said.
fn version(value: &Value) -> Option<Objection> {
    let version = value.get("version")?.as_u64().filter(|v| *v != 1)?;
    Some(Objection::value(
        "/version",
        format!("this is version {version} of the plan format, which this program does not know"),
        "it knows `version: 1`; a newer pg_dbmigrator may know this one",
    ))
}

/// Only keys that are marked for it may hold what `env()`, `file()` and `command()` return.
fn secrets_out_of_place(value: &Value, pointer: &str, found: &mut Vec<Objection>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                secrets_out_of_place(value, &places::child(pointer, key), found);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                secrets_out_of_place(value, &format!("{pointer}/{at}"), found);
            }
        }
        Value::String(text) if Sealed::new(text.as_str()).has_secret() => {
            let Some(node) = schema::at(pointer) else {
                return;
            };
            if node.get("writeOnly").is_none() {
                found.push(Objection::value(
                    pointer,
                    format!("{} cannot hold a secret", called(pointer)),
                    "env(), file() and command() return secrets, for connection strings alone; \
                     write `{{ var('NAME') }}` and run with `--var NAME=VALUE`",
                ));
            }
        }
        _ => {}
    }
}

fn explained(error: &ValidationError<'_>) -> Vec<Objection> {
    let pointer = error.instance_path().as_str();
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => {
            unexpected.iter().map(|key| unknown(pointer, key)).collect()
        }
        Kind::Required { property } => {
            vec![missing(pointer, property.as_str().unwrap_or("?"))]
        }
        Kind::OneOfMultipleValid { .. } if error.instance().is_object() => vec![Objection::value(
            pointer,
            format!("{} has both `url` and `embedded`", called(pointer)),
            "keep the one that is meant",
        )],
        Kind::OneOfNotValid { .. } if error.instance().is_object() && is_endpoint(pointer) => {
            vec![Objection::key(
                pointer,
                format!("{} needs `url` or `embedded`", called(pointer)),
                "`url` for a server that is there, `embedded` for a throwaway one",
            )]
        }
        Kind::OneOfMultipleValid { .. } => Vec::new(),
        _ => vec![unfit(pointer, error.instance())],
    }
}

fn is_endpoint(pointer: &str) -> bool {
    matches!(pointer, "/source" | "/target")
}

fn unknown(section: &str, key: &str) -> Objection {
    let pointer = places::child(section, key);
    let help = hint::for_unknown_key(section, key);
    let place = match section {
        "" => String::new(),
        section => format!(" in {}", called(section)),
    };
    Objection::key(
        &pointer,
        format!("unknown key `{}`{place}", cut(key)),
        &help,
    )
}

fn missing(section: &str, key: &str) -> Objection {
    let message = match section {
        "" => format!("`{key}` is missing"),
        section => format!("`{key}` is missing in {}", called(section)),
    };
    let node = schema::at(&places::child(section, key));
    let example = node.and_then(|node| node.get("examples")?.get(0));
    let help = match example {
        Some(Value::Object(map)) => {
            let first = map.iter().next();
            first.map_or(String::new(), |(k, v)| {
                format!("such as `{key}: {{{k}: {}}}`", flow(v))
            })
        }
        Some(example) => format!("such as `{key}: {}`", flow(example)),
        None => String::new(),
    };
    Objection::key(section, message, &help)
}

fn unfit(pointer: &str, value: &Value) -> Objection {
    let Some(node) = schema::at(pointer) else {
        return Objection::value(pointer, format!("{} does not fit", called(pointer)), "");
    };
    let message = format!(
        "{} must be {}, not {}",
        called(pointer),
        expected(node),
        found(node, value)
    );
    Objection::value(pointer, message, &help(node, value))
}

fn help(node: &Value, value: &Value) -> String {
    let choices = choices(node);
    let meant = match value {
        Value::String(text) => hint::closest(text, &choices),
        Value::Bool(false) => choices.contains(&"off").then_some("off"),
        _ => None,
    };
    if let Some(meant) = meant {
        return format!("did you mean `{meant}`?");
    }
    if schema::has_type(node, "object") {
        let keys = schema::keys(node);
        return match value {
            Value::String(_) if keys.contains(&"url") => "write it as `url:` in it".to_owned(),
            _ => format!("its keys are {}", hint::listed(&keys, "and")),
        };
    }
    if schema::has_type(node, "integer")
        && value
            .as_str()
            .is_some_and(|text| text.trim().parse::<i64>().is_ok())
    {
        return "write the number without quotes; in a template, end it with `| int`".to_owned();
    }
    let list_wanted = schema::has_type(node, "array") && value.is_string();
    match node.get("examples").and_then(|all| all.get(0)) {
        Some(example) if list_wanted || choices.is_empty() && !example.is_object() => {
            format!("such as `{}`", flow(example))
        }
        _ => String::new(),
    }
}

/// A value as it would be written in a plan, in one line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

fn choices(node: &Value) -> Vec<&str> {
    let all = node.get("oneOf").and_then(Value::as_array);
    all.map_or(Vec::new(), |all| {
        all.iter()
            .filter_map(|one| one.get("const")?.as_str())
            .collect()
    })
}

/// What a value should be, in words that follow "must be".
fn expected(node: &Value) -> String {
    if let Some(words) = node.get("patternErrorMessage").and_then(Value::as_str) {
        return words.to_owned();
    }
    let choices = choices(node);
    if !choices.is_empty() {
        return hint::listed(&choices, "or");
    }
    let number = |key| node.get(key).and_then(Value::as_i64);
    if schema::has_type(node, "integer") {
        return match (number("minimum"), number("maximum")) {
            (Some(least), Some(most)) => format!("a whole number from {least} to {most}"),
            _ => "a whole number".to_owned(),
        };
    }
    if schema::has_type(node, "boolean") {
        return "`true` or `false`".to_owned();
    }
    if schema::has_type(node, "array") {
        return "a list".to_owned();
    }
    if schema::has_type(node, "string") {
        return match (number("minLength"), number("maxLength")) {
            (Some(least), Some(most)) => format!("a text of {least} to {most} characters"),
            _ => "text".to_owned(),
        };
    }
    "a section".to_owned()
}

/// What a value is instead.
fn found(node: &Value, value: &Value) -> String {
    match value {
        Value::Null => "empty".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a section".to_owned(),
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(_) if schema::has_type(node, "object") => "text".to_owned(),
        Value::String(_) if node.get("writeOnly").is_some() => "this text".to_owned(),
        Value::String(text) if schema::has_type(node, "string") || !choices(node).is_empty() => {
            format!("`{}`", cut(text))
        }
        Value::String(text) => format!("the text `{}`", cut(text)),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
    }
}

/// A text short enough to be quoted within a sentence.
pub(crate) fn cut(text: &str) -> String {
    // First the secrets: half a password would no longer be recognised as one.
    let text = shown(text);
    let line = text.lines().next().unwrap_or("");
    if line.chars().count() <= LONGEST_QUOTED && line.len() == text.len() {
        return text;
    }
    let start: String = line.chars().take(LONGEST_QUOTED).collect();
    format!("{start}…")
}

/// A JSON pointer as people write keys: `include.tables[0]`, in backticks.
pub(crate) fn called(pointer: &str) -> String {
    let mut name = String::new();
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        if step.parse::<usize>().is_ok() {
            name.push_str(&format!("[{step}]"));
        } else {
            let dot = if name.is_empty() { "" } else { "." };
            name.push_str(&format!("{dot}{}", cut(&step)));
        }
    }
    match name.as_str() {
        "" => "the plan".to_owned(),
        name => format!("`{name}`"),
    }
}
