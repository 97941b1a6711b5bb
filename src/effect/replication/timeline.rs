//! Performs the check that a subscriber is still the server that received the stream so far. It cannot
//! tell what was lost where it is not.

use crate::effect::Side;
use crate::effect::world::{Output, Scene, World};
use crate::error::{Error, Exit, Result};
use crate::plan::StepId;

/// The timeline that a server writes (manual, "Timelines"): a promotion, and a restore from a backup,
/// begin another one. Everybody may ask.
pub(crate) const TIMELINE: &str = "select substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)";

/// Checks it; a step that kept no timeline proves nothing.
///
/// # Errors
/// [`Exit::Undecided`] when it is another timeline; what the server says.
pub(super) async fn check(
    world: &World,
    scene: Scene<'_>,
    (side, since): (Side, &StepId),
) -> Result<Output> {
    let then: Option<String> = world.output(since)?;
    let client = world.session_for(scene, side.into()).await?;
    let work = async { Ok(client.query_one(TIMELINE, &[]).await?) };
    let now: String = world.unless_stopped(work).await?.try_get(0)?;
    match then {
        Some(then) if then != now => Err(other(side, &then, &now)),
        Some(_) | None => Ok(Output::default()),
    }
}

fn other(side: Side, then: &str, now: &str) -> Error {
    let next = match side {
        Side::Target => "Start over with `pg_dbmigrator abort`, then `pg_dbmigrator apply`.",
        Side::Source => {
            "Stay on the target (`pg_dbmigrator finalize`), or compare both sides and carry over by \
             hand what is missing on the source."
        }
    };
    Error::new(
        Exit::Undecided,
        format!("changes may be missing on the {side}: it is not the server that received them"),
        next,
    )
    .because(format!(
        "it was promoted from a standby, or restored from a backup (timeline {then} then, {now} \
         now): what it had confirmed by then, and lost, the {} does not send again",
        side.other()
    ))
}
