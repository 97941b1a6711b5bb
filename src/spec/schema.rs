//! The JSON schema of a plan, made from the types in this room: editors, `schema` and reading all
//! use this one. It never says anything that the types do not.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::Spec;

static SCHEMA: LazyLock<Value> = LazyLock::new(generated);

/// The JSON schema of a plan (draft 2020-12), as pretty JSON that ends with a newline. It is for a
/// plan as it is written: where a value is judged only when its template is filled, it allows one.
pub fn schema() -> String {
    let mut schema = root().clone();
    allow_templates(&mut schema);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is always JSON");
    text.push('\n');
    text
}

/// The schema of a plan whose templates are filled.
pub(crate) fn root() -> &'static Value {
    &SCHEMA
}

/// The schema of the value at a JSON pointer, if the format has such a key.
pub(crate) fn at(pointer: &str) -> Option<&'static Value> {
    let mut steps = pointer.split('/').skip(1);
    steps.try_fold(root(), below)
}

/// The schema of what is one step below: a key, any key of a map, an item of a list, or such in
/// one of several forms.
fn below<'s>(node: &'s Value, step: &str) -> Option<&'s Value> {
    let name = step.replace("~1", "/").replace("~0", "~");
    let property = node.get("properties").and_then(|all| all.get(&name));
    let any = || {
        node.get("additionalProperties")
            .filter(|one| one.is_object())
    };
    let item = || node.get("items").filter(|_| step.parse::<usize>().is_ok());
    let form = || {
        let forms = node
            .get("anyOf")
            .or_else(|| node.get("oneOf"))?
            .as_array()?;
        forms.iter().find_map(|form| below(form, step))
    };
    property.or_else(any).or_else(item).or_else(form)
}

/// The names of the keys that a section may hold, sorted.
pub(crate) fn keys(section: &Value) -> Vec<&str> {
    let properties = section.get("properties").and_then(Value::as_object);
    let mut names: Vec<&str> =
        properties.map_or(Vec::new(), |all| all.keys().map(String::as_str).collect());
    names.sort_unstable();
    names
}

/// Whether a section must hold this key.
pub(crate) fn is_required(section: &Value, key: &str) -> bool {
    let required = section.get("required").and_then(Value::as_array);
    required.is_some_and(|keys| keys.iter().any(|name| name == key))
}

/// Whether a value of this schema is of this JSON type.
pub(crate) fn has_type(node: &Value, name: &str) -> bool {
    match node.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(any)) => any.iter().any(|one| one == name),
        _ => false,
    }
}

/// What is written out at its place reads better in an editor than a reference does.
fn generated() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
    });
    let schema = settings.into_generator().into_root_schema_for::<Spec>();
    let mut schema = schema.to_value();
    tidy(&mut schema);
    ordered(schema)
}

/// Lets a template stand for any value but free text, which allows it as it is.
fn allow_templates(section: &mut Value) {
    const ABOUT: [&str; 3] = ["description", "examples", "default"];
    let Some(Value::Object(properties)) = section.get_mut("properties") else {
        return;
    };
    for property in properties.values_mut() {
        allow_templates(property);
        let free = has_type(property, "string") && property.get("pattern").is_none();
        if free || has_type(property, "object") || property.get("const").is_some() {
            continue;
        }
        let Some(map) = property.as_object_mut() else {
            continue;
        };
        let parts = std::mem::take(map).into_iter();
        let (about, value): (Map<_, _>, Map<_, _>) =
            parts.partition(|(key, _)| ABOUT.contains(&key.as_str()));
        *map = about;
        let template = json!({
            "description": "A template that gives such a value.",
            "type": "string",
            "pattern": r"\{\{.*\}\}",
        });
        map.insert("anyOf".to_owned(), json!([value, template]));
    }
}

