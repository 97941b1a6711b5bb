//! Complete: what was needed on the way is removed: a dump offline, the stream online. Never before the
//! target is proven, because until then it is filled from there.

use super::stream_apply::unsubscribe;
use super::{Scene, step};
use crate::effect::replication::{Drained, Replication, slot};
use crate::effect::{Effect, Place, Side};
use crate::journal::Status;
use crate::plan::{Plan, Stage, Step, StepId};
use crate::resolve::Online;

/// The step that proves that nothing was left in the stream.
const PROVE: &str = "stream.prove";

/// The steps of the phase.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let Some((online, _)) = &scene.stream else {
        let remove = Step {
            effects: vec![Effect::RemoveDump],
            ..step("dump.remove", "remove the dump")
        };
        return super::act_as::end(scene)
            .into_iter()
            .chain([remove])
            .collect();
    };
    end_stream(online)
}

/// The stream from source to target is at its end: that nothing was left in it is proven once
/// more, now that nobody waits.
fn end_stream(online: &Online) -> Vec<Step> {
    let mut steps = vec![Step {
        effects: vec![Effect::Replication(Replication::ProveDrained(Drained {
            side: Side::Source,
            slot: online.slot.clone(),
            publication: online.publication.clone(),
            // It follows the target since the switch, and what it writes is in the WAL as well.
            way_back: online.cutover.reverse.then(|| online.reverse_name()),
            may_be_unknown: false,
        }))],
        ..step(PROVE, "nothing was written to the source after the switch")
    }];
    if !online.cutover.keep_subscription {
        steps.push(Step {
            effects: vec![
                super::sql(Place::Target, vec![unsubscribe(&online.subscription)]),
                super::sql(Place::Source, vec![slot::drop_statement(&online.slot)]),
            ],
            ..step(
                "stream.end",
                "subscription and slot; the publication stays until finalize",
            )
        });
    }
    super::in_order(&mut steps);
    steps
}

/// The finalize of a migration that was switched and is not complete: it removes the slot, which alone
/// tells of a write that got past the fence, so what it holds is looked at first. A slot that is gone
/// must not keep a migration from its end.
pub(crate) fn finalized(plan: &Plan, mut stage: Stage, status: &Status) -> Stage {
    let mut steps = plan.steps().filter(|step| step.id.as_str() == PROVE);
    let Some(mut proof) = steps.next().cloned() else {
        return stage;
    };
    if status.is_done(&proof.id) {
        return stage;
    }
    proof.after.clear();
    for effect in &mut proof.effects {
        if let Effect::Replication(Replication::ProveDrained(drained)) = effect {
            drained.may_be_unknown = true;
        }
    }
    if let Some(first) = stage.steps.first_mut() {
        first.after.push(StepId::new(PROVE));
    }
    stage.steps.insert(0, proof);
    stage
}
