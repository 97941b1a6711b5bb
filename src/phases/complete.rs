//! Complete: the dump is removed. Never earlier, because until the target is proven the dump is
//! the way to fill it again.

use super::{Scene, step};
use crate::effect::Effect;
use crate::plan::Step;

/// The steps of the phase.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let dump = Step {
        effects: vec![Effect::RemoveDump],
        ..step("dump.remove", "remove the dump")
    };
    super::act_as::end(scene)
        .into_iter()
        .chain([dump])
        .collect()
}
