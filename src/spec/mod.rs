//! What a user may write: one struct per section of the plan file, and [`read`], which takes one in.
//! It never decides: defaults that need thought and contradictions are settled in `resolve`.

mod check;
mod command;
mod document;
mod file;
mod hint;
mod online;
mod overrides;
mod password;
mod patterns;
mod places;
mod problem;
mod reading;
mod schema;
mod template;
mod yaml;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::Sealed;

pub use document::{Document, Environment, Inputs};
pub use online::{
    Cutover, Fence, Hook, Hooks, Online, Pgbouncer, ReplicaIdentity, SequenceErrors, Trigger,
};
pub use problem::{Problem, Problems};
pub use reading::read;
pub use schema::schema;

/// A plan: what is migrated, from where to where, and how.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "pg_dbmigrator plan")]
pub struct Spec {
    /// The version of this format. There is one: 1.
    #[schemars(extend("const" = 1, "examples" = [1]))]
    pub version: u32,
    /// The plan's name, part of object names and reports. Default: the file's name without `.yaml`.
    #[schemars(length(min = 1, max = 40), extend("pattern" = "^[a-z][a-z0-9_]*$", "patternErrorMessage" = "at most 40 small letters, digits and `_`, the first a letter", "examples" = ["shop"]))]
    #[serde(default)]
    pub name: Option<String>,
    /// The database to migrate from. An offline copy only reads it; an online migration
    /// publishes its tables, and fences it for the switch.
    #[schemars(extend("examples" = [{"url": "postgres://migrator@old.example/shop"}]))]
    pub source: Endpoint,
    /// The database to migrate to.
    #[schemars(extend("examples" = [{"url": "postgres://migrator@new.example/shop"}]))]
    pub target: Endpoint,
    /// How the data moves.
    #[schemars(extend("examples" = ["offline"]))]
    #[serde(default)]
    pub mode: Mode,
    /// Migrates only these schemas and tables. Without it, everything is migrated.
    #[schemars(extend("examples" = [{"schemas": ["public"]}]))]
    #[serde(default)]
    pub include: Option<Include>,
    /// Leaves these schemas, tables or rows behind.
    #[schemars(extend("examples" = [{"tables": ["public.large_log"]}]))]
    #[serde(default)]
    pub exclude: Option<Exclude>,
    /// How the copy is made, and what it carries.
    #[schemars(extend("examples" = [{"jobs": 4}]))]
    #[serde(default)]
    pub copy: Option<Copy>,
    /// How the target is filled.
    #[schemars(extend("examples" = [{"existing": "refuse"}]))]
    #[serde(default)]
    pub restore: Option<Restore>,
    /// What the stream is made of, with `mode: online`.
    #[schemars(extend("examples" = [{"replica_identity": {"public.events": "full"}}]))]
    #[serde(default)]
    pub online: Option<Online>,
    /// How the target takes over, with `mode: online`.
    #[schemars(extend("examples" = [{"trigger": "manual", "fence": {"roles": ["shop_app"]}}]))]
    #[serde(default)]
    pub cutover: Option<Cutover>,
    /// Limits and waits.
    #[schemars(extend("examples" = [{"lock_timeout": "1m"}]))]
    #[serde(default)]
    pub thresholds: Option<Thresholds>,
    /// How the end result is proven. Schema and sequences are compared with `counts` and `rows`.
    #[schemars(extend("examples" = ["counts"]))]
    #[serde(default)]
    pub verify: Verify,
}

/// One side of the migration: exactly one of `url` and `embedded`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["url"]}, {"required": ["embedded"]}]))]
pub struct Endpoint {
    /// A connection string as libpq knows it: a `postgres://` URL or `key=value` pairs. What it
    /// leaves out comes from the `PG*` environment, the service file and the password file.
    #[schemars(extend("examples" = ["postgres://migrator:{{ env('SOURCE_PASSWORD') }}@old.example/shop?sslmode=verify-full", "service=shop_old"]))]
    #[serde(default)]
    pub url: Option<Sealed>,
    /// A throwaway server of the plan's own, for demos and rehearsals.
    #[schemars(extend("examples" = [{"sql": ["schema.sql", "data.sql"]}]))]
    #[serde(default)]
    pub embedded: Option<Embedded>,
}

/// A throwaway server, started from the PostgreSQL installed here and owned by the plan's state.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Embedded {
    /// SQL files run once, in order, in the new database. Paths are relative to the plan.
    #[schemars(extend("examples" = [["schema.sql", "data.sql"]]))]
    #[serde(default)]
    pub sql: Vec<PathBuf>,
    /// The major version to start. Default: the newest one installed.
    #[schemars(range(min = 13, max = 99), extend("examples" = [15]))]
    #[serde(default)]
    pub major: Option<u32>,
    /// The database's name. Default: the plan's name.
    #[schemars(length(min = 1, max = 63), extend("examples" = ["shop"]))]
    #[serde(default)]
    pub database: Option<String>,
}

