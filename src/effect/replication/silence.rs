//! Performs the proof of silence: nobody but the migration itself is in a database.
//! It changes nothing but, where the plan says so, to end the sessions it finds.

use std::time::Duration;

use tokio_postgres::Client;

use crate::effect::Side;
use crate::effect::world::{Output, Scene, World};
use crate::error::Result;

/// How often nobody must be found, one time after the other: a session that is just beginning
/// shows itself only after its authentication.
const SCANS: u32 = 3;

/// Between two scans.
const PAUSE: Duration = Duration::from_millis(10);

/// Everyone in the database who may write: not the readers of WAL, not autovacuum, and not the
/// migration itself, whose sessions have one name. An apply worker of a subscription counts: it
/// writes.
const SESSIONS: &str = "select pid, format('%s of %s (pid %s)', backend_type, \
    coalesce(usename, '-'), pid) from pg_stat_activity where datname = current_database() and \
    pid <> pg_backend_pid() and application_name <> current_setting('application_name') and \
    backend_type not in ('walsender', 'autovacuum worker') order by pid";

/// What was prepared and not committed: it can still be, by anyone, at any time.
const PREPARED: &str = "select format('prepared transaction %s of %s', gid, owner) from \
    pg_prepared_xacts where database = current_database() order by gid";

/// What is asked again and again.
pub(super) fn questions() -> Vec<String> {
    vec![SESSIONS.to_owned(), PREPARED.to_owned()]
}

/// Waits for silence; the deadline of the stage ends the wait.
///
/// # Errors
/// What the server says, or that it was stopped.
pub(super) async fn wait(
    world: &World,
    scene: Scene<'_>,
    (side, terminate): (Side, bool),
) -> Result<Output> {
    let client = world.session_for(scene, side.into()).await?;
    let work = async {
        let mut silent = 0;
        while silent < SCANS {
            let found = scan(&client, terminate).await?;
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

/// Everyone who was found; their sessions are asked to end.
async fn scan(client: &Client, terminate: bool) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for row in client.query(SESSIONS, &[]).await? {
        let pid: i32 = row.try_get(0)?;
        if terminate {
            client
                .query("select pg_terminate_backend($1)", &[&pid])
                .await?;
        }
        found.push(row.try_get(1)?);
    }
    for row in client.query(PREPARED, &[]).await? {
        found.push(row.try_get(0)?);
    }
    Ok(found)
}
