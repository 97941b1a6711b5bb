//! How replication stands at one moment: asked of the publisher's slot and of the subscription.
//! It changes nothing, and judges nothing.

use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use crate::error::{Error, Exit, Result};
use crate::postgres::quote_literal;
use crate::side::Side;

/// How replication stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Where the publisher's WAL ends (`pg_current_wal_insert_lsn`).
    pub source_lsn: String,
    /// What the subscriber received (`pg_stat_subscription`).
    pub received_lsn: Option<String>,
    /// What the subscriber flushed to its disk (`confirmed_flush_lsn` of the slot).
    pub applied_lsn: String,
    /// The distance between the first and the last of these, in bytes of WAL.
    pub lag_bytes: u64,
    /// WAL that the publisher keeps for the slot, in bytes.
    pub retained_bytes: u64,
    /// Whether the subscription is enabled.
    pub enabled: bool,
    /// Whether somebody reads the slot.
    pub active: bool,
    /// `wal_status` of the slot.
    pub wal_status: String,
    /// How often the apply worker has failed so far (`pg_stat_subscription_stats`); 0 where the
    /// subscriber does not count (before 15). A lost connection counts, one that cannot be made
    /// does not.
    #[serde(default)]
    pub apply_errors: u64,
}

/// What the publisher is asked.
pub(crate) fn slot_question(slot: &str) -> String {
    format!(
        "select now.lsn::text, confirmed_flush_lsn::text, \
         greatest(pg_wal_lsn_diff(now.lsn, confirmed_flush_lsn), 0)::bigint, \
         greatest(pg_wal_lsn_diff(now.lsn, restart_lsn), 0)::bigint, active, wal_status \
         from pg_replication_slots, (select pg_current_wal_insert_lsn()) as now (lsn) \
         where slot_name = {}",
        quote_literal(slot)
    )
}

/// What the subscriber is asked.
pub(crate) fn subscription_question(subscription: &str) -> String {
    format!(
        "select subenabled, max(received_lsn)::text, \
         to_regclass('pg_catalog.pg_stat_subscription_stats') is not null \
         from pg_subscription left join pg_stat_subscription on subid = oid where pg_subscription.subname = {} \
         and subdbid = (select oid from pg_database where datname = current_database()) \
         group by subenabled",
        quote_literal(subscription)
    )
}

/// What a subscriber that counts failures is asked besides.
pub(crate) fn errors_question(subscription: &str) -> String {
    format!(
        "select apply_error_count from pg_stat_subscription_stats where subname = {} \
         and subid in (select oid from pg_subscription where subdbid = \
         (select oid from pg_database where datname = current_database()))",
        quote_literal(subscription)
    )
}

/// Asks both sides at once.
///
/// # Errors
/// What the servers say; that slot or subscription is gone ([`Exit::Undecided`]).
pub async fn standing(
    (publisher, slot): (&Client, &str),
    (subscriber, subscription): (&Client, &str),
) -> Result<Standing> {
    let (slot_sql, subscription_sql) = (slot_question(slot), subscription_question(subscription));
    let (slot_row, subscription_row) = tokio::join!(
        publisher.query_opt(&slot_sql, &[]),
        subscriber.query_opt(&subscription_sql, &[])
    );
    let slot_row = slot_row?.ok_or_else(|| missing("replication slot", slot))?;
    let subscription_row =
        subscription_row?.ok_or_else(|| missing("subscription", subscription))?;
    let errors = match subscription_row.try_get(2)? {
        true => {
            let sql = errors_question(subscription);
            let row = subscriber.query_opt(&sql, &[]).await?;
            row.map(|row| row.try_get::<_, i64>(0)).transpose()?
        }
        false => None,
    };
    let applied_lsn: Option<String> = slot_row.try_get(1)?;
    Ok(Standing {
        source_lsn: slot_row.try_get(0)?,
        applied_lsn: applied_lsn.unwrap_or_default(),
        lag_bytes: slot_row
            .try_get::<_, Option<i64>>(2)?
            .map_or(u64::MAX, bytes),
        retained_bytes: slot_row.try_get::<_, Option<i64>>(3)?.map_or(0, bytes),
        active: slot_row.try_get(4)?,
        wal_status: slot_row
            .try_get::<_, Option<String>>(5)?
            .unwrap_or_default(),
        enabled: subscription_row.try_get(0)?,
        received_lsn: subscription_row.try_get(1)?,
        apply_errors: errors.map_or(0, bytes),
    })
}

impl Standing {
    /// Whether the publisher removed WAL that the slot needs, or invalidated it for another reason
    /// (manual, `pg_replication_slots`): there is no way back from that.
    pub fn is_lost(&self) -> bool {
        self.wal_status == LOST
    }
}

/// `wal_status` of a slot that cannot be read any more.
pub(crate) const LOST: &str = "lost";

/// WAL that the publisher keeps for the slot, in bytes; for when the subscriber does not answer.
///
/// # Errors
/// What the server says; that the slot is gone ([`Exit::Undecided`]).
pub async fn kept((publisher, slot): (&Client, &str)) -> Result<u64> {
    let row = publisher.query_opt(&slot_question(slot), &[]).await?;
    let row = row.ok_or_else(|| missing("replication slot", slot))?;
    Ok(row.try_get::<_, Option<i64>>(3)?.map_or(0, bytes))
}

fn bytes(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}

/// What a slot that is lost means, and the way out ([`Exit::Undecided`]).
pub fn lost(publisher: Side) -> Error {
    let next = match publisher {
        Side::Source => {
            "The source serves as before. Start over with `pg_dbmigrator abort`, then \
             `pg_dbmigrator apply`; raise max_slot_wal_keep_size on the source before, if its disk \
             has the room."
        }
        Side::Target => {
            "The target serves as before, and there is no way back any more that loses nothing: \
             `pg_dbmigrator finalize` makes the switch final."
        }
    };
    let what = format!(
        "the {publisher} removed WAL that the slot needs (max_slot_wal_keep_size), or invalidated \
         the slot: the {} cannot catch up any more",
        publisher.other()
    );
    Error::new(Exit::Undecided, what, next)
}

fn missing(kind: &str, name: &str) -> Error {
    Error::new(
        Exit::Undecided,
        format!("the {kind} {name} is gone: replication cannot go on"),
        "Somebody removed it, or an earlier run gave it up at thresholds.retained_wal. Start over \
         with `pg_dbmigrator abort`, then `pg_dbmigrator apply`.",
    )
}
