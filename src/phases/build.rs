//! Build: what a dump makes after rows and keys, as one script that is sent piece by piece; then
//! statistics and the database's own settings. Nothing here is done to the source.

use super::{Scene, copy, restore, restore_runs, sql, step};
use crate::effect::{MARKS, Place};
use crate::plan::Step;

/// The step that makes everything that comes after rows and keys.
pub(super) const AFTER_DATA: &str = "build.after_data";

/// The steps of the phase.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let made: Vec<u32> = copy::built_here(scene)
        .flat_map(|index| {
            let constraint = index.constraint.as_ref().map(|constraint| constraint.oid);
            [Some(index.oid), constraint].into_iter().flatten()
        })
        .collect();
    let mut steps = vec![Step {
        effects: vec![restore_runs::after_data(scene, made)],
        ..step(
            AFTER_DATA,
            "foreign keys, triggers, rules, policies, materialized views",
        )
    }];
    steps.extend(restore::finish(scene));
    steps.push(Step {
        effects: vec![sql(
            Place::Target,
            vec![format!("drop schema if exists {MARKS} cascade")],
        )],
        ..step("build.marks", "remove the marks of what was copied")
    });
    super::in_order(&mut steps);
    steps
}
