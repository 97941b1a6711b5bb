//! Findings about what the connected role may read on the source.
//! It never speaks of the target.

use super::{Case, Finding, Level, found, full_name, is_dumped, list};
use crate::inspect::{Relation, RelationKind};
use crate::report::counted;

/// `pg_dump` locks every table it dumps, even for its structure alone, and reads every sequence:
/// both take SELECT. Its role must also have USAGE of the schema.
pub(super) fn unreadable_relations(case: &Case<'_>) -> Vec<Finding> {
    let reads =
        |r: &&Relation| is_dumped(r) || case.with_rows() && r.kind == RelationKind::Sequence;
    let names: Vec<String> = case
        .kept()
        .filter(reads)
        .filter(|r| !r.readable)
        .map(full_name)
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    let role = &case.facts.source.server.role.name;
    found(
        Level::Refusal,
        "unreadable_relations",
        format!(
            "role {role} may not read {} on the source: {}",
            count(&names),
            list(&names)
        ),
        format!(
            "Run `grant pg_read_all_data to {role}` on the source (14 and later), or grant usage \
             of the schemas and select on all of these; or exclude them."
        ),
    )
}

/// Row-level security would hide rows without an error from whoever does not switch it off, and
/// be an error for whoever does.
pub(super) fn row_security(case: &Case<'_>) -> Vec<Finding> {
    let hidden: Vec<String> = case
        .kept_with_rows()
        .filter(|r| r.row_security)
        .map(full_name)
        .collect();
    if hidden.is_empty() {
        return Vec::new();
    }
    let role = &case.facts.source.server.role.name;
    found(
        Level::Refusal,
        "row_security",
        format!(
            "row-level security hides rows from role {role} on the source: {}",
            list(hidden)
        ),
        format!(
            "Run `alter role {role} bypassrls` as a superuser on the source, or connect as the \
             tables' owner."
        ),
    )
}

/// Reading a large object takes a privilege of its own; `pg_dump` takes all of them along.
pub(super) fn unreadable_large_objects(case: &Case<'_>) -> Vec<Finding> {
    let unreadable = case.facts.source.large_objects.unreadable;
    if unreadable == 0 || !case.with_rows() {
        return Vec::new();
    }
    let role = &case.facts.source.server.role.name;
    found(
        Level::Refusal,
        "unreadable_large_objects",
        format!(
            "role {role} may not read {} on the source",
            counted(unreadable, "large object")
        ),
        "Connect as a superuser, or grant select on them; pg_read_all_data does not cover large \
         objects.",
    )
}

fn count(names: &[String]) -> String {
    match names.len() {
        1 => "a relation".to_owned(),
        n => format!("{n} relations"),
    }
}
