//! What stands in the way of a migration, found before anything is changed.
//! It never asks a server: facts, choices and a selection go in, every finding comes out.

mod access;
mod capacity;
mod database;
mod extensions;
mod online;
mod programs;
mod roles;
mod rows;
mod selected;
mod servers;
mod settings;
#[cfg(test)]
pub(crate) mod tests;

pub use programs::choose_tools;

use std::fmt;

use crate::error::{Error, Result};
use crate::inspect::{Facts, Relation, RelationKind};
use crate::postgres;
use crate::report::some_of;
use crate::resolve::Online;
use crate::selection::Selection;
use crate::spec::{Existing, Format, Scope, Statistics, Verify};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing is changed until this is mended.
    Refusal,
    /// The migration goes on; something may not be as expected.
    Warning,
    /// Worth knowing.
    Note,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refusal => "refusal",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// How much it weighs.
    pub level: Level,
    /// Which check found it: a name that stays the same.
    pub id: &'static str,
    /// What was found, and why it matters.
    pub what: String,
    /// What to do about it.
    pub next: String,
}

/// What the plan chose, as far as findings depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// `copy.scope`.
    pub scope: Scope,
    /// `restore.existing`.
    pub existing: Existing,
    /// `copy.owners`.
    pub owners: bool,
    /// `copy.roles`.
    pub roles: bool,
    /// `copy.tablespaces`.
    pub tablespaces: bool,
    /// `verify`.
    pub verify: Verify,
    /// `restore.allow_errors`.
    pub allow_errors: bool,
    /// `restore.statistics`.
    pub statistics: Statistics,
    /// `copy.jobs`.
    pub jobs: u32,
    /// `copy.format`, which is the default where rows are not streamed.
    pub format: Format,
    /// The stream, with `mode: online`.
    pub online: Option<Online>,
}

/// What a check looks at.
struct Case<'a> {
    facts: &'a Facts,
    choices: &'a Choices,
    selection: &'a Selection,
}

/// Every check there is. One that has nothing to say returns nothing.
const CHECKS: &[fn(&Case<'_>) -> Vec<Finding>] = &[
    servers::same_database,
    servers::target_older,
    servers::target_standby,
    servers::source_standby,
    servers::unlogged_on_standby,
    programs::no_tools,
    programs::statistics_not_carried,
    access::unreadable_relations,
    access::row_security,
    access::unreadable_large_objects,
    database::missing_database,
    database::not_owned,
    database::not_empty,
    database::encoding,
    database::locale,
    database::locale_unknown,
    database::tablespaces,
    database::icu_collations,
    extensions::unavailable,
    extensions::not_trusted,
    extensions::other_version,
    extensions::config_tables,
    roles::missing,
    roles::cannot_create,
    roles::cannot_act_as,
    roles::cannot_grant,
    roles::unearned_attributes,
    roles::predefined,
    settings::not_taken,
    capacity::source_locks,
    capacity::target_locks,
    capacity::connections,
    capacity::disk,
    selected::needed_relations,
    selected::needed_rows,
    rows::missing_tables,
    rows::filled_tables,
    rows::large_objects_there,
    rows::without_binary_form,
    rows::hashed_by_enum,
    online::findings,
];

/// Everything that speaks against the migration or is worth knowing about it, refusals first.
pub fn preflight(facts: &Facts, choices: &Choices, selection: &Selection) -> Vec<Finding> {
    let case = Case {
        facts,
        choices,
        selection,
    };
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(&case)).collect();
    findings.sort();
    findings
}

/// Refuses when a finding does.
///
/// # Errors
/// One error with every refusal, and what to do about each.
pub fn refuse(findings: &[Finding]) -> Result<()> {
    let refusals = || {
        findings
            .iter()
            .filter(|finding| finding.level == Level::Refusal)
    };
    let Some(first) = refusals().next() else {
        return Ok(());
    };
    if refusals().count() == 1 {
        return Err(Error::refused(&first.what, &first.next));
    }
    let what = format!(
        "{} things stand in the way; nothing was changed",
        refusals().count()
    );
    let error = Error::refused(what, "Mend them all, then run the same command again.");
    Err(refusals().fold(error, |error, finding| {
        error.because(format!("{}\nnext: {}", finding.what, finding.next))
    }))
}

impl<'a> Case<'a> {
    /// The relations that are migrated.
    fn kept(&self) -> impl Iterator<Item = &'a Relation> {
        let selection = self.selection;
        let relations = self.facts.source.relations.iter();
        relations.filter(|r| selection.keeps(&r.schema, &r.name))
    }

    /// The relations whose rows (or sequences whose values) are migrated.
    fn kept_with_rows(&self) -> impl Iterator<Item = &'a Relation> {
        let (selection, scope) = (self.selection, self.choices.scope);
        self.kept()
            .filter(move |r| scope != Scope::Schema && selection.keeps_rows(&r.schema, &r.name))
    }

    /// Whether structure is migrated.
    fn with_structure(&self) -> bool {
        self.choices.scope != Scope::Data
    }

    /// Whether rows are migrated.
    fn with_rows(&self) -> bool {
        self.choices.scope != Scope::Schema
    }
}

/// A relation as people write it.
fn full_name(relation: &Relation) -> String {
    postgres::full_name(&relation.schema, &relation.name)
}

/// Whether it has storage of its own that a dump reads.
fn is_dumped(relation: &Relation) -> bool {
    matches!(
        relation.kind,
        RelationKind::Table | RelationKind::PartitionedTable
    )
}

/// `a, b and 12 more`: sorted, and short enough to read.
fn list<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    const NAMED: usize = 10;
    let mut names: Vec<String> = names
        .into_iter()
        .map(|name| name.as_ref().to_owned())
        .collect();
    names.sort();
    names.dedup();
    some_of(&names.iter().map(String::as_str).collect::<Vec<_>>(), NAMED)
}

/// A finding, as the one or none that a check returns.
fn found(level: Level, id: &'static str, what: String, next: impl Into<String>) -> Vec<Finding> {
    vec![Finding {
        level,
        id,
        what,
        next: next.into(),
    }]
}
