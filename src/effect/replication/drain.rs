//! Performs the draining of a side, and the proof that nothing was left in its slot.
//! It moves no slot: its reader does.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::{Client, Row, ToStatement};

use super::Drained;
use super::apply_failure::ApplyWatch;
use super::follow::SOON_DRAINED_BYTES;
use super::slot as slots;
use crate::effect::Side;
use crate::effect::world::{Act, Output, World};
use crate::error::{Error, Exit, Result};
use crate::inspect::{LOST, lost};
use crate::postgres::quote_literal;

/// Says where the WAL ends, and has everything before it flushed: it is the commit of a
/// transaction of its own, which waits for the disk, while what the applications committed with
/// `synchronous_commit = off` may still be in memory, where no walsender sees it.
pub(super) const BARRIER: &str = "begin; set local synchronous_commit = on; \
    select pg_logical_emit_message(true, 'pg_dbmigrator', 'barrier'); commit";

/// Between two looks at the slot.
const PAUSE: Duration = Duration::from_millis(2);

/// How long a slot may be without a reader: a worker starts within five seconds of another
/// (`wal_retrieve_retry_interval`), and several may have to.
const READER: Duration = Duration::from_secs(60);

/// A drain that takes no longer than this may as well hold up the application.
const AT_ONCE: Duration = Duration::from_millis(500);

/// How often it is tried at most to drain at once. A link on which that never works leaves it to
/// the deadline of the switch.
const TRIALS: u32 = 10;

/// Between two looks for a reader.
const READER_PAUSE: Duration = Duration::from_millis(50);

/// How long a walsender may take to go away once its subscription was disabled.
const RELEASE: Duration = Duration::from_secs(30);

/// Whether a slot's reader has flushed everything before an LSN, and how many bytes are missing.
pub(super) fn question(slot: &str, lsn: &str) -> String {
    format!(
        "select confirmed_flush_lsn >= {lsn}::pg_lsn, pg_wal_lsn_diff({lsn}::pg_lsn, \
         confirmed_flush_lsn)::bigint, active, wal_status from pg_replication_slots \
         where slot_name = {}",
        quote_literal(slot),
        lsn = if lsn.starts_with('<') {
            lsn.to_owned()
        } else {
            quote_literal(lsn)
        },
    )
}

/// Counts the changes that a slot still holds. Transactions that changed nothing, which servers
/// before 15 send too, are their BEGIN (66) and COMMIT (67) alone. Those of the way back name where
/// they come from in an ORIGIN (79), between its LSN and a NUL: `pg_` and the subscription's oid.
pub(super) fn peek(drained: &Drained) -> String {
    let Drained {
        side: _,
        slot,
        publication,
        way_back,
        may_be_unknown: _,
    } = drained;
    let changes = format!(
        "pg_logical_slot_peek_binary_changes({}, null, null, 'proto_version', '1', \
         'publication_names', {})",
        quote_literal(slot),
        quote_literal(publication)
    );
    let Some(subscription) = way_back else {
        return format!("select count(*) from {changes} where get_byte(data, 0) not in (66, 67)");
    };
    format!(
        "with changes as materialized (select xid, data from {changes}) \
         select count(*) from changes where get_byte(data, 0) not in (66, 67) and xid not in \
         (select xid from changes, pg_subscription where subname = {} and get_byte(data, 0) = 79 \
         and substring(data from 10) = convert_to('pg_' || oid, 'UTF8') || '\\x00')",
        quote_literal(subscription)
    )
}

/// Whether a slot is read, and how many bytes its reader is behind.
pub(super) fn reader(slot: &str) -> String {
    format!(
        "select active, greatest(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), \
         confirmed_flush_lsn), 0)::bigint, wal_status from pg_replication_slots where slot_name = {}",
        quote_literal(slot)
    )
}

/// Waits until it makes sense to fence: the slot is read, and was just drained in a moment while
/// the application went on. Bytes alone do not tell: of a large transaction that was streamed the
/// reader confirms what it received, and applies it for as long as that takes.
///
/// # Errors
/// What the server says, that the slot is gone or not read, or that it was stopped.
pub(super) async fn await_reader(
    world: &World,
    act: Act<'_>,
    (side, slot): (Side, &str),
) -> Result<Output> {
    let client = world.session_for(act, side.into()).await?;
    let mut apply = ApplyWatch::new(side.other(), slot);
    let work = async {
        apply.begin(world).await?;
        is_read(world, &client, (side, slot), &mut apply).await?;
        for _ in 0..TRIALS {
            let begun = tokio::time::Instant::now();
            let drained = drained(world, &client, (side, slot), &mut apply);
            let trial = timeout(READER, drained).await;
            trial.map_err(|_| not_ready(slot, READS_NO_FURTHER))??;
            if begun.elapsed() <= AT_ONCE {
                break;
            }
        }
        Ok(Output::default())
    };
    world.unless_stopped(work).await
}