/// How the data moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A one-shot copy of one snapshot. What is written to the source afterwards stays there.
    #[default]
    Offline,
    /// A copy, then a stream of every change made since, until a cutover that loses nothing.
    Online,
}

/// What to migrate, by name or glob (`*`, `?`, `[a-z]`). A pattern that matches nothing is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Include {
    /// Schemas to migrate with all that is in them.
    #[schemars(extend("examples" = [["public", "shop_*"]]))]
    #[serde(default)]
    pub schemas: Vec<String>,
    /// Tables, views and sequences to migrate, as `schema.name`. Functions and types of their
    /// schemas come along, because they may be needed.
    #[schemars(extend("examples" = [["public.orders", "public.order_*"]]))]
    #[serde(default)]
    pub tables: Vec<String>,
    /// Tables whose rows are migrated; of every other table only the structure is.
    #[schemars(extend("examples" = [["public.countries"]]))]
    #[serde(default)]
    pub table_data: Vec<String>,
}

/// What to leave behind, by name or glob (`*`, `?`, `[a-z]`). A pattern that matches nothing is an
/// error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exclude {
    /// Schemas to leave behind with all that is in them.
    #[schemars(extend("examples" = [["audit"]]))]
    #[serde(default)]
    pub schemas: Vec<String>,
    /// Tables, views and sequences to leave behind, as `schema.name`.
    #[schemars(extend("examples" = [["public.large_log"]]))]
    #[serde(default)]
    pub tables: Vec<String>,
    /// Tables to migrate without their rows.
    #[schemars(extend("examples" = [["public.sessions"]]))]
    #[serde(default)]
    pub table_data: Vec<String>,
}

/// How the copy is made, and what it carries.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Copy {
    /// The way rows travel. Default: stream; dump where `scope` or `compress` is written, which it
    /// alone knows, or `restore.allow_errors`.
    #[schemars(extend("examples" = ["stream"]))]
    #[serde(default)]
    pub method: Option<Method>,
    /// Structure, rows or both.
    #[schemars(extend("examples" = ["all"]))]
    #[serde(default)]
    pub scope: Scope,
    /// How many tables are copied, and indexes built, at the same time. Default: 4.
    #[schemars(range(min = 1, max = 64), extend("examples" = [4]))]
    #[serde(default)]
    pub jobs: Option<u32>,
    /// Tables above this size, TOAST included, are copied in parts side by side; never with
    /// `method: dump`. Default: 256MiB.
    #[schemars(extend("pattern" = "^[0-9]{1,9}(KiB|MiB|GiB|TiB)$", "patternErrorMessage" = "a number and a unit (`KiB`, `MiB`, `GiB` or `TiB`)", "examples" = ["1GiB"]))]
    #[serde(default)]
    pub split_larger_than: Option<String>,
    /// The form in which rows travel; never with `method: dump`.
    #[schemars(extend("examples" = ["auto"]))]
    #[serde(default)]
    pub format: Format,
    /// How long the snapshot of the source is kept while no apply runs, so that a copy that was cut
    /// short goes on where it was; meanwhile vacuum removes nothing on the source. Never
    /// with `method: dump`. Default: 1h.
    #[schemars(extend("pattern" = "^[0-9]{1,9}(ms|s|m|h)$", "patternErrorMessage" = "a number and a unit (`ms`, `s`, `m` or `h`)", "examples" = ["1h"]))]
    #[serde(default)]
    pub keep_snapshot: Option<String>,
    /// The memory for building indexes, shared by all that are built at the same time
    /// (`maintenance_work_mem` times `jobs`); never with `method: dump`. Default: 1GiB.
    #[schemars(extend("pattern" = "^[0-9]{1,9}(KiB|MiB|GiB|TiB)$", "patternErrorMessage" = "a number and a unit (`KiB`, `MiB`, `GiB` or `TiB`)", "examples" = ["1GiB"]))]
    #[serde(default)]
    pub index_memory: Option<String>,
    /// How many processes help with building an index, beside the one of its session
    /// (`max_parallel_maintenance_workers`): 0 is fastest where `jobs` keeps every core of the target
    /// busy. Never with `method: dump`. Default: the target's own setting.
    #[schemars(range(min = 0, max = 64), extend("examples" = [0]))]
    #[serde(default)]
    pub index_workers: Option<u32>,
    /// Keeps owners, privileges, comments on them, and settings of the database. Default: true.
    #[schemars(extend("examples" = [true]))]
    #[serde(default)]
    pub owners: Option<bool>,
    /// Creates roles that the objects need and the target lacks, without passwords. Default: true,
    /// where owners are kept.
    #[schemars(extend("examples" = [true]))]
    #[serde(default)]
    pub roles: Option<bool>,
    /// Keeps tablespaces, which the target must have under the same names. Default: true.
    #[schemars(extend("examples" = [true]))]
    #[serde(default)]
    pub tablespaces: Option<bool>,
    /// How hard `pg_dump` compresses the dump beside the plan, from 0 (not at all) to 9. The dump
    /// is removed at the end. Default: 1.
    #[schemars(range(min = 0, max = 9), extend("examples" = [1]))]
    #[serde(default)]
    pub compress: Option<u32>,
    /// The folder of the PostgreSQL client programs. Default: found by version on PATH and in the
    /// distribution's folders.
    #[schemars(extend("examples" = ["/usr/lib/postgresql/18/bin"]))]
    #[serde(default)]
    pub tools: Option<PathBuf>,
}

