//! PrepareSnapshot: one moment of the source, exported for all who read it.
//! Without rows to copy there is no moment to fix, and no step.

use super::{SNAPSHOT, Scene, step};
use crate::effect::Effect;
use crate::plan::Step;

/// The steps of the phase.
pub(super) fn steps(_scene: &Scene<'_>) -> Vec<Step> {
    vec![Step {
        effects: vec![Effect::ExportSnapshot],
        ..step(
            SNAPSHOT,
            "one moment of the source, held until it is dumped and measured",
        )
    }]
}
