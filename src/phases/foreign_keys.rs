//! Foreign keys: made without a look at the rows, then proven table by table, side by side. It leaves
//! those of extensions to what the dump says.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Scene, index, sql, step};
use crate::effect::{Effect, Place};
use crate::inspect::ForeignKey;
use crate::plan::{Step, StepId};
use crate::postgres::{full_name, qualified, quote_identifier};
use crate::report::counted;

/// The step that makes all but those that are made and proven at once.
const MAKE: &str = "build.foreign_keys";
/// The step that makes those that are made and proven at once.
const MAKE_PROVEN: &str = "build.foreign_keys.partitioned";
/// The first version that takes NOT VALID where a table is partitioned. Before, it refuses that for a
/// partitioned table; of a table that refers to one it proves the foreign key, and leaves those that
/// it derives for the partitions unproven for ever.
const PARTITIONED_NOT_VALID: u32 = 18;
/// Tables up to this size are proven many in a step.
const SMALL_BYTES: u64 = 4 << 20;
/// How many foreign keys such a step proves at most.
const MOST_IN_STEP: usize = 200;

/// The foreign keys that are made here.
pub(super) fn made_here<'a>(scene: &'a Scene<'_>) -> impl Iterator<Item = &'a ForeignKey> {
    let keys = scene.facts.source.foreign_keys.iter();
    keys.filter(|key| scene.selection.keeps(&key.schema, &key.table))
}

/// The steps, in the order in which they are begun, all of them after `before`.
pub(super) fn steps(scene: &Scene<'_>, before: &str) -> Vec<Step> {
    let old = scene.facts.target.server.major() < PARTITIONED_NOT_VALID;
    let at_once =
        |key: &&ForeignKey| old && key.validated && (key.of_partitioned || key.to_partitioned);
    let (at_once, apart): (Vec<_>, Vec<_>) = made_here(scene).partition(at_once);
    if at_once.is_empty() && apart.is_empty() {
        return Vec::new();
    }
    let make_apart = Step {
        after: vec![StepId::new(before)],
        effects: vec![make(scene, &apart, " not valid")],
        undo: vec![remove(&apart)],
        ..step(MAKE, format!("{}, not proven yet", many(&apart)))
    };
    // Side by side with what is proven apart: to prove one takes a lock on its table alone that
    // these would wait for, and none on the other table that they would hold.
    let make_proven = Step {
        after: vec![StepId::new(MAKE)],
        effects: vec![make(scene, &at_once, "")],
        undo: vec![remove(&at_once)],
        ..step(
            MAKE_PROVEN,
            format!("{} of or to partitioned tables", many(&at_once)),
        )
    };
    let mut steps = vec![make_apart];
    steps.extend((!at_once.is_empty()).then_some(make_proven));
    steps.extend(prove(scene, &apart));
    steps
}

fn many(keys: &[&ForeignKey]) -> String {
    counted(keys.len() as u64, "foreign key")
}

/// Whoever is not valid or not enforced on the source stays so: the definition says it.
fn make(scene: &Scene<'_>, keys: &[&ForeignKey], not_valid: &str) -> Effect {
    let mut statements = index::settings(scene);
    statements.extend(keys.iter().map(|key| {
        let not_valid = if key.validated { not_valid } else { "" };
        let name = quote_identifier(&key.name);
        let definition = &key.definition;
        format!(
            "{} add constraint {name} {definition}{not_valid}",
            alter(key, "")
        )
    }));
    sql(Place::Target, statements)
}

fn remove(keys: &[&ForeignKey]) -> Effect {
    let drop = |key: &&ForeignKey| {
        let name = quote_identifier(&key.name);
        format!(
            "{} drop constraint if exists {name}",
            alter(key, "if exists ")
        )
    };
    sql(Place::Target, keys.iter().rev().map(drop).collect())
}

/// ONLY as `pg_dump` writes it: of a partitioned table, its partitions are meant too.
fn alter(key: &ForeignKey, if_exists: &str) -> String {
    let only = if key.of_partitioned { "" } else { "only " };
    format!(
        "alter table {if_exists}{only}{}",
        qualified(&key.schema, &key.table)
    )
}

/// A table's foreign keys are proven one after the other, for each takes a lock on it that shuts out
/// the others; those of several tables side by side, the largest first.
fn prove(scene: &Scene<'_>, keys: &[&ForeignKey]) -> Vec<Step> {
    let sizes = scene.facts.source.relations.iter();
    let sizes: BTreeMap<(&str, &str), u64> =
        sizes.map(|r| ((&*r.schema, &*r.name), r.bytes)).collect();
    let mut by_table: BTreeMap<(&str, &str), Vec<&ForeignKey>> = BTreeMap::new();
    for key in keys.iter().filter(|key| key.validated) {
        let table = (&*key.schema, &*key.table);
        by_table.entry(table).or_default().push(key);
    }
    let mut tables: Vec<_> = by_table.into_iter().collect();
    let size =
        |(table, keys): &(_, Vec<_>)| sizes.get(table).copied().unwrap_or(0) * keys.len() as u64;
    tables.sort_by_key(|table| Reverse(size(table)));
    let (small, large): (Vec<_>, Vec<_>) = tables
        .into_iter()
        .partition(|table| size(table) <= SMALL_BYTES);
    let large = large
        .iter()
        .map(|((schema, table), keys)| proof(scene, &full_name(schema, table), keys));
    let small: Vec<&ForeignKey> = small.into_iter().flat_map(|(_, keys)| keys).collect();
    let small = small.chunks(MOST_IN_STEP).enumerate();
    let small = small.map(|(at, keys)| proof(scene, &format!("small.{}", at + 1), keys));
    large.chain(small).collect()
}

fn proof(scene: &Scene<'_>, name: &str, keys: &[&ForeignKey]) -> Step {
    let mut statements = index::settings(scene);
    statements.extend(keys.iter().map(|key| {
        let name = quote_identifier(&key.name);
        format!("{} validate constraint {name}", alter(key, ""))
    }));
    Step {
        after: vec![StepId::new(MAKE)],
        effects: vec![sql(Place::Target, statements)],
        ..step(&format!("validate.{name}"), many(keys))
    }
}
