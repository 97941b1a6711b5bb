//! Performs the proof that the source still has the tables that the plan was made from, at the moment
//! of the snapshot: streams are planned column by column. It compares nothing that a dump carries.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::world::{Act, Output, World};
use crate::error::Result;
use crate::inspect::{self, ForeignKey, Index, Relation, RelationKind};
use crate::postgres::full_name;
use crate::report::some_of;
use crate::selection::{Patterns, RelationName};
use crate::snapshot;

/// How many changes an error names.
const SHOWN: usize = 10;

/// Whether there are any.
const LARGE_OBJECTS: &str = "select exists (select from pg_largeobject_metadata)";

/// What the plan was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The number that changes with every change of the source's schema.
    pub mark: String,
    /// Every table and sequence of the source.
    pub shapes: Shapes,
    /// Those that are migrated.
    pub kept: Vec<RelationName>,
    /// Whether it holds large objects.
    pub large_objects: bool,
    /// What the plan's patterns leave behind of those that came later.
    pub patterns: Patterns,
}

/// What tables are like, as far as streaming their rows goes by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shapes(BTreeMap<RelationName, Shape>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Shape {
    partition_of: Option<RelationName>,
    columns: u64,
    indexes: u64,
    foreign_keys: u64,
}

impl Shapes {
    /// Of these tables and sequences, with these indexes and foreign keys. Numbers of two processes
    /// say nothing of each other.
    pub fn of(relations: &[Relation], indexes: &[Index], keys: &[ForeignKey]) -> Self {
        let indexes = by_table(indexes, |index| {
            let bytes = 0;
            let built = Index {
                bytes,
                ..index.clone()
            };
            (&index.schema, &index.table, format!("{built:?}"))
        });
        let keys = by_table(keys, |key| (&key.schema, &key.table, format!("{key:?}")));
        let with_rows = |relation: &&Relation| {
            use RelationKind::{PartitionedTable, Sequence, Table};
            matches!(relation.kind, PartitionedTable | Sequence | Table)
        };
        let shape = |relation: &Relation| {
            let name = (relation.schema.clone(), relation.name.clone());
            let columns = (
                &relation.columns,
                &relation.identity.generated,
                &relation.text_columns,
                relation.row_hash as u8,
                relation.kind,
            );
            let shape = Shape {
                partition_of: relation.partition_of.clone(),
                columns: hashed(&columns),
                indexes: hashed(&indexes.get(&name)),
                foreign_keys: hashed(&keys.get(&name)),
            };
            (name, shape)
        };
        Self(relations.iter().filter(with_rows).map(shape).collect())
    }

    /// A relation and all that it is a part of.
    fn with_parents(&self, name: &RelationName) -> Vec<RelationName> {
        let mut names = vec![name.clone()];
        while let Some(parent) = names
            .last()
            .and_then(|name| self.0.get(name)?.partition_of.clone())
        {
            names.push(parent);
        }
        names
    }
}

/// Texts about things of tables, in an order that depends on nothing else.
fn by_table<T>(
    things: &[T],
    text: impl for<'a> Fn(&'a T) -> (&'a String, &'a String, String),
) -> BTreeMap<RelationName, BTreeSet<String>> {
    let mut by_table: BTreeMap<RelationName, BTreeSet<String>> = BTreeMap::new();
    for thing in things {
        let (schema, table, text) = text(thing);
        let name = (schema.clone(), table.clone());
        by_table.entry(name).or_default().insert(text);
    }
    by_table
}

fn hashed(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

impl Planned {
    /// In what the source differs by now from what was planned, a sentence each.
    fn differences(&self, now: &Shapes) -> Vec<String> {
        let mut differences = Vec::new();
        for name in &self.kept {
            let was = self.shapes.0.get(name);
            let text = full_name(&name.0, &name.1);
            match (was, now.0.get(name)) {
                (Some(_), None) => differences.push(format!("{text} is gone")),
                (Some(was), Some(is)) if was.columns != is.columns => {
                    differences.push(format!("{text} has other columns"));
                }
                (Some(was), Some(is)) if was.indexes != is.indexes => {
                    differences.push(format!("{text} has other indexes"));
                }
                (Some(was), Some(is)) if was.foreign_keys != is.foreign_keys => {
                    differences.push(format!("{text} has other foreign keys"));
                }
                _ => {}
            }
        }
        let rules = self.patterns.read();
        for name in now
            .0
            .keys()
            .filter(|name| !self.shapes.0.contains_key(*name))
        {
            if !rules.leave(&now.with_parents(name)) {
                differences.push(format!("{} is new", full_name(&name.0, &name.1)));
            }
        }
        differences
    }
}

/// Proves it, under the snapshot.
///
/// # Errors
/// A refusal that names what was changed; what the server says.
pub(super) async fn prove(world: &World, act: Act<'_>, planned: &Planned) -> Result<Output> {
    world.performed(act, lines(planned));
    let work = async {
        let client = world.under_snapshot().await?;
        let mut differences = Vec::new();
        let there: bool = client.query_one(LARGE_OBJECTS, &[]).await?.try_get(0)?;
        if there && !planned.large_objects {
            differences.push("its first large objects are new".to_owned());
        }
        let mark: String = client.query_one(inspect::SCHEMA, &[]).await?.try_get(0)?;
        if mark != planned.mark {
            let (relations, indexes, keys) = inspect::tables(&client).await?;
            let now = Shapes::of(&relations, &indexes, &keys);
            differences.extend(planned.differences(&now));
        }
        Ok(differences)
    };
    let differences = world.unless_stopped(work).await?;
    match differences.is_empty() {
        true => Ok(Output::default()),
        false => {
            let texts: Vec<&str> = differences.iter().map(String::as_str).collect();
            Err(snapshot::outdated(&some_of(&texts, SHOWN)))
        }
    }
}

/// The lines that are printed.
pub(super) fn lines(planned: &Planned) -> Vec<String> {
    let Planned {
        mark: _,
        shapes: _,
        kept: _,
        large_objects: _,
        patterns: _,
    } = planned;
    vec![
        format!("source: {LARGE_OBJECTS}"),
        format!("source: {}", inspect::SCHEMA),
        "compare: tables, columns, indexes, foreign keys and sequences with those the plan was made from, if \
         that changed"
            .to_owned(),
    ]
}
