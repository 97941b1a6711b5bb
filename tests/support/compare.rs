//! The independent check: is the target database equal to the source database?
//! It shares no code with `src/`, so that a mistake made there is not repeated here.

mod catalog;
mod objects;
mod rows;

use super::Cluster;
use std::collections::BTreeMap;

/// A database on a cluster.
#[derive(Clone, Copy)]
pub(crate) struct Database<'a> {
    /// The cluster that it is on.
    pub(crate) cluster: &'a Cluster,
    /// Its name.
    pub(crate) name: &'a str,
}

impl<'a> Database<'a> {
    /// The database `name` on `cluster`.
    pub(crate) fn on(cluster: &'a Cluster, name: &'a str) -> Self {
        Self { cluster, name }
    }
}

/// What was found on one side: a fact under the name of what it is about.
type Facts = BTreeMap<String, String>;

/// Everything in which `target` differs from `source`, sorted, one sentence each; empty when equal.
///
/// The names of the two databases may differ. Roles are compared only where objects, privileges
/// and settings name them, and by `roles_differ` in full.
pub(crate) fn differences(source: Database<'_>, target: Database<'_>) -> Vec<String> {
    let mut found = between(&objects::as_on(source, target), &objects::of(target));
    found.extend(between(&rows::of(source), &rows::of(target)));
    let same_major = source.cluster.major() == target.cluster.major();
    found.extend(between(
        &catalog::of(source, same_major),
        &catalog::of(target, same_major),
    ));
    found
}

/// Everything in which the roles of the source's objects differ on the target's cluster:
/// attributes, settings, comments, and what they are members of. Passwords are not compared.
pub(crate) fn role_differences(source: Database<'_>, target: Database<'_>) -> Vec<String> {
    between(&catalog::roles(source), &catalog::roles(target))
}

fn between(source: &Facts, target: &Facts) -> Vec<String> {
    let missing = source
        .iter()
        .filter_map(|(name, was)| match target.get(name) {
            None => Some(format!(
                "{name}: missing on the target; on the source: {was}"
            )),
            Some(is) if is != was => Some(differing(name, was, is)),
            Some(_) => None,
        });
    let extra = target
        .iter()
        .filter(|(name, _)| !source.contains_key(*name))
        .map(|(name, is)| format!("{name}: on the target only: {is}"));
    missing.chain(extra).collect()
}

/// Long texts differ in a few lines; only those are worth reading.
fn differing(name: &str, was: &str, is: &str) -> String {
    let only = |one: &str, other: &str| {
        let others: Vec<&str> = other.lines().collect();
        one.lines()
            .filter(|line| !others.contains(line))
            .collect::<Vec<_>>()
            .join(" ⏎ ")
    };
    match (only(was, is), only(is, was)) {
        (a, b) if a.is_empty() && b.is_empty() => {
            format!("{name}: the same lines in another order")
        }
        (a, b) => format!("{name}: on the source: {a}; on the target: {b}"),
    }
}
