//! The planner's statistics: gathered table by table as the tables are filled, or carried over from the
//! source. It never holds up what somebody waits for.

use super::{Scene, restore_runs, sql, step};
use crate::effect::Place;
use crate::inspect::{Relation, RelationKind};
use crate::plan::{Step, StepId};
use crate::postgres::qualified;
use crate::report::counted;
use crate::spec::{Method, Statistics};

/// The first version that can leave out the partitions of a partitioned table; before, each is
/// analyzed with it.
const ANALYZE_ONLY: u32 = 18;

/// Gathers those of tables that were filled just now and whose indexes are there, if any are to be.
pub(super) fn gather(
    scene: &Scene<'_>,
    (name, after): (&str, Vec<StepId>),
    tables: &[&Relation],
) -> Option<Step> {
    let tables: Vec<&Relation> = tables
        .iter()
        .copied()
        .filter(|t| !is_later(scene, t))
        .collect();
    let wanted = scene.resolved.restore.statistics == Statistics::Analyze && scene.moves_rows();
    (wanted && !tables.is_empty()).then(|| Step {
        after,
        effects: vec![sql(Place::Target, vec![analyze(&tables)])],
        ..step(&format!("analyze.{name}"), "statistics for the planner")
    })
}

/// Gathers what could not be gathered table by table, or carries all of them over.
pub(super) fn rest(scene: &Scene<'_>) -> Vec<Step> {
    if !scene.moves_rows() {
        return Vec::new();
    }
    match (
        scene.resolved.restore.statistics,
        scene.resolved.copy.method,
    ) {
        (Statistics::Off, _) => Vec::new(),
        (Statistics::Analyze, Method::Dump) => vec![Step {
            effects: vec![sql(Place::Target, vec!["analyze".to_owned()])],
            ..step("restore.analyze", "gather the planner's statistics")
        }],
        (Statistics::Analyze, Method::Stream) => later(scene).into_iter().collect(),
        (Statistics::Carry, _) => vec![Step {
            effects: vec![restore_runs::statistics(scene)],
            ..step("restore.statistics", "the source's, for the planner")
        }],
    }
}

/// Whether a table's statistics are gathered only when everything is there: with those of its
/// children, with those that CREATE STATISTICS asks for, or as a part of its parent's.
fn is_later(scene: &Scene<'_>, table: &Relation) -> bool {
    table.has_children || table.extended_statistics || is_with_parent(scene, table)
}

fn is_with_parent(scene: &Scene<'_>, table: &Relation) -> bool {
    let parent = table.partition_of.as_ref();
    let parent = parent.filter(|(schema, name)| scene.selection.keeps(schema, name));
    parent.is_some() && !leaves_out_partitions(scene)
}

fn leaves_out_partitions(scene: &Scene<'_>) -> bool {
    scene.facts.target.server.major() >= ANALYZE_ONLY
}

/// Whether a foreign table is a partition of it, at any depth: to analyze it fails where that table's
/// server is not reached.
fn holds_foreign(scene: &Scene<'_>, table: &Relation) -> bool {
    let relations = &scene.facts.source.relations;
    let parent = |relation: &Relation| {
        let (schema, name) = relation.partition_of.as_ref()?;
        relations
            .iter()
            .find(|r| r.schema == *schema && r.name == *name)
    };
    let foreign = relations
        .iter()
        .filter(|r| r.kind == RelationKind::ForeignTable);
    let same = |r: &Relation| r.schema == table.schema && r.name == table.name;
    foreign
        .flat_map(|partition| std::iter::successors(parent(partition), |r| parent(r)))
        .any(same)
}

fn later(scene: &Scene<'_>) -> Option<Step> {
    let is_left = |relation: &&Relation| match relation.kind {
        _ if is_with_parent(scene, relation) => false,
        RelationKind::Table => is_later(scene, relation),
        RelationKind::PartitionedTable => true,
        RelationKind::MaterializedView => relation.populated,
        RelationKind::View | RelationKind::Sequence | RelationKind::ForeignTable => false,
    };
    let left = scene.kept().filter(is_left);
    let left: Vec<&Relation> = left.filter(|r| !holds_foreign(scene, r)).collect();
    let only = leaves_out_partitions(scene);
    let name = |relation: &&Relation| {
        let name = qualified(&relation.schema, &relation.name);
        let is_parent = relation.kind == RelationKind::PartitionedTable;
        if only && is_parent {
            format!("only {name}")
        } else {
            name
        }
    };
    let names: Vec<String> = left.iter().map(name).collect();
    (!left.is_empty()).then(|| Step {
        effects: vec![sql(
            Place::Target,
            vec![format!("analyze {}", names.join(", "))],
        )],
        ..step(
            "restore.analyze",
            format!(
                "statistics of {} that need more than rows",
                counted(left.len() as u64, "table")
            ),
        )
    })
}

/// Each table in a transaction of its own: that is what ANALYZE of several does.
fn analyze(tables: &[&Relation]) -> String {
    let names = tables
        .iter()
        .map(|table| qualified(&table.schema, &table.name));
    format!("analyze {}", names.collect::<Vec<_>>().join(", "))
}
