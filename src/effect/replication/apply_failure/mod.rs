//! Why a subscription's changes cannot be applied, in the server's own words, and what mends it.
//! It mends nothing itself: only an operator knows which of two rows is the right one.

mod ahead;
mod log;
mod repair;

use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::Client;

use crate::effect::Side;
use crate::effect::world::World;
use crate::error::{Error, Exit, Result};
use crate::postgres::quote_literal;

use log::{Entry, Mark};

/// Between two looks at a subscription whose slot nobody reads.
const PAUSE: Duration = Duration::from_millis(100);

/// So many failures without any progress in between are not lost connections: PostgreSQL tries
/// again every five seconds (`wal_retrieve_retry_interval`), and fails at the same change.
const FAILURES: u64 = 3;

/// Watches a subscription for a change that cannot be applied.
#[derive(Debug)]
pub(super) struct ApplyWatch {
    subscriber: Side,
    slot: String,
    begun: Option<Begun>,
    next_look: Option<Instant>,
}

/// How things were when the watch began: what came later is news. A worker that fails tries again
/// every five seconds.
#[derive(Debug)]
struct Begun {
    /// The end of the subscriber's log, where it can be read.
    log: Option<Mark>,
    /// How often the subscription's worker had failed when it last got on; counted from 15 on.
    errors: u64,
}

/// What the catalog says of the subscription.
struct Subscription {
    oid: String,
    name: String,
    enabled: bool,
    publications: Vec<String>,
}

impl ApplyWatch {
    /// A watch over the subscription of `subscriber` that reads `slot` on the other side.
    pub(super) fn new(subscriber: Side, slot: &str) -> Self {
        Self {
            subscriber,
            slot: slot.to_owned(),
            begun: None,
            next_look: None,
        }
    }

    /// Remembers how things are now, once.
    ///
    /// # Errors
    /// When no connection can be made.
    pub(super) async fn begin(&mut self, world: &World) -> Result<()> {
        if self.begun.is_none() {
            let client = world.session(self.subscriber.into()).await?;
            self.begun = Some(Begun {
                log: log::end(&client).await,
                errors: errors(&client, &self.slot).await.unwrap_or_default(),
            });
        }
        Ok(())
    }

    /// The worker got on, with so many failures until now: what was counted before says nothing.
    pub(super) fn got_on(&mut self, errors: u64) {
        if let Some(begun) = &mut self.begun {
            begun.errors = errors;
        }
    }

    /// To be asked as often as one likes while nobody reads the slot: looks now and then.
    ///
    /// # Errors
    /// As [`ApplyWatch::check`].
    pub(super) async fn check_now_and_then(&mut self, world: &World) -> Result<()> {
        let now = Instant::now();
        if self.next_look.is_some_and(|at| now < at) {
            return Ok(());
        }
        self.next_look = Some(now + PAUSE);
        self.check(world).await
    }

    /// Looks whether a change failed since this watch began.
    ///
    /// # Errors
    /// [`Exit::Undecided`] with the server's own error, and how to mend it; also when the
    /// subscription is disabled.
    pub(super) async fn check(&self, world: &World) -> Result<()> {
        let client = world.session(self.subscriber.into()).await?;
        let Some(begun) = &self.begun else {
            return Ok(());
        };
        let Some(subscription) = subscription(&client, &self.slot).await? else {
            return Ok(());
        };
        if let Some(mark) = &begun.log {
            let origin = format!("pg_{}", subscription.oid);
            if let Some(entry) = log::failure(&client, &origin, mark).await {
                return Err(self.said(world, &subscription, entry).await);
            }
        }
        let errors = errors(&client, &self.slot).await.unwrap_or_default();
        match errors.saturating_sub(begun.errors) {
            0..FAILURES => {}
            failures => return Err(self.unsaid(world, (&subscription, failures)).await),
        }
        match subscription.enabled {
            true => Ok(()),
            false => Err(self.disabled(&client, &subscription).await),
        }
    }

