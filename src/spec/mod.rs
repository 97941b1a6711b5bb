//! What a user may write: one struct per section of the plan file.
//! It only describes; defaults that need thought and contradictions are settled in `resolve`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::Sealed;

/// A plan: what is migrated, from where to where, and how.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "pg_dbmigrator plan")]
pub struct Spec {
    /// The version of this format. There is one: 1.
    #[schemars(extend("const" = 1, "examples" = [1]))]
    pub version: u32,
    /// The plan's name, part of object names and reports. Default: the file's name without `.yaml`.
    #[schemars(length(min = 1, max = 40), extend("pattern" = "^[a-z][a-z0-9_]*$", "examples" = ["shop"]))]
    #[serde(default)]
    pub name: Option<String>,
    /// The database to migrate from. It is only read.
    pub source: Endpoint,
    /// The database to migrate to.
    pub target: Endpoint,
    /// How the data moves.
    #[serde(default)]
    pub mode: Mode,
    /// Migrates only these schemas and tables. Without it, everything is migrated.
    #[serde(default)]
    pub include: Option<Include>,
    /// Leaves these schemas, tables or rows behind.
    #[serde(default)]
    pub exclude: Option<Exclude>,
    /// How the copy is made, and what it carries.
    #[serde(default)]
    pub copy: Option<Copy>,
    /// How the target is filled.
    #[serde(default)]
    pub restore: Option<Restore>,
    /// Limits and waits.
    #[serde(default)]
    pub thresholds: Option<Thresholds>,
    /// How the end result is proven. Schema and sequences are compared with `counts` and `rows`.
    #[serde(default)]
    pub verify: Verify,
}

/// One side of the migration: exactly one of `url` and `embedded`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// A connection string as libpq knows it: a `postgres://` URL or `key=value` pairs. What it
    /// leaves out comes from the `PG*` environment, the service file and the password file.
    #[schemars(extend("examples" = ["postgres://migrator:{{ env('SOURCE_PASSWORD') }}@old.example/shop?sslmode=verify-full", "service=shop_old"]))]
    #[serde(default)]
    pub url: Option<Sealed>,
    /// A throwaway server of the plan's own, for demos and rehearsals.
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
    /// The way rows travel.
    #[serde(default)]
    pub method: Method,
    /// Structure, rows or both.
    #[serde(default)]
    pub scope: Scope,
    /// How many tables are dumped, and restored, at the same time. Default: 4.
    #[schemars(range(min = 1, max = 64), extend("examples" = [4]))]
    #[serde(default)]
    pub jobs: Option<u32>,
    /// Keeps owners, privileges, comments on them, and settings of the database. Default: true.
    #[schemars(extend("examples" = [true]))]
    #[serde(default)]
    pub owners: Option<bool>,
    /// Creates roles that the objects need and the target lacks, without passwords. Default: true,
    /// where owners are kept.
    #[schemars(extend("examples" = [true]))]
    #[serde(default)]
    pub roles: Option<bool>,
    /// The folder of the PostgreSQL client programs. Default: found by version on PATH and in the
    /// distribution's folders.
    #[schemars(extend("examples" = ["/usr/lib/postgresql/18/bin"]))]
    #[serde(default)]
    pub tools: Option<PathBuf>,
}

/// The way rows travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// `pg_dump` to a directory beside the plan, then `pg_restore`, both in parallel.
    #[default]
    Dump,
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
    #[serde(default)]
    pub existing: Existing,
    /// Gathers the planner's statistics once the rows are there. Default: true.
    #[schemars(extend("examples" = [true]))]
    #[serde(default)]
    pub analyze: Option<bool>,
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

/// Limits and waits. Durations are written like `30s`, `5m`, `1h`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// How often progress is asked of the servers, in seconds. Default: 5.
    #[schemars(range(min = 1, max = 3600), extend("examples" = [5]))]
    #[serde(default)]
    pub poll_secs: Option<u32>,
    /// How long a statement of ours waits for a lock on the source before it gives up. Default: 1m.
    #[schemars(extend("pattern" = "^[0-9]+(ms|s|m|h)$", "examples" = ["1m"]))]
    #[serde(default)]
    pub lock_timeout: Option<String>,
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
