//! What `online.replica_identity` says, held against the tables that there are.
//! It asks no server: a table that the plan should name, but does not, is a finding.

use crate::error::Result;
use crate::inspect::{Facts, Relation, RelationKind};
use crate::selection::{Selection, written};
use crate::spec::{Problem, Problems, ReplicaIdentity};

use super::{Online, Resolved};

impl Resolved {
    /// Checks that every entry of `online.replica_identity` names a table whose rows are migrated,
    /// and an index that serves.
    ///
    /// # Errors
    /// Every entry that does not, with its place in the file.
    pub fn check_identities(&self, facts: &Facts, selection: &Selection) -> Result<()> {
        let mut problems = Problems::default();
        if let Some(online) = &self.online {
            problems.extend(self.misnamed(online, facts, selection));
        }
        problems.settle()
    }

    fn misnamed(&self, online: &Online, facts: &Facts, selection: &Selection) -> Vec<Problem> {
        let mut problems = Vec::new();
        for ((schema, name), identity) in &online.replica_identity {
            let mut relations = facts.source.relations.iter();
            let table = relations.find(|r| r.schema == *schema && r.name == *name);
            let table = table.filter(|_| selection.keeps_rows(schema, name));
            if let Some((message, help)) = objection(table, identity) {
                let key = self.identity_key(schema, name);
                let map = "/online/replica_identity";
                let words = (message.as_str(), help.as_str());
                problems.push(self.document.problem_at_entry(map, &key, words));
            }
        }
        problems
    }

    /// The entry as the plan writes it.
    fn identity_key(&self, schema: &str, name: &str) -> String {
        let written = self.document.spec.online.iter();
        let mut keys = written.flat_map(|online| online.replica_identity.keys());
        let name = Some((schema.to_owned(), name.to_owned()));
        keys.find(|key| super::online::table_name(key) == name)
            .cloned()
            .unwrap_or_default()
    }
}

/// What is wrong with an entry, and what to do about it.
fn objection(table: Option<&Relation>, identity: &ReplicaIdentity) -> Option<(String, String)> {
    let is_table =
        |r: &&Relation| matches!(r.kind, RelationKind::Table | RelationKind::PartitionedTable);
    let Some(table) = table.filter(is_table) else {
        return Some((
            "this names no table whose rows are migrated".to_owned(),
            "correct the name, or remove the line".to_owned(),
        ));
    };
    let ReplicaIdentity::Index(index) = identity else {
        return None;
    };
    if table.kind == RelationKind::PartitionedTable {
        return Some((
            "each partition has an index of its own".to_owned(),
            format!(
                "name the partitions of {} instead, a line each",
                written(table)
            ),
        ));
    }
    let serving = &table.identity.unique_indexes;
    if table.identity.is_served_by(index) {
        return None;
    }
    let help = if serving.is_empty() {
        "the table has none that serves: write `full` or `copy_at_cutover`".to_owned()
    } else {
        format!("those that serve are {}", serving.join(", "))
    };
    Some((
        format!(
            "{} has no unique index {index} over columns that are NOT NULL, neither partial nor \
             deferrable",
            written(table)
        ),
        help,
    ))
}
