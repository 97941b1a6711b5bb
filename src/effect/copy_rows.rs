//! Performs the streaming of rows: COPY out of the source, under the snapshot, and into the target,
//! in one transaction there. Nothing is kept on the way, and nothing is left of a copy cut short.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::Place;
use super::copy_pipe::{Broken, pipe};
use super::world::{Act, Output, World};
use crate::error::{Error, Result};
use crate::events::Whence;
use crate::inspect;
use crate::measure::{SETTINGS, begin};
use crate::postgres::{full_name, qualified, quote_identifier, quote_literal};
use crate::snapshot::Snapshot;

/// The schema on the target, for the time of the copy, in which parts leave their marks.
pub const MARKS: &str = "_pg_dbmigrator_copy";

/// Rows to be copied: of a part of a table, of a table, or of many small ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRows {
    /// The tables.
    pub tables: Vec<TableCopy>,
    /// What they go into.
    pub into: CopyInto,
}

/// What rows are copied into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyInto {
    /// Tables in which there is nothing, or nothing any more.
    Empty,
    /// Tables that are emptied in the same transaction.
    Emptied,
    /// A table of which other parts may be there already.
    Part {
        /// What is written to [`MARKS`] in the same transaction: nobody could tell otherwise whether
        /// this part is there.
        mark: String,
    },
}

/// A table, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableCopy {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The columns that are not computed.
    pub columns: Vec<String>,
    /// The form in which the rows travel.
    pub format: CopyFormat,
    /// What decided that form.
    pub because: String,
    /// The encoding of what travels as text: the source's own, where it is another than UTF-8. What
    /// a database without a known one (SQL_ASCII) holds cannot be converted, nor all of some others.
    pub encoding: Option<String>,
    /// The part, where it is not all of it.
    pub blocks: Option<Blocks>,
    /// How large that is on the source's disk, TOAST included, indexes not.
    pub bytes: u64,
    /// Its rows, where somebody estimated them.
    pub rows: Option<u64>,
}

impl TableCopy {
    /// Its name, as people write it.
    pub fn full_name(&self) -> String {
        full_name(&self.schema, &self.name)
    }
}

/// A range of a table's blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks {
    /// The first.
    pub from: u64,
    /// The first that is not in it; the last part has none, for rows that came later.
    pub before: Option<u64>,
}

/// The form in which rows travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    /// COPY's text.
    Text,
    /// COPY's binary.
    Binary,
}

impl CopyFormat {
    /// As people call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }

    /// Whether it ends with a message that is no row.
    fn has_trailer(self) -> bool {
        self == Self::Binary
    }
}

/// What COPY is told on both sides.
fn options(table: &TableCopy) -> String {
    let format = (table.format == CopyFormat::Binary).then(|| "format binary".to_owned());
    let encoding = table.encoding.as_ref();
    let encoding = encoding.map(|name| format!("encoding {}", quote_literal(name)));
    let options: Vec<String> = format.into_iter().chain(encoding).collect();
    match options.is_empty() {
        true => String::new(),
        false => format!(" ({})", options.join(", ")),
    }
}

/// What is sent to both sides.
pub(super) fn lines(what: &CopyRows) -> Vec<String> {
    let CopyRows { tables, into } = what;
    let mut lines = vec![format!("target: {}", begin())];
    lines.extend(empty(what).map(|sql| format!("target: {sql}")));
    for table in tables {
        lines.push(format!("source: {}", copy_out(table)));
        lines.push(format!("target: {}", copy_in(table)));
    }
    lines.extend(leave(into).map(|sql| format!("target: {sql}")));
    lines.push("target: commit".to_owned());
    lines
}

fn empty(what: &CopyRows) -> Option<String> {
    let names = what.tables.iter();
    let names: Vec<String> = names.map(|t| qualified(&t.schema, &t.name)).collect();
    (what.into == CopyInto::Emptied).then(|| format!("truncate only {}", names.join(", only ")))
}

fn columns(table: &TableCopy) -> String {
    let columns = table.columns.iter().map(|name| quote_identifier(name));
    columns.collect::<Vec<_>>().join(", ")
}

/// Of a table without columns there is no list.
fn listed(table: &TableCopy) -> String {
    let name = qualified(&table.schema, &table.name);
    match columns(table) {
        none if none.is_empty() => name,
        columns => format!("{name} ({columns})"),
    }
}

