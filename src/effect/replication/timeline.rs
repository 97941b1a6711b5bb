//! Performs the check that an end of a stream is still the server that it was when the stream began. It
//! cannot tell what was lost where it is not.

use super::Timeline;
use crate::effect::Side;
use crate::effect::world::{Act, World};
use crate::error::{Error, Exit, Result};
use crate::plan::Phase;

/// The timeline that a server writes (manual, "Timelines"): a promotion, and a restore from a backup,
/// begin another one. Everybody may ask.
pub(crate) const TIMELINE: &str = "select substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)";

/// Checks it; a step that kept no timeline proves nothing. What to warn of, where it is another one
/// and that is accepted.
///
/// # Errors
/// [`Exit::Undecided`] when it is another timeline; what the server says.
pub(super) async fn check(
    world: &World,
    act: Act<'_>,
    timeline: &Timeline,
) -> Result<Option<String>> {
    let then: Option<String> = world.output(&timeline.since)?;
    // A kept one: it is asked at every look.
    let client = world.session(timeline.side.into()).await?;
    let work = async { Ok(client.query_one(TIMELINE, &[]).await?) };
    let now: String = world.unless_stopped(work).await?.try_get(0)?;
    let Some(then) = then.filter(|then| *then != now) else {
        return Ok(None);
    };
    if timeline.accepted {
        return Ok(Some(format!(
            "{} (timeline {then} then, {now} now); that is accepted (cutover.accept_timeline): every \
             row is compared before the switch",
            what(timeline)
        )));
    }
    Err(other(act.phase, timeline, (&then, &now)))
}

/// What it means that it is another one. The receiver gets nothing twice that it once confirmed; a
/// sender that was behind writes anew under positions that the receiver has already.
fn what(timeline: &Timeline) -> String {
    let (side, other) = (timeline.side, timeline.side.other());
    match timeline.receives {
        true => {
            format!("changes may be missing on the {side}: it is not the server that received them")
        }
        false => format!(
            "changes may be missing on the {other}: the {side} is not the server that sent them"
        ),
    }
}

fn other(phase: Phase, timeline: &Timeline, (then, now): (&str, &str)) -> Error {
    let next = match phase {
        Phase::Rollback => {
            "Stay on the target (`pg_dbmigrator finalize`). Or have the rollback compare every row, and \
             taken back if one differs: `--set cutover.accept_timeline=true`."
        }
        _ => {
            "Start over with `pg_dbmigrator abort`, then `pg_dbmigrator apply`. Or go on, and have the \
             cutover compare every row, and taken back if one differs: write `accept_timeline: true` \
             and `verify: rows` under `cutover` in the plan."
        }
    };
    let (side, other) = (timeline.side, timeline.side.other());
    let lost = match timeline.receives {
        true => format!("what it had confirmed by then, and lost, the {other} does not send again"),
        false => format!(
            "where it was behind, the {other} has what it lost, and may never get what it wrote since"
        ),
    };
    Error::new(Exit::Undecided, what(timeline), next).because(format!(
        "the {side} was promoted from a standby, or restored from a backup (timeline {then} then, \
         {now} now): {lost}"
    ))
}

/// The timelines of both ends, watched: each is told of once.
#[derive(Debug, Default)]
pub(super) struct Watched {
    told: Vec<Side>,
}

impl Watched {
    /// What to warn of that was not told yet.
    ///
    /// # Errors
    /// As [`check`].
    pub(super) async fn check(
        &mut self,
        world: &World,
        act: Act<'_>,
        timelines: &[Timeline; 2],
    ) -> Result<Vec<String>> {
        let mut warnings = Vec::new();
        for timeline in timelines {
            let warning = check(world, act, timeline).await?;
            if warning.is_some() && !self.told.contains(&timeline.side) {
                self.told.push(timeline.side);
                warnings.extend(warning);
            }
        }
        Ok(warnings)
    }
}
