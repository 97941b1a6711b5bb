//! Findings about what the selection tears apart.
//! It never changes the selection.

use std::collections::BTreeMap;

use super::{Case, Finding, Level, found, list};
use crate::inspect::Dependent;
use crate::postgres;

/// A kept object cannot be restored without a relation that is left behind.
pub(super) fn needed_relations(case: &Case<'_>) -> Vec<Finding> {
    let lacks = |d: &&Dependent| {
        let (schema, name) = &d.needs;
        is_kept(case, d) && !case.selection.keeps(schema, name)
    };
    if !case.with_structure() {
        return Vec::new();
    }
    by_needed(case.facts.source.dependents.iter().filter(lacks))
        .into_iter()
        .flat_map(|(needed, by)| {
            found(
                Level::Refusal,
                "needed_relation",
                format!("{needed} is left behind, and needed by {by}"),
                format!("Migrate {needed}, or leave behind what needs it too."),
            )
        })
        .collect()
}

/// A kept foreign key points to rows that are left behind.
pub(super) fn needed_rows(case: &Case<'_>) -> Vec<Finding> {
    let lacks = |d: &&Dependent| {
        let (schema, name) = &d.needs;
        d.needs_rows
            && d.of
                .as_ref()
                .is_none_or(|(s, n)| case.selection.keeps_rows(s, n))
            && case.selection.keeps(schema, name)
            && !case.selection.keeps_rows(schema, name)
    };
    if !case.with_rows() {
        return Vec::new();
    }
    by_needed(case.facts.source.dependents.iter().filter(lacks))
        .into_iter()
        .flat_map(|(needed, by)| {
            found(
                Level::Refusal,
                "needed_rows",
                format!("rows of {needed} are left behind, and needed by {by}"),
                format!("Migrate the rows of {needed}, or leave behind those that point to them."),
            )
        })
        .collect()
}

fn is_kept(case: &Case<'_>, dependent: &Dependent) -> bool {
    match (&dependent.of, &dependent.schema) {
        (Some((schema, name)), _) => case.selection.keeps(schema, name),
        (None, Some(schema)) => case.selection.keeps_schema(schema),
        (None, None) => true,
    }
}

fn by_needed<'a>(dependents: impl Iterator<Item = &'a Dependent>) -> BTreeMap<String, String> {
    let mut grouped: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for dependent in dependents {
        let (schema, name) = &dependent.needs;
        let needed = postgres::full_name(schema, name);
        grouped
            .entry(needed)
            .or_default()
            .push(&dependent.description);
    }
    grouped
        .into_iter()
        .map(|(needed, by)| (needed, list(by)))
        .collect()
}
