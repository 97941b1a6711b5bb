//! PrepareSnapshot: one moment of the source, exported for all who read it.
//! Without rows to copy there is no moment to fix, and no step.

use super::{SNAPSHOT, Scene, step};
use crate::effect::Effect;
use crate::inspect::{Relation, RelationKind};
use crate::plan::Step;

/// The steps of the phase.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let locked = |kind| matches!(kind, RelationKind::Table | RelationKind::PartitionedTable);
    let tables = scene.kept().filter(|relation| locked(relation.kind));
    let name = |relation: &Relation| (relation.schema.clone(), relation.name.clone());
    vec![Step {
        effects: vec![Effect::ExportSnapshot {
            tables: tables.map(name).collect(),
            lock_timeout: scene.resolved.lock_timeout,
        }],
        ..step(
            SNAPSHOT,
            "one moment of the source, held until it is dumped and measured",
        )
    }]
}