    /// The log has the server's own error.
    async fn said(&self, world: &World, of: &Subscription, entry: Entry) -> Error {
        let repair = repair::of(world, self.subscriber, &entry).await;
        let error = self.error(
            (of, "failed"),
            repair::text((&of.name, of.enabled), &entry, &repair),
        );
        let table = entry.relation().map_or("", |table| table);
        let place = match (table, entry.finished_at()) {
            ("", None) => None,
            ("", Some(lsn)) => Some(format!("the source's transaction that ends at {lsn}")),
            (table, None) => Some(format!("table {table}")),
            (table, Some(lsn)) => Some(format!(
                "table {table}, in the source's transaction that ends at {lsn}"
            )),
        };
        let error = error.because(entry.shown(repair.key.as_ref()));
        match place {
            Some(place) => error.because(place),
            None => error,
        }
    }

    /// The log cannot be read from here: what comes next in the slot says at least where to look.
    async fn unsaid(&self, world: &World, (of, failures): (&Subscription, u64)) -> Error {
        let publisher = self.subscriber.other();
        let ahead = ahead::tables(world, publisher, (&self.slot, &of.publications)).await;
        let place = match world.session(self.subscriber.into()).await {
            Ok(client) => log::place(&client).await,
            Err(_) => "in the server's log".to_owned(),
        };
        let next = format!(
            "Which change and why is {place} of the {side}, at `processing remote data`. Mend it \
             there: PostgreSQL goes on by itself. Then run the same command again; nothing is \
             lost meanwhile, the {publisher} keeps its WAL.",
            side = self.subscriber,
        );
        let failed = format!("failed {failures} times at the same place");
        let error = self.error((of, &failed), next);
        match ahead.is_empty() {
            true => error,
            false => error.because(format!("the next changes in the slot are to {ahead}")),
        }
    }

    /// Nobody of ours disables it while it is needed.
    async fn disabled(&self, client: &Client, of: &Subscription) -> Error {
        Error::new(
            Exit::Undecided,
            format!(
                "subscription {} is disabled: nothing is replicated",
                of.name
            ),
            format!(
                "Somebody disabled it; or a change failed, where somebody set disable_on_error: \
                 then why is {} of the {side}. Mend that, and run on the {side}:\n{}Then run the \
                 same command again. Nothing is lost meanwhile.",
                log::place(client).await,
                repair::block(&[repair::enable(&of.name)]),
                side = self.subscriber,
            ),
        )
    }

    fn error(&self, (of, failed): (&Subscription, &str), next: String) -> Error {
        let what = format!(
            "a change cannot be applied on the {}: subscription {} {failed}",
            self.subscriber, of.name
        );
        Error::new(Exit::Undecided, what, next)
    }
}

/// The subscription of this database that reads a slot.
async fn subscription(client: &Client, slot: &str) -> Result<Option<Subscription>> {
    let sql = format!(
        "select oid::text, subname::text, subenabled, subpublications from pg_subscription \
         where subslotname = {} \
         and subdbid = (select oid from pg_database where datname = current_database())",
        quote_literal(slot)
    );
    let Some(row) = client.query_opt(&sql, &[]).await? else {
        return Ok(None);
    };
    Ok(Some(Subscription {
        oid: row.try_get(0)?,
        name: row.try_get(1)?,
        enabled: row.try_get(2)?,
        publications: row.try_get(3)?,
    }))
}

/// How often the worker of the subscription failed (15); nothing where that is not known.
async fn errors(client: &Client, slot: &str) -> Option<u64> {
    let sql = format!(
        "select apply_error_count from pg_stat_subscription_stats \
         join pg_subscription on oid = subid where subslotname = {}",
        quote_literal(slot)
    );
    let row = client.query_opt(&sql, &[]).await.ok().flatten()?;
    u64::try_from(row.try_get::<_, i64>(0).ok()?).ok()
}
