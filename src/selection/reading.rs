//! Reads lists of patterns against the source's names, and collects every problem.
//! It never decides what is kept: it says what each list matches.

use std::collections::BTreeSet;

use super::pattern::{Malformed, NamePattern, TablePattern};
use super::{RelationName, SelectionProblem, has_rows};
use crate::inspect::{Relation, Schema};

/// How alike two names must be, by Jaro-Winkler, for one to be offered for the other.
const ALIKE: f64 = 0.8;

/// The source's names, and the problems found so far.
pub(super) struct Reading<'a> {
    relations: &'a [Relation],
    schemas: BTreeSet<String>,
    problems: Vec<SelectionProblem>,
}

impl<'a> Reading<'a> {
    /// Takes the schemas that relations are in as well: one that an extension made may hold
    /// tables of a user.
    pub(super) fn new(relations: &'a [Relation], schemas: &[Schema]) -> Self {
        let listed = schemas.iter().map(|schema| schema.name.clone());
        let used = relations.iter().map(|relation| relation.schema.clone());
        Self {
            relations,
            schemas: listed.chain(used).collect(),
            problems: Vec::new(),
        }
    }

    pub(super) fn all_schemas(&self) -> BTreeSet<String> {
        self.schemas.clone()
    }

    pub(super) fn problems(self) -> Vec<SelectionProblem> {
        self.problems
    }

    /// The schemas that a list matches.
    pub(super) fn schemas(&mut self, key: &str, patterns: &[String]) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for (index, text) in patterns.iter().enumerate() {
            let pointer = format!("{key}/{index}");
            let Some(pattern) = self.read(&pointer, NamePattern::read(text)) else {
                continue;
            };
            let names = self.schemas.iter().filter(|name| pattern.matches(name));
            let names: Vec<String> = names.cloned().collect();
            if names.is_empty() {
                let known = self.schemas.iter().cloned().collect();
                self.no_match(
                    pointer,
                    &format!("no schema is called `{text}`"),
                    text,
                    known,
                );
            }
            all.extend(names);
        }
        all
    }

    /// The relations that a list matches, with their partitions and owned sequences.
    pub(super) fn relations(&mut self, key: &str, patterns: &[String]) -> BTreeSet<RelationName> {
        let all = self.matched(key, patterns, |_| true, "table, view or sequence");
        self.with_parts(all)
    }

    /// The tables and materialized views that a list matches, with their partitions.
    pub(super) fn tables(&mut self, key: &str, patterns: &[String]) -> BTreeSet<RelationName> {
        let all = self.matched(key, patterns, |relation| has_rows(relation.kind), "table");
        self.with_parts(all)
    }

    fn matched(
        &mut self,
        key: &str,
        patterns: &[String],
        fits: fn(&Relation) -> bool,
        what: &str,
    ) -> BTreeSet<RelationName> {
        let candidates: Vec<&Relation> = self.relations.iter().filter(|r| fits(r)).collect();
        let mut all = BTreeSet::new();
        for (index, text) in patterns.iter().enumerate() {
            let pointer = format!("{key}/{index}");
            let Some(pattern) = self.read(&pointer, TablePattern::read(text)) else {
                continue;
            };
            let matches = |r: &&&Relation| pattern.matches(&r.schema, &r.name);
            let names: Vec<RelationName> = candidates
                .iter()
                .filter(matches)
                .map(|r| full_name(r))
                .collect();
            if names.is_empty() {
                let known = candidates.iter().map(|r| written(r)).collect();
                self.no_match(
                    pointer,
                    &format!("no {what} is called `{text}`"),
                    text,
                    known,
                );
            }
            all.extend(names);
        }
        all
    }

    /// Partitions go where their parent goes, however deep, and sequences where their table goes.
    fn with_parts(&self, mut all: BTreeSet<RelationName>) -> BTreeSet<RelationName> {
        loop {
            let belongs =
                |of: &Option<RelationName>| of.as_ref().is_some_and(|of| all.contains(of));
            let parts = self.relations.iter().filter(|r| {
                (belongs(&r.partition_of) || belongs(&r.owned_by)) && !all.contains(&full_name(r))
            });
            let parts: Vec<RelationName> = parts.map(full_name).collect();
            if parts.is_empty() {
                return all;
            }
            all.extend(parts);
        }
    }

    fn read<T>(&mut self, pointer: &str, pattern: Result<T, Malformed>) -> Option<T> {
        let Malformed { message, help } = match pattern {
            Ok(pattern) => return Some(pattern),
            Err(malformed) => malformed,
        };
        self.problems.push(SelectionProblem {
            pointer: pointer.to_owned(),
            message,
            help,
        });
        None
    }

    fn no_match(&mut self, pointer: String, what: &str, text: &str, known: Vec<String>) {
        let close = known
            .into_iter()
            .map(|name| (strsim::jaro_winkler(&name, text), name))
            .filter(|(alike, _)| *alike >= ALIKE)
            .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(&a.1)));
        let help = close.map_or_else(
            || "Correct the pattern, or remove it: the source has nothing like it.".to_owned(),
            |(_, name)| format!("Did you mean `{name}`?"),
        );
        let message = format!("{what} on the source");
        self.problems.push(SelectionProblem {
            pointer,
            message,
            help,
        });
    }
}

fn full_name(relation: &Relation) -> RelationName {
    (relation.schema.clone(), relation.name.clone())
}

/// A relation as a plan file would name it.
pub(crate) fn written(relation: &Relation) -> String {
    let plain = |name: &str| {
        if name.contains(['.', '"', '*', '?', '[']) {
            format!("\"{}\"", name.replace('"', "\"\""))
        } else {
            name.to_owned()
        }
    };
    format!("{}.{}", plain(&relation.schema), plain(&relation.name))
}
