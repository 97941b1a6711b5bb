//! Which side serves, and how long a switch held up the application, as the journal says. It asks no
//! clock and no server.

use jiff::{SignedDuration, Timestamp};

use super::{cutover, rollback};
use crate::journal::Status;
use crate::plan::StepId;
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

/// Whether the target was opened, or may have been: from there on the way is forward.
pub(crate) fn is_decided(status: &Status) -> bool {
    status.steps.contains_key(&StepId::new(cutover::OPEN))
}
