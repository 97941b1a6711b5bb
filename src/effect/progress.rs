//! How far a dump or a restore is: from the program's own report and the server's view of COPY.
//! It only watches; a lost answer costs a line of progress, nothing else.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Instant;

use super::world::{Scene, World};
use super::{Place, Side};
use crate::events::Happened;

/// Tables that are being copied at this moment, with the bytes that went through so far (14+).
const COPIES: &str = "select n.nspname || '.' || c.relname, p.bytes_processed \
     from pg_stat_progress_copy p join pg_class c on c.oid = p.relid \
     join pg_namespace n on n.oid = c.relnamespace \
     where p.datname = current_database()";

/// Watches one run of a program.
pub(super) struct Progress<'a> {
    world: &'a World,
    scene: Scene<'a>,
    side: Side,
    sizes: BTreeMap<&'a str, u64>,
    seen: Mutex<Seen>,
    began: Instant,
}

#[derive(Default)]
struct Seen {
    /// Tables that the program has begun, in order.
    begun: Vec<String>,
    /// What it said last.
    message: String,
    /// Never goes back, so that a bar does not.
    bytes_done: u64,
}

impl<'a> Progress<'a> {
    /// Prepares to watch; `tables` are the names and sizes of what is copied.
    pub(super) fn new(
        world: &'a World,
        scene: Scene<'a>,
        side: Side,
        tables: &'a [(String, u64)],
    ) -> Self {
        let sizes = tables
            .iter()
            .map(|(name, bytes)| (name.as_str(), *bytes))
            .collect();
        Self {
            world,
            scene,
            side,
            sizes,
            seen: Mutex::default(),
            began: Instant::now(),
        }
    }

    /// Takes one line of the program's verbose output.
    pub(super) fn heard(&self, line: &str) {
        let Some((_, message)) = line.split_once(": ") else {
            return;
        };
        let mut seen = self.seen.lock().expect("no holder of this lock panics");
        let begun = ["dumping contents of table ", "processing data for table "]
            .iter()
            .find_map(|said| message.strip_prefix(said));
        if let Some(table) = begun {
            seen.begun.push(table.trim_matches('"').to_owned());
        }
        if begun.is_some() || message.starts_with("creating ") {
            message.clone_into(&mut seen.message);
        }
    }

    /// Tells how far it is, every poll, for as long as it is awaited.
    pub(super) async fn watch(&self) -> Infallible {
        let place = match self.side {
            Side::Source => Place::Source,
            Side::Target => Place::Target,
        };
        let mut client = None;
        let mut ticks = tokio::time::interval(self.world.poll);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            if client.is_none() {
                client = self.world.conninfo(place).connect().await.ok();
            }
            let rows = match &client {
                Some(client) => client.query(COPIES, &[]).await.ok(),
                None => None,
            };
            if rows.is_none() {
                client = None;
            }
            let rows = rows.unwrap_or_default();
            let copying = rows.iter().filter_map(|row| {
                Some((
                    row.try_get(0).ok()?,
                    u64::try_from(row.try_get::<_, i64>(1).ok()?).ok()?,
                ))
            });
            self.tell(&copying.collect());
        }
    }

    fn tell(&self, copying: &BTreeMap<String, u64>) {
        let mut seen = self.seen.lock().expect("no holder of this lock panics");
        let size = |table: &str| self.sizes.get(table).copied().unwrap_or(0);
        let bytes: u64 = seen
            .begun
            .iter()
            .map(|table| {
                copying
                    .get(table)
                    .map_or_else(|| size(table), |b| (*b).min(size(table)))
            })
            .sum();
        let bytes_total = self.sizes.values().sum();
        seen.bytes_done = seen.bytes_done.max(bytes).min(bytes_total);
        let seconds = self.began.elapsed().as_secs().max(1);
        let bytes_per_second = seen.bytes_done / seconds;
        let left = bytes_total - seen.bytes_done;
        let seconds_left = (bytes_per_second > 0 && left > 0).then(|| left / bytes_per_second);
        self.world.tell(
            self.scene,
            Happened::Progress {
                bytes_done: seen.bytes_done,
                bytes_total,
                bytes_per_second,
                seconds_left,
                message: seen.message.clone(),
            },
        );
    }
}
