//! Schema: roles and database are made, and everything of the dump that comes before rows. The dump
//! holds no rows of tables: those are streamed. Nothing here is done to the source but reading.

use super::{DUMP, RESTORE, Scene, copy, dump, restore, restore_runs, step};
use crate::effect::ScriptPart;
use crate::plan::{IfInterrupted, Step, StepId};

/// The steps of the phase.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let mut steps = vec![dump::structure(scene)];
    steps.extend(copy::counted_early(scene));
    let mut making: Vec<Step> = super::roles::steps(scene);
    making.extend(super::act_as::begin(scene));
    making.extend(restore::database(scene));
    super::in_order(&mut making);
    let last = making.last().map(|step| step.id.clone());
    // Side by side, unless something goes that nothing could replace if the source failed.
    let there = scene.facts.target.database.as_ref();
    let replaced = there.is_some_and(|there| there.object_count > 0);
    if let Some(first) = making.first_mut().filter(|_| replaced) {
        first.after.push(StepId::new(DUMP));
    }
    steps.extend(making);
    steps.push(Step {
        after: [StepId::new(DUMP)].into_iter().chain(last).collect(),
        effects: vec![restore_runs::script(scene, ScriptPart::BeforeData, &[])],
        if_interrupted: IfInterrupted::RedoFrom(StepId::new(restore::again_from(scene))),
        undo: restore::empty(scene),
        ..step(RESTORE, "what comes before rows: schemas, types, tables")
    });
    steps
}
