//! Everything `apply` performs, as data: how it prints, and (one file per kind) how it runs.
//! It never decides whether something should happen; the plan did.

mod as_planned;
mod child;
mod compare;
mod complaints;
mod copy_pipe;
mod copy_rows;
mod dump_files;
mod dump_list;
mod large_objects;
mod lines;
mod moved;
mod needs;
mod program;
mod progress;
mod rate;
pub(crate) mod replication;
mod request;
mod script;
mod script_order;
mod script_parts;
mod snapshot;
mod sql;
mod tally;
mod world;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use crate::side::Side;
pub use as_planned::{Planned, Shapes};
pub use copy_rows::{Blocks, CopyFormat, CopyInto, CopyRows, MARKS, TableCopy};
pub use dump_list::AfterData;
pub use large_objects::LargeObjects;
pub use lines::lines;
pub use replication::{NewSlot, Replication};
pub use script::Script;
pub use script_parts::ScriptPart;
pub use sql::ask;
pub use tally::Tally;
pub use world::{Act, Links, Output, World, perform};

use crate::inspect::RowHash;
use crate::plan::StepId;
use crate::selection::Patterns;

/// Where a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In the source database.
    Source,
    /// In the target database.
    Target,
    /// On the target's server, in a database that is always there.
    TargetMaintenance,
}

impl From<Side> for Place {
    fn from(side: Side) -> Self {
        match side {
            Side::Source => Self::Source,
            Side::Target => Self::Target,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
            Self::TargetMaintenance => "target server",
        })
    }
}

/// One thing that is done to a server or to this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Statements in order, over one connection: each in a transaction of its own, or several between
    /// `begin` and `commit`.
    Sql {
        /// Where they run.
        place: Place,
        /// The statements.
        statements: Vec<String>,
    },
    /// Asks for one text and keeps it in the journal, as the step's output.
    Remember {
        /// Where it is asked.
        place: Place,
        /// The question.
        sql: String,
    },
    /// Locks tables of the source against rewriting, exports a snapshot, and holds both until the
    /// last step under it is done.
    ExportSnapshot(SnapshotWanted),
    /// Proves that the tables of the source are, under the snapshot, those that were planned for.
    AsPlanned(Planned),
    /// Runs one of PostgreSQL's client programs.
    Program(Program),
    /// Streams rows from the source, under the exported snapshot, into the target.
    CopyRows(CopyRows),
    /// Copies large objects, under the exported snapshot.
    CopyLargeObjects(LargeObjects),
    /// Makes a part of a dump, as `pg_restore` writes it.
    Script(Script),
    /// Counts, and perhaps hashes, the rows of the source under the exported snapshot, and reads
    /// its sequences; the result is kept in the journal.
    MeasureSource(Measure),
    /// Compares the target with what was measured on the source.
    Compare(Comparison),
    /// Removes the directory of the dump.
    RemoveDump,
    /// Replication and its end.
    Replication(Replication),
}

/// A snapshot to be exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotWanted {
    /// The tables to be locked, as (schema, name).
    pub tables: Vec<(String, String)>,
    /// How long each lock is waited for.
    pub lock_timeout: Duration,
    /// The slot that is made at the same moment, for an online migration.
    pub slot: Option<NewSlot>,
    /// How long a process of its own holds the snapshot while no apply runs; without, the snapshot
    /// ends with this process.
    pub keep: Option<Duration>,
}

/// A run of one of PostgreSQL's client programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Which, with the folder it was found in.
    pub tool: Tool,
    /// The folder it is run from.
    pub directory: std::path::PathBuf,
    /// Its arguments, with holes for what is known only when it runs.
    pub arguments: Vec<Argument>,
    /// Whether known-harmless errors are warnings (`restore.allow_errors`).
    pub allow_errors: bool,
    /// The tables whose rows it moves, for its progress.
    pub tables: Vec<TableSize>,
}

/// How large a table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSize {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its bytes on disk, TOAST included, indexes not.
    pub bytes: u64,
    /// Its rows, where somebody counted or estimated them.
    pub rows: Option<u64>,
}

