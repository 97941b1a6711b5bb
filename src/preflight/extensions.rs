//! Findings about extensions of the schemas that are migrated.
//! It never installs one.

use super::{Case, Finding, Level, found, list};
use crate::inspect::Extension;
use crate::postgres;

/// Roles of hosted services that may install more than PostgreSQL itself would let them.
const HOSTED_ADMINISTRATORS: [&str; 5] = [
    "alloydbsuperuser",
    "azure_pg_admin",
    "cloudsqlsuperuser",
    "neon_superuser",
    "rds_superuser",
];

/// The target's operating system lacks the extension's files.
pub(super) fn unavailable(case: &Case<'_>) -> Vec<Finding> {
    let names: Vec<&str> = carried(case)
        .filter(|e| !case.facts.target.available_extensions.contains_key(&e.name))
        .map(|e| e.name.as_str())
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    found(
        Level::Refusal,
        "extension_unavailable",
        format!(
            "the target server cannot install extensions of the source: {}",
            list(names)
        ),
        "Install the operating system's packages that hold them on the target server, or drop the \
         extensions on the source if nothing uses them.",
    )
}

/// Only a superuser may install it; the roles of some hosted services are let through by theirs.
pub(super) fn not_trusted(case: &Case<'_>) -> Vec<Finding> {
    let target = &case.facts.target;
    let role = &target.server.role;
    let barred = |e: &&Extension| {
        target.available_extensions.contains_key(&e.name)
            && !target.trusted_extensions.contains(&e.name)
    };
    let names = list(carried(case).filter(barred).map(|e| &e.name));
    if role.superuser || names.is_empty() {
        return Vec::new();
    }
    let hosted = |name: &str| role.name == name || target.settable_roles.contains(name);
    let level = match HOSTED_ADMINISTRATORS.into_iter().any(hosted) {
        true => Level::Warning,
        false => Level::Refusal,
    };
    found(
        level,
        "extension_not_trusted",
        format!(
            "role {} is no superuser of the target, and only superusers may install: {names}",
            role.name
        ),
        "Connect to the target as a superuser, or drop the extensions on the source if nothing \
         uses them.",
    )
}

/// `pg_dump` names no version: the target installs its default one.
pub(super) fn other_version(case: &Case<'_>) -> Vec<Finding> {
    let available = &case.facts.target.available_extensions;
    let differs = |e: &&Extension| {
        available
            .get(&e.name)
            .is_some_and(|v| !v.contains(&e.version))
    };
    let names: Vec<String> = carried(case)
        .filter(differs)
        .map(|e| format!("{} {}", e.name, e.version))
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    found(
        Level::Warning,
        "extension_version",
        format!(
            "the target has no such version of these extensions and installs its own: {}",
            list(names)
        ),
        "Read their release notes for what changed, or run `alter extension … update` on the \
         source first.",
    )
}

/// Rows that the eye would not look for.
pub(super) fn config_tables(case: &Case<'_>) -> Vec<Finding> {
    let tables: Vec<String> = carried(case)
        .flat_map(|e| {
            e.config_tables
                .iter()
                .map(|(schema, name)| postgres::full_name(schema, name))
        })
        .collect();
    if tables.is_empty() || !case.with_rows() {
        return Vec::new();
    }
    if case.choices.online.is_some() {
        return found(
            Level::Warning,
            "extension_tables",
            format!(
                "rows that users added to extensions' own tables are copied, but not verified, and \
                 what is changed in them after the copy is not carried: {}",
                list(tables)
            ),
            "Compare them by hand at the cutover if they matter.",
        );
    }
    found(
        Level::Note,
        "extension_tables",
        format!(
            "rows that users added to extensions' own tables are migrated, but not verified: {}",
            list(tables)
        ),
        "Compare them by hand if they matter.",
    )
}

fn carried<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Extension> {
    let (selection, structure) = (case.selection, case.with_structure());
    let extensions = case.facts.source.extensions.iter();
    extensions.filter(move |e| structure && selection.keeps_schema(&e.schema))
}
