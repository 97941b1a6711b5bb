//! Findings about the target database: whether it is there, ours, empty and alike.
//! It never speaks of single tables, but for naming those in the way.

use super::{Case, Finding, Level, found, list};
use crate::inspect::{Locale, TargetDatabase};
use crate::postgres;
use crate::spec::{Existing, Scope, Verify};

/// The database has to be made, and may not be; or only rows are copied, into nothing.
pub(super) fn missing_database(case: &Case<'_>) -> Vec<Finding> {
    let target = &case.facts.target;
    let name = &target.database_name;
    if target.database.is_some() {
        return Vec::new();
    }
    if !case.with_structure() {
        return found(
            Level::Refusal,
            "missing_database",
            format!("the target has no database {name}, and copy.scope is data"),
            "Use copy.scope: all, or copy the structure first with copy.scope: schema.",
        );
    }
    let role = &target.server.role;
    if role.create_database {
        return Vec::new();
    }
    found(
        Level::Refusal,
        "missing_database",
        format!(
            "the target has no database {name}, and role {} may not create one",
            role.name
        ),
        format!(
            "Run `create database` for {name} on the target as someone who may, or `alter role \
                 {} createdb`.",
            role.name
        ),
    )
}

/// Comment, settings and privileges of a database are its owner's to change.
pub(super) fn not_owned(case: &Case<'_>) -> Vec<Finding> {
    let target = &case.facts.target;
    let Some(database) = existing(case).filter(|database| !database.owned) else {
        return Vec::new();
    };
    if !case.with_structure() || !case.choices.owners {
        return Vec::new();
    }
    let (name, role) = (&target.database_name, &target.server.role.name);
    found(
        Level::Refusal,
        "not_owned",
        format!(
            "role {role} does not own the target database {name}, so it cannot set its comment, \
             settings and privileges"
        ),
        format!(
            "Grant it the owner's role (`grant {} to {role}`), connect as the owner, or set \
             copy.owners: false.",
            database.owner
        ),
    )
}

/// Something is there already.
pub(super) fn not_empty(case: &Case<'_>) -> Vec<Finding> {
    let Some(database) = existing(case).filter(|database| database.object_count > 0) else {
        return Vec::new();
    };
    let name = &case.facts.target.database_name;
    let count = database.object_count;
    let what = format!(
        "the target database {name} holds {count} objects: {}",
        named(database)
    );
    match (case.choices.scope, case.choices.existing) {
        (Scope::Data, _) => Vec::new(),
        (Scope::All | Scope::Schema, Existing::Refuse) => found(
            Level::Refusal,
            "not_empty",
            what,
            "Migrate into an empty database, or set restore.existing: replace to remove \
             everything in this one first.",
        ),
        (Scope::All | Scope::Schema, Existing::Replace) => found(
            Level::Warning,
            "replaces_objects",
            format!("{what}; all of it is removed first"),
            "Make sure that nobody needs it, or set restore.existing: refuse.",
        ),
    }
}

/// Text is converted on the way, which may fail, and then has other bytes.
pub(super) fn encoding(case: &Case<'_>) -> Vec<Finding> {
    let source = &case.facts.source.database.locale.encoding;
    let Some(target) = existing(case)
        .map(|d| &d.locale.encoding)
        .filter(|e| *e != source)
    else {
        return Vec::new();
    };
    let hashed = case.choices.verify == Verify::Rows;
    let level = if hashed {
        Level::Refusal
    } else {
        Level::Warning
    };
    let and = if hashed {
        ", and hashes over rows (verify: rows) cannot be compared"
    } else {
        ""
    };
    found(
        level,
        "encoding",
        format!(
            "the source database is encoded in {source}, the target database in {target}: text \
             that {target} lacks stops the restore{and}"
        ),
        format!("Create the target database with encoding '{source}' template template0."),
    )
}

