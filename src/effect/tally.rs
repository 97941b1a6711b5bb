//! How much of each table is streamed: parts that run side by side are summed under its name. It asks
//! no server, and nothing hangs on what it says.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::rate::Rate;
use super::{CopyRows, Effect};
use crate::events::Happened;
use crate::journal::Status;
use crate::plan::{Plan, StepId};
use crate::report::counted;

/// How much is streamed of everything that a plan streams.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// By the name of a table, or of the step that copies many small ones.
    sums: BTreeMap<String, Sum>,
    /// The sum that each step belongs to.
    names: BTreeMap<StepId, String>,
}

/// A table, or many small ones.
#[derive(Debug, Default)]
struct Sum {
    /// Whether it is one table.
    is_table: bool,
    parts: BTreeMap<StepId, Part>,
    /// Since this run began with it.
    since: Option<(Instant, Rate)>,
    /// When it was told of last.
    told: Option<Instant>,
}

#[derive(Debug, Default)]
struct Part {
    /// Of the tables on the source's disk.
    bytes: u64,
    /// Where somebody counted or estimated them.
    rows: Option<u64>,
    moved: Moving,
}

/// How far a part is.
#[derive(Debug, Default)]
enum Moving {
    #[default]
    NotYet,
    /// Bytes on the way, which are not those on disk, and rows.
    Now { bytes: u64, rows: u64 },
    /// All of it, with its rows.
    Done { rows: u64 },
}

impl Tally {
    /// Everything that a plan streams, and what an earlier run did of it.
    pub(crate) fn new(plan: &Plan, status: &Status) -> Self {
        let mut inner = Inner::default();
        for step in plan.steps() {
            for effect in &step.effects {
                if let Effect::CopyRows(what) = effect {
                    let done = status
                        .steps
                        .get(&step.id)
                        .filter(|step| step.done.is_some());
                    let moved = done.map_or(Moving::NotYet, |step| Moving::Done {
                        rows: step.output.as_u64().unwrap_or(0),
                    });
                    inner.add(&step.id, what, moved);
                }
            }
        }
        Self(Mutex::new(inner))
    }

    /// A step begins, perhaps anew: nothing of it is there.
    pub(super) fn begin(&self, step: &StepId) {
        self.set(step, Moving::Now { bytes: 0, rows: 0 });
    }

    /// What a step did was taken back.
    pub(crate) fn undone(&self, step: &StepId) {
        self.set(step, Moving::NotYet);
    }

    /// More was moved: so many bytes, and so many rows since the step began. What to tell, and of
    /// which step, if nothing was told for so long.
    pub(super) fn moved(
        &self,
        step: &StepId,
        (more, rows): (u64, u64),
        (working_on, every): (&str, Duration),
    ) -> Option<(StepId, Happened)> {
        let mut inner = self.inner();
        let (name, sum) = inner.of(step)?;
        let part = sum.parts.get_mut(step)?;
        if let Moving::Now { bytes, rows: all } = &mut part.moved {
            *bytes += more;
            *all = rows;
        }
        let now = Instant::now();
        let last = sum.told.or(sum.since.as_ref().map(|(began, _)| *began));
        if last.is_some_and(|last| now.duration_since(last) < every) {
            return None;
        }
        sum.told = Some(now);
        Some((sum.speaker()?, sum.progress(&name, working_on, now)))
    }

    /// A step is done; what to tell, if nothing of its table is left.
    pub(super) fn done(&self, step: &StepId, rows: u64) -> Option<Happened> {
        self.set(step, Moving::Done { rows });
        let mut inner = self.inner();
        let (name, sum) = inner.of(step)?;
        let is_done = |part: &Part| matches!(part.moved, Moving::Done { .. });
        let all = sum.parts.values().all(is_done);
        all.then(|| sum.progress(&name, "", Instant::now()))
    }

    /// The same of a step that turns out to have been done before its connection was lost.
    pub(crate) fn found_done(&self, step: &StepId) -> Option<Happened> {
        let rows = {
            let mut inner = self.inner();
            let (_, sum) = inner.of(step)?;
            sum.parts.get(step).map_or(0, Part::rows_done)
        };
        self.done(step, rows)
    }

    fn set(&self, step: &StepId, moved: Moving) {
        let mut inner = self.inner();
        let Some((_, sum)) = inner.of(step) else {
            return;
        };
        let begins = matches!(moved, Moving::Now { .. });
        if let Some(part) = sum.parts.get_mut(step) {
            part.moved = moved;
        }
        if begins && sum.since.is_none() {
            sum.since = Some((Instant::now(), Rate::from(sum.bytes_done())));
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl Inner {
    fn add(&mut self, step: &StepId, what: &CopyRows, moved: Moving) {
        let (name, is_table) = match what.tables.as_slice() {
            [table] => (table.full_name(), true),
            _ => (step.to_string(), false),
        };
        let part = Part {
            bytes: what.tables.iter().map(|table| table.bytes).sum(),
            rows: what.tables.iter().map(|table| table.rows).sum(),
            moved,
        };
        let sum = self.sums.entry(name.clone()).or_default();
        sum.is_table = is_table;
        sum.parts.insert(step.clone(), part);
        self.names.insert(step.clone(), name);
    }

    fn of(&mut self, step: &StepId) -> Option<(String, &mut Sum)> {
        let name = self.names.get(step)?.clone();
        let sum = self.sums.get_mut(&name)?;
        Some((name, sum))
    }
}

impl Sum {
    /// The step that speaks for all that run: one line says it, not one for each.
    fn speaker(&self) -> Option<StepId> {
        let mut parts = self.parts.iter();
        let running = parts.find(|(_, part)| matches!(part.moved, Moving::Now { .. }));
        running.map(|(step, _)| step.clone())
    }

    fn bytes_done(&self) -> u64 {
        self.parts.values().map(Part::bytes_done).sum()
    }

    fn progress(&mut self, name: &str, working_on: &str, now: Instant) -> Happened {
        let done = self.bytes_done();
        let total: u64 = self.parts.values().map(|part| part.bytes).sum();
        let rows: u64 = self.parts.values().map(Part::rows_done).sum();
        let (rate, left) = match &mut self.since {
            Some((began, rate)) => {
                rate.sample(now.duration_since(*began), done);
                (rate.bytes_per_second(), rate.seconds_left(total - done))
            }
            None => (0, None),
        };
        let message = match working_on {
            "" => String::new(),
            table => format!("{table}, {}", counted(rows, "row")),
        };
        Happened::Progress {
            bytes_done: done,
            bytes_total: total,
            bytes_per_second: rate,
            seconds_left: left,
            message,
            table: self.is_table.then(|| name.to_owned()),
            rows_done: Some(rows),
            rows_total: self.parts.values().map(|part| part.rows).sum(),
        }
    }
}

impl Part {
    /// By rows where their number is known: bytes on the way are not those on disk.
    fn bytes_done(&self) -> u64 {
        let (done, all) = match (&self.moved, self.rows) {
            (Moving::NotYet, _) => return 0,
            (Moving::Done { rows: _ }, _) => return self.bytes,
            (Moving::Now { bytes: _, rows }, Some(all)) if all > 0 => (*rows, all),
            (Moving::Now { bytes, rows: _ }, _) => (*bytes, self.bytes.max(1)),
        };
        (self.bytes as f64 * (done as f64 / all as f64).min(1.0)) as u64
    }

    fn rows_done(&self) -> u64 {
        match self.moved {
            Moving::NotYet => 0,
            Moving::Now { bytes: _, rows } | Moving::Done { rows } => rows,
        }
    }
}
