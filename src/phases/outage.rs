//! Which side serves, and how long a switch held up the application, as the journal says. It asks no
//! clock and no server.

use jiff::{SignedDuration, Timestamp};

use super::{cutover, finalize, rollback};
use crate::journal::Status;
use crate::plan::{Phase, StepId};
use crate::side::Side;

/// How long applications could not write, and when the target was opened: from the fence to the
/// switch.
pub(crate) fn switched(status: &Status) -> Option<(Timestamp, SignedDuration)> {
    outage(
        status,
        &[cutover::BEFORE_FENCE, cutover::FENCE],
        cutover::OPEN,
    )
}

/// The same, of the way back.
pub(crate) fn switched_back(status: &Status) -> Option<(Timestamp, SignedDuration)> {
    outage(status, &[rollback::FENCE], rollback::OPEN)
}

fn outage(status: &Status, from: &[&str], to: &str) -> Option<(Timestamp, SignedDuration)> {
    let opened = status.steps.get(&StepId::new(to))?.done?;
    let mut first = from.iter().map(|id| StepId::new(*id));
    let fenced = first.find_map(|id| Some(status.steps.get(&id)?.started))?;
    Some((opened, opened.duration_since(fenced)))
}

/// Whether there is only one way for the cutover, forward: applications may have written to the
/// target.
pub(crate) fn is_decided(status: &Status) -> bool {
    status.steps.contains_key(&StepId::new(cutover::OPEN))
}

/// The same, as it was before an abort began that takes even that back.
pub(crate) fn was_decided(status: &Status) -> bool {
    let open = StepId::new(cutover::OPEN);
    status.steps.contains_key(&open) || status.before_abort.contains(&open)
}

/// Whether a run that works on it now sees a request for the cutover, or cuts over already.
pub(crate) fn hears_requests(status: &Status) -> bool {
    let mut begun = status.steps.keys().map(StepId::as_str);
    status.is_interrupted(&StepId::new(super::FOLLOW)) || begun.any(|id| id.starts_with("cutover."))
}

/// The step of the hooks that run before the fence.
pub(crate) fn hooks_before_fence() -> StepId {
    StepId::new(cutover::BEFORE_FENCE)
}

/// Whether a switch, there or back, was made.
pub(crate) fn is_switched(status: &Status) -> bool {
    [cutover::OPEN, rollback::OPEN]
        .iter()
        .any(|id| status.is_done(&StepId::new(*id)))
}

/// Whether a step belongs to what comes after a switch that was made.
pub(crate) fn is_past(status: &Status, step: &StepId) -> bool {
    let open = match step.as_str().starts_with("rollback.") {
        true => rollback::OPEN,
        false => cutover::OPEN,
    };
    status.is_done(&StepId::new(open))
}

/// Whether a step of a switch only looks at both sides, or carries over what is carried anew by every
/// switch: how it did so binds nothing that comes after it.
pub(crate) fn binds_nothing(step: &StepId) -> bool {
    const WHAT: [&str; 10] = [
        "guard",
        "near",
        "silence",
        "unchanged",
        "drain",
        "sequences",
        "copy",
        "refresh",
        "verify",
        "look_again",
    ];
    let of_a_switch = ["cutover.", "rollback."].into_iter();
    let mut what = of_a_switch.filter_map(|phase| step.as_str().strip_prefix(phase));
    what.any(|what| WHAT.contains(&what))
}

/// What was begun after the migration was complete, and has not ended.
pub(crate) fn begun_afterwards(status: &Status) -> Option<Phase> {
    let begun = |phase: &Phase| {
        let prefix = format!("{}.", phase.to_string().to_lowercase());
        let mut ids = status.steps.keys();
        ids.any(|id| id.as_str().starts_with(&prefix))
    };
    Phase::AFTERWARDS.into_iter().find(begun)
}

/// Whether nothing of a finalize is left to do but to remove the state.
pub(crate) fn is_finalized(status: &Status) -> bool {
    let last = [
        finalize::PROVE,
        finalize::alone(Side::Source),
        finalize::alone(Side::Target),
    ];
    last.iter().any(|id| status.is_done(&StepId::new(*id)))
}

/// Which side an application can write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// The source, as always before the cutover.
    Source,
    /// The target, since the cutover.
    Target,
    /// Neither: the fence around this side stands, and nothing is decided.
    Neither(Side),
}

/// Which side an application can write to.
pub fn serving(status: &Status) -> Serving {
    let begun = |id: &str| status.steps.contains_key(&StepId::new(id));
    let done = |id: &str| status.is_done(&StepId::new(id));
    let fenced = begun(cutover::BEFORE_FENCE) || begun(cutover::FENCE);
    match () {
        () if done(rollback::OPEN) => Serving::Source,
        () if begun(rollback::FENCE) => Serving::Neither(Side::Target),
        () if done(cutover::OPEN) => Serving::Target,
        () if fenced => Serving::Neither(Side::Source),
        () => Serving::Source,
    }
}
