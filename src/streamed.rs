//! What of a database travels in the stream of an online migration, and what does not.
//! It never asks a server and refuses nothing: what is missing for a stream is a finding.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::inspect::{Facts, Identity, IdentitySetting, Relation, RelationKind};
use crate::postgres::quote_identifier;
use crate::resolve::{Online, ReplicaIdentity};
use crate::selection::{RelationName, Selection};

/// Every table whose rows are migrated, by how changes made after the copy reach the target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streamed {
    /// Tables in the publication, partitions one by one, sorted.
    pub tables: Vec<RelationName>,
    /// What has to be changed before they can be published, sorted.
    pub identities: Vec<IdentityChange>,
    /// Tables that are copied while the source is fenced, sorted.
    pub at_cutover: Vec<RelationName>,
    /// Materialized views to refresh on the target, each after those that it reads.
    pub refreshed: Vec<RelationName>,
}

/// A change of `REPLICA IDENTITY` that the plan asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IdentityChange {
    /// The table's schema.
    pub schema: String,
    /// The table's name.
    pub name: String,
    /// What follows `replica identity`: `full` or `using index "x"`.
    pub to: String,
    /// What puts it back.
    pub was: String,
}

impl Streamed {
    /// Settles how each table reaches the target.
    pub fn settle(facts: &Facts, selection: &Selection, online: &Online) -> Self {
        let mut streamed = Self {
            refreshed: refreshed(facts, selection),
            ..Self::default()
        };
        for table in tables(facts, selection) {
            let name = (table.schema.clone(), table.name.clone());
            let chosen = chosen(facts, table, online);
            if table.unlogged || chosen == Some(&ReplicaIdentity::CopyAtCutover) {
                streamed.at_cutover.push(name);
                continue;
            }
            let usable = table.identity.is_usable(facts.source.server.major());
            let chosen = chosen.filter(|_| !usable);
            streamed.identities.extend(change(table, chosen));
            streamed.tables.push(name);
        }
        streamed.tables.sort();
        streamed.identities.sort();
        streamed.at_cutover.sort();
        streamed
    }
}

/// Tables with rows of their own that are migrated.
pub(crate) fn tables<'a>(
    facts: &'a Facts,
    selection: &'a Selection,
) -> impl Iterator<Item = &'a Relation> {
    facts.source.relations.iter().filter(|relation| {
        relation.kind == RelationKind::Table
            && selection.keeps_rows(&relation.schema, &relation.name)
    })
}

/// What the plan chose for a table: by its own name, or else by the nearest partitioned table
/// that it is a part of.
pub(crate) fn chosen<'o>(
    facts: &Facts,
    table: &Relation,
    online: &'o Online,
) -> Option<&'o ReplicaIdentity> {
    if online.replica_identity.is_empty() {
        return None;
    }
    let mut relation = table;
    loop {
        let name = (relation.schema.clone(), relation.name.clone());
        if let Some(chosen) = online.replica_identity.get(&name) {
            return Some(chosen);
        }
        let (schema, name) = relation.partition_of.as_ref()?;
        let mut relations = facts.source.relations.iter();
        relation = relations.find(|r| r.schema == *schema && r.name == *name)?;
    }
}

fn change(table: &Relation, chosen: Option<&ReplicaIdentity>) -> Option<IdentityChange> {
    let to = match chosen? {
        ReplicaIdentity::Full => "full".to_owned(),
        ReplicaIdentity::Index(name) => using_index(name),
        ReplicaIdentity::CopyAtCutover => return None,
    };
    Some(IdentityChange {
        schema: table.schema.clone(),
        name: table.name.clone(),
        to,
        was: as_it_is(&table.identity),
    })
}

/// The setting as SQL. Of an index that is gone nothing is left to name; without one, PostgreSQL
/// writes as much to the WAL as with `nothing`.
fn as_it_is(identity: &Identity) -> String {
    match (identity.setting, &identity.index) {
        (IdentitySetting::Default, _) => "default".to_owned(),
        (IdentitySetting::Full, _) => "full".to_owned(),
        (IdentitySetting::Index, Some(index)) => using_index(index),
        (IdentitySetting::Nothing | IdentitySetting::Index, _) => "nothing".to_owned(),
    }
}

fn using_index(name: &str) -> String {
    format!("using index {}", quote_identifier(name))
}

fn refreshed(facts: &Facts, selection: &Selection) -> Vec<RelationName> {
    let mut needs: BTreeMap<&RelationName, Vec<&RelationName>> = BTreeMap::new();
    for dependent in &facts.source.dependents {
        if let Some(of) = &dependent.of {
            needs.entry(of).or_default().push(&dependent.needs);
        }
    }
    let names: BTreeSet<RelationName> = facts
        .source
        .relations
        .iter()
        .filter(|r| r.kind == RelationKind::MaterializedView && r.populated)
        .filter(|r| selection.keeps(&r.schema, &r.name))
        .map(|r| (r.schema.clone(), r.name.clone()))
        .collect();
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    for name in &names {
        after_its_needs(name, &needs, &mut seen, &mut order);
    }
    order.retain(|name| names.contains(name));
    order
}

/// Puts a relation behind everything that it reads, which views read through views.
fn after_its_needs(
    name: &RelationName,
    needs: &BTreeMap<&RelationName, Vec<&RelationName>>,
    seen: &mut BTreeSet<RelationName>,
    order: &mut Vec<RelationName>,
) {
    if !seen.insert(name.clone()) {
        return;
    }
    for need in needs.get(name).into_iter().flatten() {
        after_its_needs(need, needs, seen, order);
    }
    order.push(name.clone());
}

#[cfg(test)]
mod tests;
