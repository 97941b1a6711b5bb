//! Watches the replication: how far behind the target is, and whether all is well with the slot.
//! PostgreSQL replicates by itself; nothing here moves a row, and nothing stops when this does.

use std::time::Duration;

use tokio::time::Instant;

use super::Follow;
use crate::effect::Place;
use crate::effect::world::{Output, Scene, World};
use crate::error::{Error, Exit, Result};
use crate::events::Happened;
use crate::postgres::quote_literal;

mod health;
mod pace;

use health::Health;
use pace::{Outlook, Pace};

/// How often it is looked for a request from another process.
const LOOK: Duration = Duration::from_millis(100);

/// How long one look at both servers may take, before their sessions are given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A cutover that is asked for begins once so little is left that it is drained in about a
/// second, rather than keep the application waiting for a backlog.
pub(super) const SOON_DRAINED_BYTES: u64 = 16 * 1024 * 1024;

/// How replication stands at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    /// Where the source's WAL ends.
    pub source_lsn: String,
    /// What the target received.
    pub received_lsn: Option<String>,
    /// What the target flushed to its disk.
    pub applied_lsn: String,
    /// The distance between the first and the last of these.
    pub lag_bytes: u64,
    /// WAL that the source keeps for the slot.
    pub retained_bytes: u64,
    /// Whether the subscription is enabled.
    pub enabled: bool,
    /// Whether somebody reads the slot.
    pub active: bool,
    /// `wal_status` of the slot.
    pub wal_status: String,
}

/// What the source is asked.
pub(super) fn source_question(slot: &str) -> String {
    format!(
        "select now.lsn::text, confirmed_flush_lsn::text, \
         greatest(pg_wal_lsn_diff(now.lsn, confirmed_flush_lsn), 0)::bigint, \
         greatest(pg_wal_lsn_diff(now.lsn, restart_lsn), 0)::bigint, active, wal_status \
         from pg_replication_slots, (select pg_current_wal_insert_lsn()) as now (lsn) \
         where slot_name = {}",
        quote_literal(slot)
    )
}

/// What the target is asked.
pub(super) fn target_question(subscription: &str) -> String {
    format!(
        "select subenabled, max(received_lsn)::text from pg_subscription \
         left join pg_stat_subscription on subid = oid where pg_subscription.subname = {} \
         and subdbid = (select oid from pg_database where datname = current_database()) \
         group by subenabled",
        quote_literal(subscription)
    )
}

/// Follows until the cutover is asked for, or the target has caught up where that is enough.
///
/// # Errors
/// That replication failed for good; that it was stopped.
pub(super) async fn follow(world: &World, scene: Scene<'_>, what: &Follow) -> Result<Output> {
    world.cutover.set_streaming(true);
    let followed = world.unless_stopped(watch(world, scene, what)).await;
    world.cutover.set_streaming(false);
    world.cutover.take(&world.state)?;
    followed.map(|()| Output::default())
}

async fn watch(world: &World, scene: Scene<'_>, what: &Follow) -> Result<()> {
    let mut pace = Pace::default();
    let mut health = Health::new(what);
    let mut behind = true;
    let mut asked = false;
    let mut lost = false;
    loop {
        match look(world, what).await {
            Ok(standing) => {
                lost = false;
                pace.saw(&standing);
                // A stream that nobody reads is as far behind as the next commit.
                let near = standing.lag_bytes <= what.lag_bytes;
                let caught_up = near && standing.active;
                world.tell(scene, lag(&standing, &pace, near));
                health.check(world, scene, &standing)?;
                if caught_up && behind {
                    let lag_bytes = standing.lag_bytes;
                    world.tell(scene, Happened::CaughtUp { lag_bytes });
                }
                behind = !caught_up;
                let enough = what.when_caught_up || world.until_caught_up;
                let soon = standing.lag_bytes <= what.lag_bytes.max(SOON_DRAINED_BYTES);
                if (enough && caught_up) || (asked && soon && standing.active) {
                    return Ok(());
                }
            }
            // The servers replicate without us; what they say is no reason to stop watching, but
            // that the slot or the subscription is gone.
            Err(error) if error.exit() == Exit::Failed => {
                world.forget_sessions().await;
                if !std::mem::replace(&mut lost, true) {
                    let message =
                        format!("a server does not answer; trying again: {}", cause(&error));
                    world.tell(scene, Happened::Warning { message });
                }
            }
            Err(error) => return Err(error),
        }
        let was_asked = asked;
        asked = pause(world, asked).await;
        if asked && !was_asked {
            world.tell(scene, Happened::CutoverRequested);
        }
    }
}

