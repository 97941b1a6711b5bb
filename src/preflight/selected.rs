//! Findings about what the selection tears apart.
//! It never changes the selection.

use std::collections::BTreeMap;

use super::{Case, Finding, Level, list};
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
    torn(case, lacks, |needed, by| Finding {
        level: Level::Refusal,
        id: "needed_relation",
        what: format!("{needed} is left behind, and needed by {by}"),
        next: format!("Migrate {needed}, or leave behind what needs it too."),
    })
}

/// A kept foreign key points to rows that are left behind.
pub(super) fn needed_rows(case: &Case<'_>) -> Vec<Finding> {
    let selection = case.selection;
    let lacks = |d: &&Dependent| {
        let (schema, name) = &d.needs;
        let of = d.of.as_ref();
        d.needs_rows
            && of.is_none_or(|(schema, name)| selection.keeps_rows(schema, name))
            && selection.keeps(schema, name)
            && !selection.keeps_rows(schema, name)
    };
    if !case.with_rows() {
        return Vec::new();
    }
    torn(case, lacks, |needed, by| Finding {
        level: Level::Refusal,
        id: "needed_rows",
        what: format!("rows of {needed} are left behind, and needed by {by}"),
        next: format!("Migrate the rows of {needed}, or leave behind those that point to them."),
    })
}

/// A finding for every relation that dependents lack, which are named together.
fn torn(
    case: &Case<'_>,
    lacks: impl Fn(&&Dependent) -> bool,
    finding: impl Fn(&str, &str) -> Finding,
) -> Vec<Finding> {
    let mut torn: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for dependent in case.facts.source.dependents.iter().filter(lacks) {
        let (schema, name) = &dependent.needs;
        let needed = postgres::full_name(schema, name);
        torn.entry(needed).or_default().push(&dependent.description);
    }
    torn.iter()
        .map(|(needed, by)| finding(needed, &list(by)))
        .collect()
}

fn is_kept(case: &Case<'_>, dependent: &Dependent) -> bool {
    match (&dependent.of, &dependent.schema) {
        (Some((schema, name)), _) => case.selection.keeps(schema, name),
        (None, Some(schema)) => case.selection.keeps_schema(schema),
        (None, None) => true,
    }
}
