//! Logical replication slots: made at one moment with a snapshot, looked at, and removed.
//! It never takes over a slot that was there before: that one has no snapshot.

use std::convert::Infallible;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::NewSlot;
use crate::error::{Error, Result};
use crate::postgres::{Conninfo, quote_identifier, quote_literal};

/// A slot is made once every transaction that runs has ended: these, the oldest first. The text
/// of a query may hold rows; only its first word is told.
const IN_THE_WAY: &str = "select format('pid %s, user %s, database %s, begun %s s ago, %s', pid, \
    coalesce(usename, '-'), coalesce(datname, '-'), \
    extract(epoch from now() - xact_start)::bigint, \
    coalesce(nullif(upper(split_part(ltrim(query), ' ', 1)), ''), 'idle')) \
    from pg_stat_activity where backend_xid is not null and pid <> pg_backend_pid() \
    and pid <> $1 order by xact_start limit 10";

/// Prepared transactions stand in the way too.
const PREPARED_IN_THE_WAY: &str = "select format('prepared transaction %s in database %s, by %s, \
    since %s', gid, database, owner, date_trunc('second', prepared)) from pg_prepared_xacts \
    order by prepared limit 10";

/// Who waits for a session's locks: what began to change a table after they were taken. A slot that
/// waits for such a transaction would wait for itself, and whoever needs the table for both.
const WAITS_FOR: &str = "select format('pid %s of %s', pid, coalesce(usename, '-')) \
    from pg_stat_activity where wait_event_type = 'Lock' and $1 = any(pg_blocking_pids(pid)) \
    order by pid limit 10";

/// Between two looks for them; most slots are made sooner.
const LOOK: Duration = Duration::from_millis(500);

/// How long a session that is ended may take to be gone, and with it the slot that is half made.
const GONE: Duration = Duration::from_secs(10);

/// What became of the making of a slot.
pub(crate) enum Making {
    /// It is made; the session that holds its snapshot.
    Made(SlotMade, Client),
    /// Nothing was made: these wait for locks of ours.
    LetGo(Vec<String>),
}

/// Whoever waits for longer wants to know what for.
const WORTH_A_WORD: Duration = Duration::from_secs(5);

/// A slot that was made, and the moment it was made at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlotMade {
    /// Every transaction that committed before this LSN is in the snapshot, none after it.
    pub consistent_point: String,
    /// The snapshot's name, as long as nobody sends anything more over that connection.
    pub snapshot: String,
}

/// The command of the replication protocol that makes a slot and exports its snapshot; this form
/// is understood by every version.
pub(crate) fn create(name: &str) -> String {
    let name = quote_identifier(name);
    // In capitals: before 15 this grammar knows no small letters.
    format!("CREATE_REPLICATION_SLOT {name} LOGICAL pgoutput EXPORT_SNAPSHOT")
}

/// SQL that removes a slot if it is there, ending its reader first.
pub(crate) fn drop_statement(name: &str) -> String {
    let name = quote_literal(name);
    let body = format!(
        "declare reader int; begin for i in 1..200 loop \
         select active_pid into reader from pg_replication_slots where slot_name = {name}; \
         if not found then return; end if; \
         begin perform pg_drop_replication_slot({name}); return; \
         exception when object_in_use then perform pg_terminate_backend(reader); end; \
         perform pg_sleep(0.05); end loop; \
         raise exception 'replication slot % is still in use', {name}; end"
    );
    format!("do {}", quote_literal(&body))
}

/// Makes a slot, at once with its snapshot, which lives until the connection that is left open
/// behind it is used or ended; nothing, once somebody waits for the locks of the session `locker`.
///
/// # Errors
/// Whatever the server says; that it was not made in time, with who stood in its way.
pub(crate) async fn make(source: &Conninfo, slot: &NewSlot, locker: i32) -> Result<Making> {
    let client = source.connect_to_replicate().await?;
    let pid = backend_pid(&client).await?;
    let create = create(&slot.name);
    let making = client.simple_query(&create);
    let made = tokio::select! {
        made = tokio::time::timeout(slot.timeout, making) => made,
        waiting = somebody_waits_for(source, locker) => {
            let waiting = waiting?;
            end(&source.connect().await?, pid).await?;
            return Ok(Making::LetGo(waiting));
        }
        never = tell_who_is_in_the_way(source, slot, pid) => match never {},
    };
    let Ok(made) = made else {
        return Err(give_up(source, slot, pid).await?);
    };
    let row = first_row(made?).ok_or_else(no_answer)?;
    let column = |name| row.get(name).map(str::to_owned).ok_or_else(no_answer);
    let made = SlotMade {
        consistent_point: column("consistent_point")?,
        snapshot: column("snapshot_name")?,
    };
    Ok(Making::Made(made, client))
}

