//! The safety valve: what the source keeps for the slot must never fill its disk.
//! It never gives up the slot below the plan's limit, and never touches the target's rows.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Follow;
use crate::effect::Place;
use crate::effect::world::{Act, World};
use crate::error::{Error, Exit, Result};
use crate::events::Happened;
use crate::postgres::{quote_identifier, quote_literal};
use crate::report::{bytes, duration};

/// The growth is measured over this time.
const WINDOW: Duration = Duration::from_secs(60);

/// How long one try to drop the slot may take: a walsender that is told to end does so at once.
const DROP: Duration = Duration::from_secs(10);

/// How long a target that may be away is waited for before the source is saved without it.
const AWAY: Duration = Duration::from_secs(3);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// What was said already, and how what is kept has grown.
#[derive(Debug, Default)]
pub(super) struct Valve {
    warned: bool,
    kept: VecDeque<(Instant, u64)>,
}

impl Valve {
    /// Warns at half of the limit; at the limit has the source keep nothing more.
    ///
    /// # Errors
    /// [`Exit::Undecided`] when the slot was given up, or could not be; what a server says.
    pub(super) async fn check(
        &mut self,
        world: &World,
        act: Act<'_>,
        (what, kept): (&Follow, u64),
    ) -> Result<()> {
        let limit = what.retained_wal_bytes;
        if kept >= limit {
            return Err(give_up(world, what, kept).await);
        }
        self.saw(kept);
        let high = kept >= limit / 2;
        if high && !self.warned {
            let message = format!(
                "the source keeps {} of WAL for the slot; at {} (thresholds.retained_wal) the \
                 slot is dropped, so that the source's disk does not fill, and the copy has to \
                 start over; {}",
                bytes(kept),
                bytes(limit),
                self.outlook(limit - kept)
            );
            world.tell(act, Happened::Warning { message });
        }
        self.warned = high;
        Ok(())
    }

    fn saw(&mut self, kept: u64) {
        let now = Instant::now();
        self.kept.push_back((now, kept));
        while self.kept.len() > 2 && self.kept.front().is_some_and(|(at, _)| now - *at > WINDOW) {
            self.kept.pop_front();
        }
    }

    /// When that will be, at the present rate.
    fn outlook(&self, left: u64) -> String {
        let ends = self.kept.front().zip(self.kept.back());
        let grown = ends.map_or(0, |(first, last)| last.1.saturating_sub(first.1));
        let seconds = ends.map_or(0.0, |(first, last)| (last.0 - first.0).as_secs_f64());
        if grown == 0 || seconds <= 0.0 {
            return "how fast that grows is not known yet".to_owned();
        }
        let until = left as f64 * seconds / grown as f64;
        format!("at the present rate that is in {}", duration(until))
    }
}

/// What is performed at the limit, as it is printed.
pub(in crate::effect::replication) fn lines(what: &Follow) -> Vec<String> {
    let at = format!(
        "  -- only at {} of WAL kept (thresholds.retained_wal)",
        bytes(what.retained_wal_bytes)
    );
    vec![
        format!("target: {}{at}", disable(what)),
        format!("source: {}{at}", end_reader(what)),
        format!("source: {}{at}", drop_slot(what)),
    ]
}

fn disable(what: &Follow) -> String {
    format!(
        "alter subscription {} disable",
        quote_identifier(&what.subscription)
    )
}

fn end_reader(what: &Follow) -> String {
    format!(
        "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = {}",
        quote_literal(&what.slot)
    )
}

fn drop_slot(what: &Follow) -> String {
    format!(
        "select pg_drop_replication_slot(slot_name) from pg_replication_slots \
         where slot_name = {}",
        quote_literal(&what.slot)
    )
}

/// Gives up the slot: from then on the source may remove its WAL. The target is away maybe, which
/// is why so much is kept.
async fn give_up(world: &World, what: &Follow, kept: u64) -> Error {
    let disabled = async {
        let target = world.session(Place::Target).await?;
        target.batch_execute(&disable(what)).await?;
        Ok::<(), Error>(())
    };
    let disabled = tokio::time::timeout(AWAY, disabled).await;
    if !matches!(disabled, Ok(Ok(()))) {
        tracing::warn!("the subscription could not be disabled; it has nothing to read any more");
    }
    match drop_it(world, what).await {
        Ok(()) => given_up(kept, what),
        // A source that is away is asked again.
        Err(error) if error.exit() == Exit::Failed && !error.is_refusal_of_statement() => error,
        Err(error) => not_given_up(kept, what, &error),
    }
}

async fn drop_it(world: &World, what: &Follow) -> Result<()> {
    let source = world.session(Place::Source).await?;
    let until = Instant::now() + DROP;
    loop {
        source.execute(&end_reader(what), &[]).await?;
        match source.execute(&drop_slot(what), &[]).await {
            Ok(_) => return Ok(()),
            // 55006: its reader is not gone yet, or came back.
            Err(error) if Instant::now() < until && is_in_use(&error) => {}
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn is_in_use(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&tokio_postgres::error::SqlState::OBJECT_IN_USE)
}

fn given_up(kept: u64, what: &Follow) -> Error {
    Error::new(
        Exit::Undecided,
        format!(
            "replication was given up: the source kept {} of WAL for it, and \
             thresholds.retained_wal allows {}",
            bytes(kept),
            bytes(what.retained_wal_bytes)
        ),
        "The source serves as before, and its disk is safe. Find out why the target fell behind \
         (its server log, its load, the network). Then start over with `pg_dbmigrator abort` and \
         `pg_dbmigrator apply`, with a higher limit if the source's disk has the room.",
    )
    .because(format!(
        "the slot {} was dropped, so that the source's disk does not fill: the target's copy \
         cannot be brought up to date any more",
        what.slot
    ))
}

fn not_given_up(kept: u64, what: &Follow, error: &Error) -> Error {
    let causes = error.causes().iter();
    causes.fold(
        Error::new(
            Exit::Undecided,
            format!(
                "the source keeps {} of WAL, more than thresholds.retained_wal ({}) allows, and \
                 the slot could NOT be dropped: its disk keeps filling",
                bytes(kept),
                bytes(what.retained_wal_bytes)
            ),
            format!(
                "Run on the source, as a role that may:\n  {};\n  {};\nThen start over with \
                 `pg_dbmigrator abort` and `pg_dbmigrator apply`.",
                end_reader(what),
                drop_slot(what)
            ),
        )
        .because(error.what()),
        Error::because,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_foreseen_at_the_rate_at_which_more_is_kept() {
        let start = Instant::now();
        let later = start + Duration::from_secs(10);
        let growing = Valve {
            warned: false,
            kept: [(start, 1000), (later, 2000)].into(),
        };
        assert_eq!(
            growing.outlook(12_000),
            format!("at the present rate that is in {}", duration(120.0))
        );
        let still = Valve {
            warned: false,
            kept: [(start, 1000), (later, 1000)].into(),
        };
        assert!(still.outlook(1).contains("not known"));
    }
}