/// The order of text, and with it of indexes and queries, changes.
pub(super) fn locale(case: &Case<'_>) -> Vec<Finding> {
    let source = &case.facts.source.database.locale;
    let Some(target) = existing(case)
        .map(|d| &d.locale)
        .filter(|l| sorting(l) != sorting(source))
    else {
        return Vec::new();
    };
    found(
        Level::Warning,
        "locale",
        format!(
            "text sorts differently on the target: {} instead of {}",
            sorting(target),
            sorting(source)
        ),
        "Create the target database with the source's locale, if the order matters to you.",
    )
}

/// The database is to be made with a locale that the target does not know.
pub(super) fn locale_unknown(case: &Case<'_>) -> Vec<Finding> {
    let (source, target) = (&case.facts.source.database.locale, &case.facts.target);
    if target.database.is_some() || !case.with_structure() {
        return Vec::new();
    }
    if source.provider == "icu" && !target.icu {
        return found(
            Level::Refusal,
            "locale_unknown",
            "the source database sorts by ICU, and the target server is built without it"
                .to_owned(),
            "Use a target server with ICU, or create the target database beforehand with a locale \
             of your choice.",
        );
    }
    let known: Vec<String> = target.locales.iter().map(|name| normal(name)).collect();
    let unknown = [&source.collate, &source.ctype];
    let unknown = unknown
        .into_iter()
        .filter(|name| !known.contains(&normal(name)));
    let names = list(unknown);
    if names.is_empty() {
        return Vec::new();
    }
    found(
        Level::Warning,
        "locale_unknown",
        format!("the target's operating system seems not to have the source's locale: {names}"),
        "Install it there, or create the target database beforehand with a locale of your choice.",
    )
}

/// Columns and indexes that sort by them cannot be made without ICU.
pub(super) fn icu_collations(case: &Case<'_>) -> Vec<Finding> {
    let kept = |(schema, _): &&(String, String)| case.selection.keeps_schema(schema);
    let collations = case.facts.source.icu_collations.iter().filter(kept);
    let names = list(collations.map(|(schema, name)| postgres::full_name(schema, name)));
    if names.is_empty() || case.facts.target.icu || !case.with_structure() {
        return Vec::new();
    }
    found(
        Level::Refusal,
        "icu_collations",
        format!(
            "collations of the source are ICU's, and the target server is built without it: {names}"
        ),
        "Use a target server with ICU, or drop the collations on the source if nothing uses them.",
    )
}

/// Tablespaces are folders on the server, which nothing can copy.
pub(super) fn tablespaces(case: &Case<'_>) -> Vec<Finding> {
    if !case.with_structure() || !case.choices.tablespaces {
        return Vec::new();
    }
    let missing: Vec<_> = case
        .facts
        .source
        .tablespaces
        .difference(&case.facts.target.tablespaces)
        .collect();
    if missing.is_empty() {
        return Vec::new();
    }
    found(
        Level::Refusal,
        "missing_tablespaces",
        format!(
            "the target lacks tablespaces that the source uses: {}",
            list(missing)
        ),
        "Run `create tablespace` for each on the target, with folders of its own, or set \
         copy.tablespaces: false to keep everything in the default one.",
    )
}

fn existing<'a>(case: &Case<'a>) -> Option<&'a TargetDatabase> {
    case.facts.target.database.as_ref()
}

fn named(database: &TargetDatabase) -> String {
    let more = database
        .object_count
        .saturating_sub(database.objects.len() as u64);
    match more {
        0 => database.objects.join(", "),
        _ => format!("{} and {more} more", database.objects.join(", ")),
    }
}

/// What decides the order of text, for people.
fn sorting(locale: &Locale) -> String {
    match &locale.locale {
        Some(name) => format!("{} {name}", locale.provider),
        None => format!(
            "{} {} (LC_CTYPE {})",
            locale.provider, locale.collate, locale.ctype
        ),
    }
}

/// `en_US.UTF-8` and `en_US.utf8` are one locale; `C` and `POSIX` are always there, and `C.UTF-8`
/// comes with the C library.
fn normal(name: &str) -> String {
    name.to_lowercase().replace('-', "")
}
