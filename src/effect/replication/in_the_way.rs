//! Transactions that a slot has to wait for: looked for before the application is held up, and named
//! while a slot waits for them. It ends nobody's transaction.

use std::time::Duration;

use tokio_postgres::Client;

use crate::effect::Side;
use crate::effect::world::{Act, Output, World};
use crate::error::{Error, Result};
use crate::postgres::quote_literal;
use crate::report::some_of;

/// Transactions of the whole server that began more than a second ago, and wrote: a slot is made
/// once every one of them has ended. Prepared ones end when somebody says so.
pub(super) const OLD: &str = "select format('pid %s of %s in database %s, begun %s s ago', pid, \
    coalesce(usename, '-'), coalesce(datname, '-'), \
    extract(epoch from now() - xact_start)::bigint) from pg_stat_activity \
    where backend_xid is not null and pid <> pg_backend_pid() \
    and xact_start < now() - interval '1 second' union all \
    select format('prepared transaction %s of %s in database %s', gid, owner, database) \
    from pg_prepared_xacts where prepared < now() - interval '1 second' order by 1";

/// How long is waited before anything is fenced.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// SQL that makes a slot.
pub(super) fn statement(slot: &str) -> String {
    format!(
        "select pg_create_logical_replication_slot({}, 'pgoutput')",
        quote_literal(slot)
    )
}

/// Waits until nobody would be waited for.
///
/// # Errors
/// Who is still there, what the server says, or that it was stopped.
pub(super) async fn wait(world: &World, act: Act<'_>, side: Side) -> Result<Output> {
    let client = world.session_for(act, side.into()).await?;
    let work = async {
        let give_up = tokio::time::Instant::now() + PATIENCE;
        loop {
            let found = old(&client).await?;
            if found.is_empty() {
                return Ok(Output::default());
            }
            if tokio::time::Instant::now() > give_up {
                return Err(in_the_way(side, &found));
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    world.unless_stopped(work).await
}

/// Makes a slot; the deadline of the stage ends the wait.
///
/// # Errors
/// What the server says, or that it was stopped.
pub(super) async fn make_slot(
    world: &World,
    act: Act<'_>,
    (side, slot): (Side, &str),
) -> Result<Output> {
    let client = world.session_for(act, side.into()).await?;
    let statement = statement(slot);
    let work = async {
        let making = client.batch_execute(&statement);
        tokio::pin!(making);
        tokio::select! {
            made = &mut making => made?,
            never = name(world, side) => match never {},
        }
        world.waits_for(String::new());
        Ok(Output::default())
    };
    world.unless_stopped(work).await
}

/// Says who is waited for, over another session, for as long as it is awaited.
async fn name(world: &World, side: Side) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(PAUSE).await;
        let Ok(client) = world.open(side.into()).await else {
            continue;
        };
        while let Ok(found) = old(&client).await {
            let found: Vec<&str> = found.iter().map(String::as_str).collect();
            world.waits_for(some_of(&found, 10));
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn old(client: &Client) -> Result<Vec<String>> {
    let rows = client.query(OLD, &[]).await?;
    let texts: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
    Ok(texts?)
}

fn in_the_way(side: Side, found: &[String]) -> Error {
    let error = Error::failed(
        format!(
            "transactions on the {side} are in the way: a replication slot is made there during the \
             switch, and would wait for them"
        ),
        "Wait until they have ended, or end them.",
    );
    found.iter().fold(error, Error::because)
}
