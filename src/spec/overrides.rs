//! Puts what `--set copy.jobs=8` says into a plan's value.
//! It never checks whether the key exists: the schema does, for the file and for this alike.

use serde_json::{Map, Value};

use super::problem::{Problem, Problems};
use super::{places, yaml};

/// One `--set`, and the value in the plan that it stands for.
#[derive(Debug, Clone)]
pub(crate) struct Override {
    pub(crate) pointer: String,
    pub(crate) given: String,
}

impl Override {
    pub(crate) fn new(key: &str, value: &str) -> Self {
        let pointer = key
            .split('.')
            .fold(String::new(), |p, step| places::child(&p, step));
        let given = format!("--set {key}={value}");
        Self { pointer, given }
    }

    /// Whether the value at this pointer is one that was set, or lies in it.
    pub(crate) fn holds(&self, pointer: &str) -> bool {
        let below = pointer.strip_prefix(self.pointer.as_str());
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether this set something in the section at the pointer.
    pub(crate) fn lies_below(&self, pointer: &str) -> bool {
        let below = self.pointer.strip_prefix(pointer);
        below.is_some_and(|rest| rest.starts_with('/')) && !pointer.is_empty()
    }
}

/// Sets one key; what is wrong with it is a problem of the plan like any other.
pub(crate) fn apply(plan: &mut Value, key: &str, text: &str, problems: &mut Problems) {
    let given = Override::new(key, text).given;
    let mut refuse = |message: &str, help: &str| {
        problems.push(Problem::beside(&given, message, help));
    };
    if key.split('.').any(str::is_empty) {
        return refuse("the key has an empty part", "write it like `copy.jobs`");
    }
    let read = yaml::read(text);
    if let Some(complaint) = read.complaints.iter().find(|_| !text.trim().is_empty()) {
        return refuse(&complaint.message, &complaint.help);
    }
    let value = read.value.unwrap_or(Value::Null);
    let mut steps: Vec<&str> = key.split('.').collect();
    let last = steps.pop().unwrap_or_default();
    if !insert(plan, &steps, last, value) {
        refuse("the key lies below a value that is no section", "");
    }
}

/// Inserts below the sections that lead there, which are made where they are missing or empty.
fn insert(section: &mut Value, steps: &[&str], last: &str, value: Value) -> bool {
    if section.is_null() {
        *section = Value::Object(Map::new());
    }
    let Some(map) = section.as_object_mut() else {
        return false;
    };
    let Some((step, rest)) = steps.split_first() else {
        map.insert(last.to_owned(), value);
        return true;
    };
    insert(map.entry(*step).or_insert(Value::Null), rest, last, value)
}
