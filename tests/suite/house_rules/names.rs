//! Words that say nothing, or say too much about one machine.
//! Never spells such a word out where it would find itself.

use super::files::{File, tracked};
use super::none;

/// Names that hold anything and therefore nothing.
const EMPTY_NAMES: [&str; 10] = [
    "util", "utils", "common", "helper", "helpers", "manager", "handler", "handlers", "types",
    "misc",
];

#[test]
fn files_are_named_after_what_is_in_them() {
    let empty = |path: &String| {
        let parts = path.split(['/', '.', '_', '-']);
        parts.clone().any(|part| EMPTY_NAMES.contains(&part))
    };
    // The fingerprint's file of pg_type is PostgreSQL's own word.
    let known = |path: &String| path == "src/fingerprint/sql/types.sql";
    let findings: Vec<String> = tracked()
        .into_iter()
        .filter(|path| empty(path) && !known(path))
        .map(|path| format!("{path}:1: name it after the one thing in it"))
        .collect();
    none(&findings);
}

#[test]
fn items_are_named_after_what_they_are() {
    let mut findings = Vec::new();
    for file in File::all(&["src/", "tests/", "examples/", "benches/"], "rs") {
        for (number, line) in file.code() {
            let empty = |name: &str| words(name).any(|word| EMPTY_NAMES.contains(&&*word));
            // Certificates have a common name: X.509's own word.
            let item = item(line).map(|name| name.replace("common_name", ""));
            if item.is_some_and(|name| empty(&name)) {
                findings.push(file.finding(number, "name it after what it is or does"));
            }
        }
    }
    none(&findings);
}

/// The name of the item that a line declares.
fn item(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    for prefix in [
        "pub(crate) ",
        "pub(super) ",
        "pub ",
        "async ",
        "const ",
        "unsafe ",
    ] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    let kinds = [
        "fn ", "struct ", "enum ", "trait ", "type ", "mod ", "static ",
    ];
    let name = kinds.iter().find_map(|kind| rest.strip_prefix(kind))?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
}

/// `exit_codes` and `ExitCodes` as `exit`, `codes`.
fn words(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() {
            words.push(String::new());
        }
        if c != '_' {
            let last = words.last_mut().expect("there is always one");
            last.extend(c.to_lowercase());
        }
    }
    words.into_iter().filter(|word| !word.is_empty())
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("HA", "CK"),
    ];
    let marked = |line: &str| {
        let mut words = line.split(|c: char| !c.is_alphanumeric());
        words.any(|word| marks.contains(&word))
    };
    everywhere(marked, "do it now, or open an issue");
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let paths = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/tmp/", "h/"),
        concat!("/Us", "ers/"),
    ];
    let known = |line: &str| paths.iter().any(|path| line.contains(path));
    everywhere(
        known,
        "use a path of the checkout, or one that the user gives",
    );
}

#[test]
fn dependencies_come_from_the_public_registry_alone() {
    let mut findings = Vec::new();
    let lock = File::read("Cargo.lock");
    for (index, line) in lock.text.lines().enumerate() {
        let source = line.strip_prefix("source = ");
        let public = "\"registry+https://github.com/rust-lang/crates.io-index\"";
        if source.is_some_and(|source| source != public) {
            findings.push(lock.finding(index + 1, "depend on a released crate"));
        }
    }
    none(&findings);
    let elsewhere = [concat!("index-", "url"), concat!("replace-", "with")];
    everywhere(
        |line| {
            elsewhere.iter().any(|word| line.contains(word))
                || line.starts_with(concat!("[source", "."))
        },
        "where packages are fetched from is each machine's own setting",
    );
}

/// No line of any text file may be such a line.
fn everywhere(bad: impl Fn(&str) -> bool, advice: &str) {
    let mut findings = Vec::new();
    for file in File::all(&[""], "") {
        if file.path == "LICENSE" || file.path == "Cargo.lock" {
            continue;
        }
        let lines = file.text.lines().enumerate().filter(|(_, line)| bad(line));
        findings.extend(lines.map(|(index, _)| file.finding(index + 1, advice)));
    }
    none(&findings);
}
