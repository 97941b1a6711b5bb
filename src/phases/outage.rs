//! How long a switch held up the application, as the journal says. It asks no clock.

use jiff::{SignedDuration, Timestamp};

use super::{cutover, rollback};
use crate::journal::Status;
use crate::plan::StepId;

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
