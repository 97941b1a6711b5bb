//! Performs the proof of silence: nobody but the migration itself is in a database.
//! It changes nothing but, where the plan says so, to end the sessions it finds.

use std::time::Duration;

use crate::effect::Side;
use crate::effect::world::{Act, Output, World};
use crate::error::Result;

/// How often nobody must be found, one time after the other: a session that is just beginning
/// shows itself only after its authentication.
const SCANS: u32 = 3;

/// Between two scans.
const PAUSE: Duration = Duration::from_millis(10);

/// Everyone in the database who may write: not the readers of WAL, not autovacuum, and not the
/// migration itself, whose sessions have one name. An apply worker of a subscription counts: it
/// writes. What a session is may be hidden from roles of lower rank: those count as well, but for
/// one without a user, which is autovacuum's, and one that is listed as a reader of WAL.
const SESSIONS: &str = "from pg_stat_activity where datname = current_database() and \
    pid <> pg_backend_pid() and \
    application_name is distinct from current_setting('application_name') and \
    coalesce(backend_type, '') not in ('walsender', 'autovacuum worker') and \
    (backend_type is not null or usesysid is not null \
    and pid not in (select r.pid from pg_stat_replication r))";

/// What was prepared and not committed: it can still be, by anyone, at any time.
const PREPARED: &str = "select format('prepared transaction %s of %s', gid, owner), null \
    from pg_prepared_xacts where database = current_database()";

/// What is asked again and again: whoever is there, and is asked to end where that is wanted. One
/// statement for all, because the application waits for each.
pub(super) fn question(terminate: bool) -> String {
    let end = match terminate {
        true => ", pg_terminate_backend(pid)",
        false => ", null::boolean",
    };
    format!(
        "select format('%s of %s (pid %s)', coalesce(backend_type, 'session'), \
         coalesce(usename, '-'), pid){end} {SESSIONS} union all {PREPARED} order by 1"
    )
}

/// Waits for silence; the deadline of the stage ends the wait.
///
/// # Errors
/// What the server says, or that it was stopped.
pub(super) async fn wait(
    world: &World,
    act: Act<'_>,
    (side, terminate): (Side, bool),
) -> Result<Output> {
    let client = world.session_for(act, side.into()).await?;
    let work = async {
        let mut silent = 0;
        let question = client.prepare(&question(terminate)).await?;
        while silent < SCANS {
            let found = client.query(&question, &[]).await?;
            let found: Vec<String> = found
                .iter()
                .map(|row| row.try_get(0))
                .collect::<Result<_, _>>()?;
            silent = if found.is_empty() { silent + 1 } else { 0 };
            if !found.is_empty() {
                world.waits_for(found.join(", "));
            }
            tokio::time::sleep(PAUSE).await;
        }
        world.waits_for(String::new());
        Ok(Output::default())
    };
    world.unless_stopped(work).await
}