/// The way rows travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Parallel COPY from the source straight into the target, without a disk between them;
    /// indexes and keys are built as their tables are filled.
    Stream,
    /// `pg_dump` to a directory beside the plan, then `pg_restore`, both in parallel.
    Dump,
}

/// The form in which rows travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Binary for tables whose every column has a type that is the same on both sides, else text.
    #[default]
    Auto,
    /// Text for every table.
    Text,
    /// Binary for every table; refused while a table has a column of another type.
    Binary,
}

/// What is copied of each object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Structure and rows.
    #[default]
    All,
    /// Structure alone.
    Schema,
    /// Rows alone, into tables that exist on the target and are empty.
    Data,
}

/// How the target is filled.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restore {
    /// Goes on after errors about ownership, privileges, comments, security labels and
    /// extensions that are there already; they are warnings, shown again at the end. A lost
    /// connection, a signal or a failed COPY always stops the restore. Default: false.
    #[schemars(extend("examples" = [false]))]
    #[serde(default)]
    pub allow_errors: Option<bool>,
    /// What to do with a target that is not empty.
    #[schemars(extend("examples" = ["refuse"]))]
    #[serde(default)]
    pub existing: Existing,
    /// Where the planner's statistics come from. Without any, queries are slow until autovacuum has
    /// gathered them.
    #[schemars(extend("examples" = ["analyze"]))]
    #[serde(default)]
    pub statistics: Statistics,
}

/// Where the planner's statistics come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Statistics {
    /// ANALYZE gathers them on the target; with `method: stream` each table's as soon as its indexes
    /// are there.
    #[default]
    Analyze,
    /// The source's are carried over, but for those of CREATE STATISTICS. That takes a target and
    /// client programs of PostgreSQL 18 or later.
    Carry,
    /// Nobody gathers them here.
    Off,
}

/// What to do with a target that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// Stop, and name what is there.
    #[default]
    Refuse,
    /// Remove everything in the target database first; with `scope: data`, empty the tables.
    Replace,
}

/// Limits and waits. Durations are written like `30s`, `5m`, `1h`, sizes like `512MiB`, `100GiB`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// How often progress is asked of the servers, in seconds. Default: 5.
    #[schemars(range(min = 1, max = 3600), extend("examples" = [5]))]
    #[serde(default)]
    pub poll_secs: Option<u32>,
    /// How long a statement of ours waits for a lock on the source before it gives up. Default: 1m.
    #[schemars(extend("pattern" = "^[0-9]{1,9}(ms|s|m|h)$", "patternErrorMessage" = "a number and a unit (`ms`, `s`, `m` or `h`)", "examples" = ["1m"]))]
    #[serde(default)]
    pub lock_timeout: Option<String>,
    /// The lag at or below which the target has caught up, in bytes of WAL. Default: 1048576.
    #[schemars(range(min = 0, max = 1_000_000_000_000_u64), extend("examples" = [1048576]))]
    #[serde(default)]
    pub lag_bytes: Option<u64>,
    /// How long making the replication slot may wait for the transactions that run on the source.
    /// Default: 5m.
    #[schemars(extend("pattern" = "^[0-9]{1,9}(ms|s|m|h)$", "patternErrorMessage" = "a number and a unit (`ms`, `s`, `m` or `h`)", "examples" = ["5m"]))]
    #[serde(default)]
    pub slot_creation_timeout: Option<String>,
    /// How much WAL the slot may keep on the source while an `apply` watches: a warning at half, a
    /// safe stop at the limit. While none does, the source's own `max_slot_wal_keep_size` is the
    /// only limit. Default: 100GiB.
    #[schemars(extend("pattern" = "^[0-9]{1,9}(KiB|MiB|GiB|TiB)$", "patternErrorMessage" = "a number and a unit (`KiB`, `MiB`, `GiB` or `TiB`)", "examples" = ["100GiB"]))]
    #[serde(default)]
    pub retained_wal: Option<String>,
    /// How long the cutover may keep applications from writing: past it, everything is undone and
    /// the source serves again. Default: 30s.
    #[schemars(extend("pattern" = "^[0-9]{1,9}(ms|s|m|h)$", "patternErrorMessage" = "a number and a unit (`ms`, `s`, `m` or `h`)", "examples" = ["30s"]))]
    #[serde(default)]
    pub write_outage: Option<String>,
}

/// How the end result is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// Not at all; the outcome says so.
    Off,
    /// Schema, sequences, large objects and the number of rows of every table.
    #[default]
    Counts,
    /// The same, and a hash over every row of every table.
    Rows,
}
