//! How far a dump or a restore is: from the program's own report and the server's view of its work.
//! It only watches; a lost answer costs a line of progress, nothing else.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use tokio::time::MissedTickBehavior;
use tokio_postgres::{Client, Row};

use super::moved::{Copied, Moved};
use super::world::{Act, World};
use super::{Side, TableSize};
use crate::events::Happened;

/// The program's COPYs that run at this moment (14+). Its sessions carry the name of ours.
const COPIES: &str = "select n.nspname || '.' || c.relname, p.bytes_processed, p.tuples_processed \
     from pg_stat_progress_copy p join pg_stat_activity a using (pid) \
     join pg_class c on c.oid = p.relid join pg_namespace n on n.oid = c.relnamespace \
     where p.datname = current_database() \
     and a.application_name = current_setting('application_name')";

/// The program's index builds that run at this moment (12+), with their percentage where known.
const BUILDS: &str = "select p.phase, case when p.phase like '%loading tuples%' \
     then 100 * p.tuples_done / nullif(p.tuples_total, 0) \
     else 100 * p.blocks_done / nullif(p.blocks_total, 0) end \
     from pg_stat_progress_create_index p join pg_stat_activity a using (pid) \
     where p.datname = current_database() \
     and a.application_name = current_setting('application_name') order by p.pid";

/// Watches one run of a program.
pub(super) struct Progress<'a> {
    world: &'a World,
    act: Act<'a>,
    side: Side,
    moved: Mutex<Moved<'a>>,
    began: Instant,
}

impl<'a> Progress<'a> {
    /// Prepares to watch a program that moves these tables.
    pub(super) fn new(
        (world, act): (&'a World, Act<'a>),
        side: Side,
        tables: &'a [TableSize],
        one_at_a_time: bool,
    ) -> Self {
        Self {
            world,
            act,
            side,
            moved: Mutex::new(Moved::new(tables, one_at_a_time)),
            began: Instant::now(),
        }
    }

    /// Takes one line of the program's verbose output.
    pub(super) fn heard(&self, line: &str) {
        self.moved().heard(line);
    }

    /// Tells how far it is, every poll, for as long as it is awaited.
    pub(super) async fn watch(&self) -> Infallible {
        let mut client = None;
        let mut ticks = tokio::time::interval(self.world.poll);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            if client.as_ref().is_none_or(Client::is_closed) {
                client = self.world.conninfo(self.side.into()).connect().await.ok();
            }
            let (copying, building) = match &client {
                Some(client) => (copies(client).await, build(client).await),
                None => (None, None),
            };
            self.moved().polled(self.began.elapsed(), copying.as_ref());
            self.tell(building.as_deref());
        }
    }

    /// Tells that everything was moved.
    pub(super) fn ended(&self) {
        self.moved().ended(self.began.elapsed());
        self.tell(None);
    }

    fn tell(&self, building: Option<&str>) {
        let moved = self.moved();
        let mut message = moved.activity();
        if let Some(building) = building {
            message.push_str(&format!(" ({building})"));
        }
        let progress = Happened::Progress {
            bytes_done: moved.bytes_done(),
            bytes_total: moved.bytes_total(),
            bytes_per_second: moved.bytes_per_second(),
            seconds_left: moved.seconds_left(),
            message: message.trim_start().to_owned(),
            table: None,
            rows_done: None,
            rows_total: None,
        };
        self.world.tell(self.act, progress);
    }

    fn moved(&self) -> MutexGuard<'_, Moved<'a>> {
        self.moved.lock().expect("no holder of this lock panics")
    }
}

/// `None` when the server cannot tell; then the program's own words have to do.
async fn copies(client: &Client) -> Option<BTreeMap<String, Copied>> {
    let rows = client.query(COPIES, &[]).await.ok()?;
    let copied = |row: &Row| {
        let number = |column| u64::try_from(row.try_get::<_, i64>(column).ok()?).ok();
        let copied = Copied {
            bytes: number(1)?,
            rows: number(2)?,
        };
        Some((row.try_get(0).ok()?, copied))
    };
    Some(rows.iter().filter_map(copied).collect())
}

/// How far an index build is, where exactly one runs: which one is which nobody says.
async fn build(client: &Client) -> Option<String> {
    let rows = client.query(BUILDS, &[]).await.ok()?;
    let [row] = rows.as_slice() else { return None };
    let phase: String = row.try_get(0).ok()?;
    let part = phase.strip_prefix("building index").unwrap_or(&phase);
    let part = part.trim_start_matches(": ");
    let percent = row.try_get::<_, Option<i64>>(1).ok()?;
    Some(match (part, percent) {
        ("", Some(percent)) => format!("{percent}%"),
        (_, Some(percent)) => format!("{part}, {percent}%"),
        (_, None) => phase,
    })
}