/// What the source is told to send.
pub(super) fn copy_out(table: &TableCopy) -> String {
    let what = match &table.blocks {
        None => listed(table),
        Some(Blocks { from, before }) => {
            let name = qualified(&table.schema, &table.name);
            let end = before.map(|block| format!(" and ctid < '({block},0)'"));
            format!(
                "(select {} from only {name} where ctid >= '({from},0)'{})",
                columns(table),
                end.unwrap_or_default()
            )
        }
    };
    format!("copy {what} to stdout{}", options(table))
}

/// What the target is told to take.
pub(super) fn copy_in(table: &TableCopy) -> String {
    format!("copy {} from stdin{}", listed(table), options(table))
}

fn leave(into: &CopyInto) -> Option<String> {
    match into {
        CopyInto::Empty | CopyInto::Emptied => None,
        CopyInto::Part { mark } => Some(format!(
            "insert into {MARKS}.done values ({})",
            quote_literal(mark)
        )),
    }
}

/// Copies the rows. How many there were is the output.
///
/// # Errors
/// What a server says, that the snapshot is gone, or that it was stopped.
pub(super) async fn copy(world: &World, act: Act<'_>, what: &CopyRows) -> Result<Output> {
    world.performed(act, lines(what));
    let step = &act.step.id;
    let counted: Arc<AtomicU64> = Arc::default();
    let work = async {
        let source = world.counting_under_snapshot(&counted).await?;
        source.batch_execute(&SETTINGS.join("; ")).await?;
        let target = world.open_for(act, Place::Target).await?;
        target.batch_execute(&begin()).await?;
        if let Some(sql) = empty(what) {
            target.batch_execute(&sql).await?;
        }
        world.tally.begin(step);
        let is_one = what.tables.len() == 1;
        let moved = |table: &TableCopy, (bytes, rows)| {
            // Of many small ones, those on their way do not count yet.
            let on_the_way = match is_one {
                true => counted
                    .load(Ordering::Relaxed)
                    .saturating_sub(u64::from(table.format.has_trailer())),
                false => 0,
            };
            let name = table.full_name();
            let so_far = (bytes, rows + on_the_way);
            let told = world.tally.moved(step, so_far, (&name, world.poll));
            if let Some((speaker, progress)) = told {
                let whence = Whence {
                    stage: Some(act.phase),
                    step: Some(&speaker),
                };
                world.events.tell(whence, progress);
            }
        };
        let rows = match pipe((&source, &target), &what.tables, moved).await {
            Err(Broken::AtSource(table, error)) => {
                let error = named(world, error).await;
                return Err(error.about(not_given(&table.full_name())));
            }
            Err(Broken::Anywhere(error)) => return Err(error),
            Ok(rows) => rows,
        };
        commit(&target, &what.into).await?;
        if let Some(progress) = world.tally.done(step, rows) {
            world.tell(act, progress);
        }
        Ok(Output::of(&rows))
    };
    world.unless_stopped(work).await
}

/// Commits what was copied. A part whose mark is there was committed by an earlier try, which lost its
/// connection before it was told: what came a second time goes.
async fn commit(target: &Client, into: &CopyInto) -> Result<()> {
    let left = match leave(into) {
        Some(sql) => target.batch_execute(&sql).await,
        None => Ok(()),
    };
    let end = match left {
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => "rollback",
        left => {
            left?;
            "commit"
        }
    };
    Ok(target.batch_execute(end).await?)
}

/// A better error where somebody is in the way who wants to change the table: it waits for the
/// snapshot's lock, and nobody gets past it.
async fn named(world: &World, error: Error) -> Error {
    let held = world.snapshot.lock().await;
    let waited = held.as_ref().map(Snapshot::lock_timeout);
    let (Some(waited), Ok(client)) = (waited, world.source.connect().await) else {
        return error;
    };
    inspect::who_locks(error, &client, &world.source.place(), waited).await
}

/// What failed at the source.
pub(super) fn not_given(table: &str) -> String {
    format!("the source did not give the rows of {table}")
}

/// What failed at the target.
pub(super) fn not_taken(table: &str) -> String {
    format!("the target did not take the rows of {table}")
}
