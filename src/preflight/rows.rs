//! Findings about rows: with `copy.scope: data` they go into tables that are there and empty, and
//! not every row has a binary form. It never compares the columns of two sides.

use super::{Case, Finding, Level, found, full_name, list};
use crate::inspect::{Relation, RelationKind, TargetTable};
use crate::report::counted;
use crate::spec::{Existing, Format, Scope};

/// Tables whose rows are migrated are not there.
pub(super) fn missing_tables(case: &Case<'_>) -> Vec<Finding> {
    let missing: Vec<String> = with_twins(case)
        .filter(|(_, twin)| twin.is_none())
        .map(|(table, _)| full_name(table))
        .collect();
    if missing.is_empty() {
        return Vec::new();
    }
    found(
        Level::Refusal,
        "missing_tables",
        format!(
            "the target database lacks tables for the rows of: {}",
            list(missing)
        ),
        "Copy the structure first with copy.scope: schema, or exclude these tables.",
    )
}

/// Tables for the rows hold some already.
pub(super) fn filled_tables(case: &Case<'_>) -> Vec<Finding> {
    let filled: Vec<String> = with_twins(case)
        .filter(|(_, twin)| twin.is_some_and(|twin| !twin.empty))
        .map(|(table, _)| full_name(table))
        .collect();
    if filled.is_empty() {
        return Vec::new();
    }
    let names = list(filled);
    match case.choices.existing {
        Existing::Refuse => found(
            Level::Refusal,
            "filled_tables",
            format!("these tables of the target are not empty: {names}"),
            "Empty them, set restore.existing: replace to have them emptied first, or exclude \
             them.",
        ),
        Existing::Replace => found(
            Level::Warning,
            "replaces_rows",
            format!("these tables of the target are emptied first: {names}"),
            "Make sure that nobody needs their rows, or set restore.existing: refuse.",
        ),
    }
}

/// Large objects keep their numbers, which may be taken; and those of two databases in one could
/// not be told apart.
pub(super) fn large_objects_there(case: &Case<'_>) -> Vec<Finding> {
    let database = case.facts.target.database.as_ref();
    let there = database.map_or(0, |database| database.large_objects);
    let some = case.facts.source.large_objects.count > 0 && there > 0;
    if case.choices.scope != Scope::Data || !some {
        return Vec::new();
    }
    let objects = counted(there, "large object");
    match case.choices.existing {
        Existing::Refuse => found(
            Level::Refusal,
            "large_objects_there",
            format!("the target holds {objects} already"),
            "Remove them, or set restore.existing: replace to have them removed first.",
        ),
        Existing::Replace => found(
            Level::Warning,
            "replaces_large_objects",
            format!("{objects} of the target are removed first"),
            "Make sure that nobody needs them, or set restore.existing: refuse.",
        ),
    }
}

/// Binary is asked for, and tables have columns of which nobody knows that it carries them.
pub(super) fn without_binary_form(case: &Case<'_>) -> Vec<Finding> {
    if case.choices.format != Format::Binary {
        return Vec::new();
    }
    let tables = case.kept_with_rows();
    let unsure: Vec<String> = tables
        .filter_map(|table| {
            Some(format!(
                "{} ({})",
                full_name(table),
                table.columns_for_text()?
            ))
        })
        .collect();
    if unsure.is_empty() {
        return Vec::new();
    }
    found(
        Level::Refusal,
        "without_binary_form",
        format!(
            "copy.format is binary, and these tables cannot be copied so: {}",
            list(unsure)
        ),
        "Write `format: auto`, which copies these as text and all others in binary, or exclude them.",
    )
}

/// The rows of such tables belong to other partitions in every database (`pg_dump` has an option for
/// it, `--load-via-partition-root`), and cannot be compared partition by partition.
pub(super) fn hashed_by_enum(case: &Case<'_>) -> Vec<Finding> {
    let tables = case.kept_with_rows().filter(|table| table.hashed_by_enum);
    let names: Vec<String> = tables.map(full_name).collect();
    if names.is_empty() {
        return Vec::new();
    }
    found(
        Level::Refusal,
        "hashed_by_enum",
        format!(
            "these tables are partitioned by hash of an enum, which is by the numbers that its values \
             have in this database alone, so that on the target their rows belong to other \
             partitions: {}",
            list(names)
        ),
        "Exclude them, and copy them by `pg_dump --load-via-partition-root` afterwards; or partition \
         them by something else first.",
    )
}

/// The tables with rows to copy, each with the target's table of the same name. A database that is
/// not there is a finding of its own.
fn with_twins<'a>(
    case: &Case<'a>,
) -> impl Iterator<Item = (&'a Relation, Option<&'a TargetTable>)> {
    let database = case.facts.target.database.as_ref();
    let asked = database.filter(|_| case.choices.scope == Scope::Data);
    let tables = case
        .kept_with_rows()
        .filter(|r| r.kind == RelationKind::Table);
    tables.filter(move |_| asked.is_some()).map(move |table| {
        let targets = asked.map_or(&[][..], |database| &database.tables);
        // Sorted by schema and name when they were asked for.
        let same = |t: &TargetTable| (&t.schema, &t.name).cmp(&(&table.schema, &table.name));
        (
            table,
            targets.binary_search_by(same).ok().map(|at| &targets[at]),
        )
    })
}