/// A client program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Reads the source.
    PgDump,
    /// Fills the target.
    PgRestore,
}

impl Tool {
    /// The program's file name.
    pub fn name(self) -> &'static str {
        match self {
            Self::PgDump => "pg_dump",
            Self::PgRestore => "pg_restore",
        }
    }

    /// The end it talks to.
    pub fn side(self) -> Side {
        match self {
            Self::PgDump => Side::Source,
            Self::PgRestore => Side::Target,
        }
    }
}

/// One argument of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// As it is.
    Plain(String),
    /// `--dbname=service=…`: the connection, through 0600 service and password files.
    Connection,
    /// `--snapshot=…`: the snapshot exported by the step this one stands on.
    Snapshot,
    /// `--use-list=…`: a part of what the dump makes after its data, cut from its list.
    Listed(AfterData),
    /// `--file=…`: where the dump is written.
    DumpFile,
    /// The dump, to be read.
    Dump,
}

/// What is measured on the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measure {
    /// The tables whose rows are counted; with a hash if one is given.
    pub tables: Vec<TableRows>,
    /// The sequences, as (schema, name).
    pub sequences: Vec<(String, String)>,
    /// Whether large objects are measured, and how.
    pub large_objects: Option<LargeObjectMeasure>,
    /// How many connections measure side by side.
    pub jobs: u32,
}

/// A table whose rows are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRows {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// How its rows are hashed, if they are.
    pub hash: Option<RowHash>,
    /// Its columns, by name: the order in which they are hashed.
    pub columns: Vec<String>,
    /// Its size, to share out the work.
    pub bytes: u64,
    /// Whether it is a materialized view: PostgreSQL fills it anew on the target, from what is
    /// there, so that it rightly differs where the source's was stale.
    pub refreshed: bool,
}

/// How large objects are measured: their number always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LargeObjectMeasure {
    /// Every byte of each.
    pub content: bool,
    /// The owner, privileges and comment of each.
    pub properties: bool,
}

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// Every object's definition, owner, privileges and comment.
    Schema(SchemaScope),
    /// The same, where differences are accepted: each is a warning, and their number is kept.
    Drift(SchemaScope),
    /// The same once more, if anything of a side's schema was changed since a step looked.
    SchemaSince {
        /// The side that is looked at first, and in vain as a rule.
        side: Side,
        /// The step that kept what it looked like.
        guard: StepId,
        /// What is compared if it does not look so any more.
        scope: SchemaScope,
    },
    /// Rows, sequences and large objects, against what the step named measured.
    Rows {
        /// What is measured on the target: the same as on the source.
        measure: Measure,
    },
    /// The database's own properties: locale, owner, comment, privileges, settings.
    Database {
        /// What the target's should be, as SQL that would make them so.
        expected: Vec<String>,
        /// Whether it is closed until the switch, which is no difference.
        closed: bool,
    },
    /// Whether the source was written to since the snapshot. That is a warning, not a difference.
    SourceWrites,
    /// Rows and sequences of both sides as they are now, while nobody writes.
    Now {
        /// What is measured, on both sides.
        measure: Measure,
        /// What says of a later sequence whether it is left behind.
        patterns: Patterns,
        /// The step that carried the sequences, if any did: one that it could not carry is not
        /// looked at, and not claimed.
        carried_by: Option<crate::plan::StepId>,
    },
}

/// Which objects a comparison of schemas looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaScope {
    /// Schemas left out.
    pub without_schemas: Vec<String>,
    /// Relations left out, as (schema, name).
    pub without_relations: Vec<(String, String)>,
    /// What the plan's patterns leave out of what comes later.
    pub patterns: Patterns,
    /// The migration's own publications, which one side has alone.
    pub without_publications: Vec<String>,
    /// Whether owners and privileges count.
    pub owners: bool,
    /// Whether tablespaces count.
    pub tablespaces: bool,
    /// Whether it counts that a materialized view holds rows.
    pub rows: bool,
}
