//! A move between two servers by PostgreSQL's own means, a step at a time, so that tests can leave
//! one out. Never uses the project: it is what the project is compared with.

use super::{BEGINNING, SHOP};
use crate::support::ledger::{Application, Ledger, book};
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

    /// Starts the application, on the source.
    pub(super) fn start(&self, clients: i32) -> Ledger {
        Ledger::start(Application {
            source: self.source.url_as(book::APPLICATION, SHOP),
            target: self.target.url_as(book::APPLICATION, SHOP),
            beginning: BEGINNING,
            clients,
        })
    }

    /// Copies and replicates, and returns once every table is in step.
    pub(super) fn replicate(&self) {
        let tables = book::TABLES.join(", ");
        let publication = format!("create publication by_hand for table {tables}");
        self.source.psql(SHOP, &publication);
        let source = format!(
            "host={} port={} user=postgres dbname={SHOP}",
            self.source.socket_folder().display(),
            self.source.port()
        );
        let subscription =
            format!("create subscription by_hand connection '{source}' publication by_hand");
        self.target.psql(SHOP, &subscription);
        wait_until("every table is copied and in step", || {
            let states =
                "select string_agg(distinct srsubstate::text, '') from pg_subscription_rel";
            self.target.psql(SHOP, states) == "r"
        });
    }

    /// Stops the subscription; the source goes on.
    pub(super) fn stop_applying(&self) {
        self.target.psql(SHOP, "alter subscription by_hand disable");
        wait_until("nobody reads the slot", || {
            let active = "select active from pg_replication_slots where slot_name = 'by_hand'";
            self.source.psql(SHOP, active) == "f"
        });
    }

    /// Shuts the application out of the source, and returns once it is silent.
    pub(super) fn fence(&self) {
        self.source.psql(SHOP, "alter role app nologin");
        wait_until("no session of the application", || {
            let ended = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                         where usename = 'app'";
            self.source.psql(SHOP, ended) == "0"
        });
    }

    /// Waits until everything that was committed on the source is applied on the target.
    pub(super) fn drain(&self) {
        let barrier = self.source.psql(SHOP, "select pg_current_wal_insert_lsn()");
        let drained = format!(
            "select confirmed_flush_lsn >= '{barrier}' from pg_replication_slots
             where slot_name = 'by_hand'"
        );
        wait_until("the slot is drained", || {
            self.source.psql(SHOP, &drained) == "t"
        });
    }

    /// Gives every sequence of the target the source's position.
    pub(super) fn move_sequences(&self) {
        for (sequence, _) in book::SEQUENCES {
            let position = format!("select last_value || ', ' || is_called from {sequence}");
            let position = self.source.psql(SHOP, &position);
            let position = format!("select setval('{sequence}', {position})");
            self.target.psql(SHOP, &position);
        }
    }

    /// Ends replication and lets the application in.
    pub(super) fn open_target(&self) {
        self.target.psql(
            SHOP,
            "alter subscription by_hand disable;
             alter subscription by_hand set (slot_name = none);
             drop subscription by_hand;
             alter role app login",
        );
    }
}