/// Waits until the slot has a reader that is not far behind.
async fn is_read(
    world: &World,
    client: &Client,
    (side, slot): (Side, &str),
    apply: &mut ApplyWatch,
) -> Result<()> {
    let sql = reader(slot);
    let give_up = tokio::time::Instant::now() + READER;
    loop {
        let row = of_slot(client, sql.as_str(), slot).await?;
        let (active, behind): (bool, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
        let behind = behind.and_then(|bytes| u64::try_from(bytes).ok());
        check_not_lost(side, row.try_get(2)?)?;
        if !active {
            apply.check_now_and_then(world).await?;
        }
        if active && behind.is_some_and(|bytes| bytes <= SOON_DRAINED_BYTES) {
            return Ok(());
        }
        if tokio::time::Instant::now() > give_up {
            let why = if active { IS_BEHIND } else { NOT_READ };
            return Err(not_ready(slot, why));
        }
        tokio::time::sleep(READER_PAUSE).await;
    }
}

const NOT_READ: &str = "nobody reads it: the subscription's apply worker does not run";
const IS_BEHIND: &str = "its reader is more than 16 MiB behind";
const READS_NO_FURTHER: &str = "its reader did not flush within a minute what was written before";

fn not_ready(slot: &str, why: &str) -> Error {
    Error::failed(
        format!("the replication slot {slot} is not ready to be drained"),
        "Nothing was fenced. The subscriber's server log says why its apply worker is not further.",
    )
    .because(why.to_owned())
}

/// Waits until the slot's reader has everything; the deadline of the stage ends the wait. The
/// barrier is the output.
///
/// # Errors
/// What the server says, that the slot is gone, or that it was stopped.
pub(super) async fn drain(
    world: &World,
    act: Act<'_>,
    (side, slot): (Side, &str),
) -> Result<Output> {
    let client = world.session_for(act, side.into()).await?;
    let mut apply = ApplyWatch::new(side.other(), slot);
    let work = async {
        apply.begin(world).await?;
        let barrier = drained(world, &client, (side, slot), &mut apply).await?;
        Ok(Output::of(&barrier))
    };
    world.unless_stopped(work).await
}

/// Sets a barrier, and waits until the slot's reader has flushed everything before it.
async fn drained(
    world: &World,
    client: &Client,
    (side, slot): (Side, &str),
    apply: &mut ApplyWatch,
) -> Result<String> {
    let answer = client.simple_query(BARRIER).await?;
    let barrier = slots::first_row(answer)
        .and_then(|row| row.get(0).map(str::to_owned))
        .ok_or_else(|| gone(slot))?;
    let question = client.prepare(&question(slot, &barrier)).await?;
    loop {
        let row = of_slot(client, &question, slot).await?;
        if row.try_get::<_, Option<bool>>(0)?.unwrap_or(false) {
            world.waits_for(String::new());
            return Ok(barrier);
        }
        let (left, active): (Option<i64>, bool) = (row.try_get(1)?, row.try_get(2)?);
        check_not_lost(side, row.try_get(3)?)?;
        if !active {
            apply.check_now_and_then(world).await?;
        }
        let left = left.unwrap_or_default();
        let reader = if active {
            ""
        } else {
            "; NOBODY reads the slot"
        };
        world.waits_for(format!(
            "{left} bytes of WAL to reach the other side{reader}"
        ));
        tokio::time::sleep(PAUSE).await;
    }
}

/// Proves that nothing was written that was not taken, once nobody reads the slot any more. Where
/// nobody can know that any more, it may be enough to warn.
///
/// # Errors
/// [`Exit::Different`] when there are changes left: they were written after the source was
/// proven silent.
pub(super) async fn prove(world: &World, act: Act<'_>, drained: &Drained) -> Result<Output> {
    let (side, slot) = (drained.side, drained.slot.as_str());
    let client = world.session_for(act, side.into()).await?;
    let sql = peek(drained);
    let give_up = tokio::time::Instant::now() + RELEASE;
    let work = async {
        let free = format!(
            "select active_pid is null from pg_replication_slots where slot_name = {}",
            quote_literal(slot)
        );
        loop {
            let row = of_slot(&client, free.as_str(), slot).await?;
            if row.try_get(0)? || tokio::time::Instant::now() > give_up {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok::<i64, Error>(client.query_one(&sql, &[]).await?.try_get(0)?)
    };
    match world.unless_stopped(work).await {
        Ok(0) => Ok(Output::default()),
        Ok(left) => Err(written_after((side, slot), left)),
        Err(error) if drained.may_be_unknown && cannot_be_known(&error) => {
            tracing::warn!("that nothing was left in the stream is not proven: {error}");
            Ok(Output::default())
        }
        Err(error) => Err(not_proven(error)),
    }
}

/// The slot itself may be gone, or not readable any more (SQLSTATE 55000): then nothing can be proven
/// any more, which must not be the end of all ways.
fn not_proven(error: Error) -> Error {
    if !cannot_be_known(&error) {
        return error;
    }
    error.with_next(
        "What it held cannot be known any more. Compare both sides, then keep the target as it is \
         by `pg_dbmigrator finalize`, or go back by `pg_dbmigrator rollback`.",
    )
}

fn cannot_be_known(error: &Error) -> bool {
    error.exit() == Exit::Undecided || error.has_sqlstate("55000")
}

/// What a reader waits for in vain.
fn check_not_lost(side: Side, wal_status: Option<&str>) -> Result<()> {
    match wal_status {
        Some(LOST) => Err(lost(side)),
        Some(_) | None => Ok(()),
    }
}

/// The one row of what is asked about a slot.
async fn of_slot<T: ToStatement + ?Sized>(client: &Client, sql: &T, slot: &str) -> Result<Row> {
    let row = client.query_opt(sql, &[]).await?;
    row.ok_or_else(|| gone(slot))
}

fn gone(slot: &str) -> Error {
    Error::new(
        Exit::Undecided,
        format!("the replication slot {slot} is gone: what it held cannot be known any more"),
        "Find out who removed it. Compare both sides before you go on.",
    )
}

fn written_after((side, slot): (Side, &str), left: i64) -> Error {
    Error::new(
        Exit::Different,
        format!("{left} changes were written to the {side} after it was proven silent"),
        format!(
            "Somebody got past the fence, such as a superuser in a READ WRITE transaction. The \
             changes are still in the {side}'s tables and in its slot: carry them over by hand. Then \
             say so by running this on the {side}, and go on with the same command:\n  \
             select pg_replication_slot_advance({}, pg_current_wal_flush_lsn());",
            quote_literal(slot)
        ),
    )
}
