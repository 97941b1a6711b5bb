//! A move between two servers by PostgreSQL's own means, a step at a time, so that tests can leave
//! one out. Never uses the project: it is what the project is compared with.

use super::{BEGINNING, SHOP};
use crate::support::ledger::{Application, Ledger, Side, book};
use crate::support::{Cluster, wait_until};

/// A source with the book, a target with empty tables, closed to the application.
pub(super) struct Hands {
    pub(super) source: Cluster,
    pub(super) target: Cluster,
}

impl Hands {
    pub(super) fn new(source: u32, target: u32) -> Self {
        let new = Self {
            source: Cluster::start(source),
            target: Cluster::start(target),
        };
        book::create(&new.source, SHOP, BEGINNING);
        book::create_empty(&new.target, SHOP);
        new.target.psql("postgres", "alter role app nologin");
        new
    }

    fn on(&self, side: Side) -> &Cluster {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    /// Starts the application, on the source.
    pub(super) fn start(&self, clients: i32) -> Ledger {
        Ledger::start(Application {
            source: self.source.url_as(book::APPLICATION, SHOP),
            target: self.target.url_as(book::APPLICATION, SHOP),
            beginning: BEGINNING,
            clients,
        })
    }

    /// Copies and replicates to the target, and returns once every table is in step.
    pub(super) fn replicate(&self) {
        self.publish(Side::Source);
        self.subscribe(Side::Target, "copy_data = true");
        wait_until("every table is copied and in step", || {
            let states =
                "select string_agg(distinct srsubstate::text, '') from pg_subscription_rel";
            self.target.psql(SHOP, states) == "r"
        });
    }

    /// Turns the stream around, while nobody writes to either side.
    pub(super) fn reverse(&self, to: Side) {
        self.unsubscribe(to.other());
        self.publish(to.other());
        self.subscribe(to, "copy_data = false");
    }

    fn publish(&self, side: Side) {
        let tables = book::TABLES.join(", ");
        let publication = format!("create publication from_{side:?} for table {tables}");
        self.on(side).psql(SHOP, &publication);
    }

    /// Subscribes this side to the other.
    fn subscribe(&self, side: Side, how: &str) {
        let other = self.on(side.other());
        let at = format!(
            "host={} port={} user=postgres dbname={SHOP}",
            other.socket_folder().display(),
            other.port()
        );
        let subscription = format!(
            "create subscription to_{side:?} connection '{at}'
             publication from_{:?} with ({how})",
            side.other()
        );
        self.on(side).psql(SHOP, &subscription);
    }

    /// Ends the stream to this side, and removes what it was made of.
    pub(super) fn unsubscribe(&self, side: Side) {
        let subscription = format!("drop subscription to_{side:?}");
        self.on(side).psql(SHOP, &subscription);
        let publication = format!("drop publication from_{:?}", side.other());
        self.on(side.other()).psql(SHOP, &publication);
    }

    /// Waits until the stream to this side runs: a new worker may take seconds to start.
    pub(super) fn wait_for_worker(&self, to: Side) {
        let active =
            format!("select active from pg_replication_slots where slot_name = lower('to_{to:?}')");
        let from = self.on(to.other());
        wait_until("somebody reads the slot", || {
            from.psql(SHOP, &active) == "t"
        });
    }

    /// Stops the subscription; the source goes on.
    pub(super) fn stop_applying(&self) {
        let disable = "alter subscription to_target disable";
        self.target.psql(SHOP, disable);
        wait_until("nobody reads the slot", || {
            let active = "select active from pg_replication_slots where slot_name = 'to_target'";
            self.source.psql(SHOP, active) == "f"
        });
    }

    /// Shuts the application out of a side, and returns once that side is silent.
    pub(super) fn fence(&self, side: Side) {
        self.on(side).psql(SHOP, "alter role app nologin");
        wait_until("no session of the application", || {
            let ended = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                         where usename = 'app'";
            self.on(side).psql(SHOP, ended) == "0"
        });
    }

    /// Waits until everything that was committed on the other side is applied on this one.
    pub(super) fn drain(&self, to: Side) {
        let from = self.on(to.other());
        let barrier = from.psql(SHOP, "select pg_current_wal_insert_lsn()");
        let drained = format!(
            "select confirmed_flush_lsn >= '{barrier}' from pg_replication_slots
             where slot_name = lower('to_{to:?}')"
        );
        wait_until("the slot is drained", || from.psql(SHOP, &drained) == "t");
    }

    /// Gives every sequence of this side the other's position.
    pub(super) fn move_sequences(&self, to: Side) {
        for (sequence, _) in book::SEQUENCES {
            let position = format!("select last_value || ', ' || is_called from {sequence}");
            let position = self.on(to.other()).psql(SHOP, &position);
            let position = format!("select setval('{sequence}', {position})");
            self.on(to).psql(SHOP, &position);
        }
    }

    /// Lets the application in.
    pub(super) fn open(&self, side: Side) {
        self.on(side).psql(SHOP, "alter role app login");
    }
}
