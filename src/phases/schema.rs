//! Schema: roles and database are made, and everything of the dump that comes before rows. The dump
//! holds no rows of tables: those are streamed. Nothing here is done to the source but reading.

use super::{RESTORE, Scene, dump, restore, restore_runs, step};
use crate::effect::ScriptPart;
use crate::plan::{IfInterrupted, Step, StepId};

/// The steps of the phase.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let mut steps = vec![dump::structure(scene)];
    steps.extend(super::roles::steps(scene));
    steps.extend(super::act_as::begin(scene));
    steps.extend(restore::database(scene));
    steps.push(Step {
        effects: vec![restore_runs::script(scene, ScriptPart::BeforeData, &[])],
        if_interrupted: IfInterrupted::RedoFrom(StepId::new(restore::again_from(scene))),
        undo: restore::empty(scene),
        ..step(RESTORE, "what comes before rows: schemas, types, tables")
    });
    super::in_order(&mut steps);
    steps
}