/// What a reader looks for first comes first; sections, which are long, come last.
fn ordered(node: Value) -> Value {
    const FIRST: [&str; 5] = ["$schema", "title", "description", "type", "const"];
    const LAST: [&str; 3] = ["required", "additionalProperties", "properties"];
    match node {
        Value::Array(items) => items.into_iter().map(ordered).collect(),
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map
                .into_iter()
                .map(|(key, value)| (key, ordered(value)))
                .collect();
            entries.sort_by_key(|(key, value)| {
                // The name of a key in the plan may be one of these words as well.
                let keyword = !value.is_object() || key == "properties";
                let place = |words: &[&str]| words.iter().position(|word| keyword && word == key);
                match (place(&FIRST), place(&LAST)) {
                    (Some(at), _) => at,
                    (None, None) => FIRST.len(),
                    (None, Some(at)) => FIRST.len() + 1 + at,
                }
            });
            entries.into_iter().collect()
        }
        other => other,
    }
}

/// Takes out what only a Rust program would understand, and lets every optional key be empty, as
/// reading does.
fn tidy(node: &mut Value) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(map) => {
            merge_optional(map);
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            if map.get("default") == Some(&Value::Null) {
                map.remove("default");
            }
            // The keyword, not a key of that name.
            if map
                .get("format")
                .is_some_and(|format| format.is_string() && format != "password")
            {
                map.remove("format");
            }
            map.values_mut().for_each(tidy);
            allow_empty(map);
        }
        _ => {}
    }
}

/// `anyOf: [a section, null]` becomes the section.
fn merge_optional(map: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = map.get("anyOf") else {
        return;
    };
    let [Value::Object(inner), null] = choices.as_slice() else {
        return;
    };
    if *null != json!({"type": "null"}) {
        return;
    }
    let inner = inner.clone();
    map.shift_remove("anyOf");
    for (key, value) in inner {
        map.entry(key).or_insert(value);
    }
}

fn allow_empty(section: &mut Map<String, Value>) {
    let required = section.get("required").cloned();
    let is_required = |name: &str| {
        let names = required.as_ref().and_then(Value::as_array);
        names.is_some_and(|names| names.iter().any(|one| one == name))
    };
    let Some(Value::Object(properties)) = section.get_mut("properties") else {
        return;
    };
    for (name, property) in properties {
        let Some(property) = property.as_object_mut().filter(|_| !is_required(name)) else {
            continue;
        };
        if let Some(kind @ Value::String(_)) = property.get_mut("type") {
            *kind = json!([kind.take(), "null"]);
        }
        if let Some(Value::Array(choices)) = property.get_mut("oneOf")
            && choices.iter().all(|choice| choice.get("const").is_some())
        {
            choices.push(json!({"type": "null", "description": "Empty: the default."}));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_key<'s>(path: &str, node: &'s Value, found: &mut Vec<(String, &'s Value)>) {
        for key in keys(node) {
            let path = format!("{path}/{key}");
            let property = &node["properties"][key];
            found.push((path.clone(), property));
            every_key(&path, property, found);
        }
    }

    #[test]
    fn every_key_has_a_description_and_an_example_that_fits() {
        let mut found = Vec::new();
        every_key("", root(), &mut found);
        assert!(found.len() > 30, "the walk saw only {}", found.len());
        for (path, property) in found {
            let description = property["description"].as_str().unwrap_or("");
            assert!(description.ends_with('.'), "{path} lacks a description");
            let examples = property["examples"]
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            assert!(!examples.is_empty(), "{path} lacks an example");
            for example in examples {
                assert!(
                    jsonschema::is_valid(property, example),
                    "{path}: {example} does not fit its own schema"
                );
            }
        }
    }

    #[test]
    fn the_schema_holds_no_reference_and_no_identity() {
        let text = schema();
        assert!(!text.contains("$ref") && !text.contains("$id") && !text.contains("$defs"));
        assert!(text.contains("https://json-schema.org/draft/2020-12/schema"));
    }
}