/// Returns once somebody waits for a session.
async fn somebody_waits_for(source: &Conninfo, locker: i32) -> Result<Vec<String>> {
    tokio::time::sleep(LOOK).await;
    let client = source.connect().await?;
    loop {
        let rows = client.query(WAITS_FOR, &[&locker]).await?;
        let found: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
        let found = found?;
        if !found.is_empty() {
            return Ok(found);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Ends a session, and waits until it is gone.
async fn end(client: &Client, pid: i32) -> Result<()> {
    let there = "select pg_terminate_backend(pid) from pg_stat_activity where pid = $1";
    let ended = async {
        while !client.query(there, &[&pid]).await?.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    };
    tokio::time::timeout(GONE, ended).await.unwrap_or(Ok(()))
}

/// Removes a slot as well as may be; what is left is told by the next run.
pub(crate) async fn remove(source: &Conninfo, name: &str) {
    let removed = async {
        let client = source.connect().await?;
        Ok::<_, Error>(client.batch_execute(&drop_statement(name)).await?)
    };
    if let Err(error) = removed.await {
        tracing::warn!("the replication slot {name} could not be removed: {error}");
    }
}

async fn backend_pid(client: &Client) -> Result<i32> {
    let answer = client.simple_query("select pg_backend_pid()").await?;
    let row = first_row(answer).ok_or_else(no_answer)?;
    row.get(0)
        .and_then(|pid| pid.parse().ok())
        .ok_or_else(no_answer)
}

pub(crate) fn first_row(
    messages: Vec<SimpleQueryMessage>,
) -> Option<tokio_postgres::SimpleQueryRow> {
    messages.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    })
}

/// Says once who the slot waits for, if that can be found out; what is awaited never ends by it.
async fn tell_who_is_in_the_way(source: &Conninfo, slot: &NewSlot, pid: i32) -> Infallible {
    tokio::time::sleep(WORTH_A_WORD).await;
    let found = async {
        let client = source.connect().await?;
        in_the_way(&client, pid).await
    };
    if let Ok(found) = found.await {
        tracing::warn!(
            "making the replication slot waits for transactions that run on the source, up to {} s \
             (thresholds.slot_creation_timeout): {}",
            slot.timeout.as_secs(),
            found.join("; ")
        );
    }
    std::future::pending().await
}

async fn in_the_way(client: &Client, pid: i32) -> Result<Vec<String>> {
    let mut blockers: Vec<String> = Vec::new();
    for row in client.query(IN_THE_WAY, &[&pid]).await? {
        blockers.push(row.try_get(0)?);
    }
    for row in client.query(PREPARED_IN_THE_WAY, &[]).await? {
        blockers.push(row.try_get(0)?);
    }
    Ok(blockers)
}

/// Ends the session that waits, by which the slot that is half made is gone too, and says who it
/// waited for.
async fn give_up(source: &Conninfo, slot: &NewSlot, pid: i32) -> Result<Error> {
    let client = source.connect().await?;
    let blockers = in_the_way(&client, pid).await?;
    client
        .query("select pg_terminate_backend($1)", &[&pid])
        .await?;
    let error = Error::failed(
        format!(
            "the replication slot {} was not made within {} s: transactions that run on the \
             source stand in its way",
            slot.name,
            Duration::as_secs(&slot.timeout)
        ),
        "Wait until they have ended, or end them, for instance by `select \
         pg_terminate_backend(PID)`, then run the same command again. \
         `thresholds.slot_creation_timeout` is how long it is waited.",
    );
    Ok(blockers.into_iter().fold(error, Error::because))
}

fn no_answer() -> Error {
    Error::failed(
        "the source did not answer as a walsender does",
        "Connect to PostgreSQL itself, not to a connection pooler, then run the same command \
         again.",
    )
}