fn cause(error: &Error) -> String {
    let causes = error.causes().last().map(String::as_str);
    causes.unwrap_or(error.what()).to_owned()
}

/// Waits for the next look; whether the cutover is asked for.
async fn pause(world: &World, asked: bool) -> bool {
    if asked {
        tokio::time::sleep(LOOK).await;
        return true;
    }
    let until = Instant::now() + world.poll;
    while Instant::now() < until {
        if world.cutover.is_made(&world.state) {
            return true;
        }
        let rest = until.saturating_duration_since(Instant::now()).min(LOOK);
        let _ = tokio::time::timeout(rest, world.cutover.wait()).await;
    }
    world.cutover.is_made(&world.state)
}

async fn look(world: &World, what: &Follow) -> Result<Standing> {
    let looked = tokio::time::timeout(PATIENCE, look_at_both(world, what)).await;
    looked.unwrap_or_else(|_| {
        Err(Error::failed(
            "a server does not answer",
            "Make it reachable; replication goes on without this program.",
        ))
    })
}

async fn look_at_both(world: &World, what: &Follow) -> Result<Standing> {
    let source = world.session(Place::Source).await?;
    let target = world.session(Place::Target).await?;
    let (source_sql, target_sql) = (
        source_question(&what.slot),
        target_question(&what.subscription),
    );
    let (slot, subscription) = tokio::join!(
        source.query_opt(&source_sql, &[]),
        target.query_opt(&target_sql, &[])
    );
    let slot = slot?.ok_or_else(|| missing("replication slot", &what.slot, "source"))?;
    let subscription =
        subscription?.ok_or_else(|| missing("subscription", &what.subscription, "target"))?;
    let bytes = |bytes: i64| u64::try_from(bytes).unwrap_or(0);
    Ok(Standing {
        source_lsn: slot.try_get(0)?,
        applied_lsn: slot.try_get::<_, Option<String>>(1)?.unwrap_or_default(),
        lag_bytes: slot.try_get::<_, Option<i64>>(2)?.map_or(u64::MAX, bytes),
        retained_bytes: slot.try_get::<_, Option<i64>>(3)?.map_or(0, bytes),
        active: slot.try_get(4)?,
        wal_status: slot.try_get::<_, Option<String>>(5)?.unwrap_or_default(),
        enabled: subscription.try_get(0)?,
        received_lsn: subscription.try_get(1)?,
    })
}

fn missing(kind: &str, name: &str, side: &str) -> Error {
    Error::new(
        Exit::Undecided,
        format!("the {kind} {name} on the {side} is gone: replication cannot go on"),
        "Somebody removed it. Start over with `pg_dbmigrator abort`, then `pg_dbmigrator apply`.",
    )
}

fn lag(standing: &Standing, pace: &Pace, near: bool) -> Happened {
    let outlook = match near {
        true => Outlook::Seconds(0),
        false => pace.outlook(standing.lag_bytes),
    };
    Happened::Lag {
        lag_bytes: standing.lag_bytes,
        source_lsn: standing.source_lsn.clone(),
        received_lsn: standing.received_lsn.clone(),
        applied_lsn: standing.applied_lsn.clone(),
        bytes_per_second: pace.applied_per_second(),
        seconds_left: match outlook {
            Outlook::Seconds(seconds) => Some(seconds),
            Outlook::Never | Outlook::Unknown => None,
        },
        never: outlook == Outlook::Never,
        retained_bytes: standing.retained_bytes,
    }
}
