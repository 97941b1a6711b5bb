//! The sections that only `mode: online` knows: `online` and `cutover`.
//! It never decides: defaults are settled in `resolve`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::Sealed;

use super::Verify;

/// What the stream from the source to the target is made of.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Online {
    /// The publication made on the source. Default: `pg_dbmigrator_` and the plan's name. Another
    /// plan on the same server needs a name of its own, because one that is there is refused,
    /// never used.
    #[schemars(extend("pattern" = "^[a-z0-9_]{1,55}$", "patternErrorMessage" = "at most 55 small letters, digits and `_`", "examples" = ["pg_dbmigrator_shop"]))]
    #[serde(default)]
    pub publication: Option<String>,
    /// The replication slot made on the source. Default: `pg_dbmigrator_` and the plan's name.
    /// Slots of all databases of a server share one set of names.
    #[schemars(extend("pattern" = "^[a-z0-9_]{1,55}$", "patternErrorMessage" = "at most 55 small letters, digits and `_`", "examples" = ["pg_dbmigrator_shop"]))]
    #[serde(default)]
    pub slot: Option<String>,
    /// The subscription made on the target. Default: `pg_dbmigrator_` and the plan's name.
    #[schemars(extend("pattern" = "^[a-z0-9_]{1,55}$", "patternErrorMessage" = "at most 55 small letters, digits and `_`", "examples" = ["pg_dbmigrator_shop"]))]
    #[serde(default)]
    pub subscription: Option<String>,
    /// How the target's server reaches the source, where that differs from `source.url`: another
    /// address, or `passfile=` of a file on the target's server. That a server answers there is
    /// asked before anything is changed; that it is the source shows once the stream begins, when
    /// another one does not have the slot. Default: what `source.url` says.
    #[schemars(extend("examples" = ["host=10.0.0.5 dbname=shop user=migrator passfile=/etc/shop.pgpass"]))]
    #[serde(default)]
    pub subscription_source: Option<Sealed>,
    /// How the source's server reaches the target, for the stream back after the cutover.
    /// Default: what `target.url` says.
    #[schemars(extend("examples" = ["host=10.0.0.6 dbname=shop user=migrator passfile=/etc/shop.pgpass"]))]
    #[serde(default)]
    pub subscription_target: Option<Sealed>,
    /// How updates and deletes of tables without a usable replica identity are carried: by
    /// `schema.table`, one of `full`, `{index: NAME}` and `copy_at_cutover`.
    #[schemars(extend("examples" = [{"public.events": "full", "public.codes": {"index": "codes_code_key"}}]))]
    #[serde(default)]
    pub replica_identity: BTreeMap<String, ReplicaIdentity>,
}

/// What tells the rows of a table apart where it has no primary key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("patternErrorMessage" = "`full`, `copy_at_cutover` or `{index: NAME}`"))]
pub enum ReplicaIdentity {
    /// The whole old row is written to the WAL with every update and delete, and the target
    /// searches for it: right for small tables and for those that are only added to.
    Full,
    /// A unique index over columns that are never null, neither partial nor deferrable.
    Index(String),
    /// Not in the stream: the table is copied while the source is fenced, and lengthens the
    /// outage by as long as that takes.
    CopyAtCutover,
}

/// How the target takes over.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cutover {
    /// What starts it.
    #[schemars(extend("examples" = ["manual"]))]
    #[serde(default)]
    pub trigger: Trigger,
    /// What keeps applications from writing to the source meanwhile.
    #[schemars(extend("examples" = [{"roles": ["shop_app"]}]))]
    #[serde(default)]
    pub fence: Option<Fence>,
    /// Carries the positions of sequences over, never backwards. Default: true.
    #[schemars(extend("examples" = [true]))]
    #[serde(default)]
    pub sequences: Option<bool>,
    /// What becomes of the cutover when a sequence cannot be carried: it is missing on a side, may
    /// not be read or set, or is behind all the same.
    #[schemars(extend("examples" = ["warn"]))]
    #[serde(default)]
    pub sequence_errors: SequenceErrors,
    /// How the two sides are compared before the switch, which prolongs the outage. Default: what
    /// `verify` says.
    #[schemars(extend("examples" = ["counts"]))]
    #[serde(default)]
    pub verify: Option<Verify>,
    /// Keeps a stream from the target back to the source, so that `rollback` loses nothing.
    /// Default: true.
    #[schemars(extend("examples" = [true]))]
    #[serde(default)]
    pub reverse: Option<bool>,
    /// Leaves the subscription and its slot in place, disabled. Default: false.
    #[schemars(extend("examples" = [false]))]
    #[serde(default)]
    pub keep_subscription: Option<bool>,
    /// Cuts over, and back, although the definitions of the two sides differ: each difference is a
    /// warning of the outcome. Every table must be in the stream all the same. Default: false.
    #[schemars(extend("examples" = [false]))]
    #[serde(default)]
    pub accept_drift: Option<bool>,
    /// Cuts over, and back, although a server was promoted from a standby, or restored from a backup,
    /// while it replicated: what it lost by that is missing on one side. Needs `verify: rows` here:
    /// every row is compared before the switch, which is taken back if one differs. Default: false.
    #[schemars(extend("examples" = [false]))]
    #[serde(default)]
    pub accept_timeline: Option<bool>,
    /// What is run at the turning points.
    #[schemars(extend("examples" = [{"after_switch": [["systemctl", "reload", "shop"]]}]))]
    #[serde(default)]
    pub hooks: Option<Hooks>,
}

/// What starts the cutover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A person: `pg_dbmigrator cutover`, or Ctrl+C while it streams.
    #[default]
    Manual,
    /// The first time that the lag is at or below `thresholds.lag_bytes`.
    WhenCaughtUp,
}

/// What becomes of the cutover when a sequence cannot be carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SequenceErrors {
    /// It is taken back, and the sequence named.
    #[default]
    Stop,
    /// It goes on without the sequence, which a warning names for somebody to set by hand; until
    /// then the target may give out numbers that are taken.
    Warn,
}

/// What keeps applications from writing to the source. No part is airtight alone, so that what is
/// left out here makes the rest weaker. That nobody is there is proven for moments, the last of them
/// just before the switch; what is written after it is found, and undoes nothing any more.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fence {
    /// The roles that applications log in as: they are barred from logging in.
    #[schemars(extend("examples" = [["shop_app"]]))]
    #[serde(default)]
    pub roles: Vec<String>,
    /// Takes the right to connect to the database from everybody but the roles that the migration
    /// and its streams log in as; superusers and members of those roles come in all the same. The
    /// owner of the database may do that, where `roles` takes the right to alter them.
    /// Default: false.
    #[schemars(extend("examples" = [true]))]
    #[serde(default)]
    pub connect: Option<bool>,
    /// Makes the database read-only by default. Default: true.
    #[schemars(extend("examples" = [true]))]
    #[serde(default)]
    pub read_only: Option<bool>,
    /// Ends the sessions that are open. Default: true.
    #[schemars(extend("examples" = [true]))]
    #[serde(default)]
    pub terminate: Option<bool>,
}

/// What is run at the turning points of a cutover, in order; one that fails before the switch
/// undoes it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hooks {
    /// Before the source is fenced.
    #[schemars(extend("examples" = [[{"pgbouncer": {"url": "postgres://admin@pooler.example:6432/pgbouncer"}}]]))]
    #[serde(default)]
    pub before_fence: Vec<Hook>,
    /// Once the target serves.
    #[schemars(extend("examples" = [[["systemctl", "reload", "shop"]]]))]
    #[serde(default)]
    pub after_switch: Vec<Hook>,
    /// Once the source serves again: the cutover was undone, where one that fails is a warning, or
    /// rolled back.
    #[schemars(extend("examples" = [[["systemctl", "reload", "shop"]]]))]
    #[serde(default)]
    pub on_rollback: Vec<Hook>,
}

/// One thing to run.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("patternErrorMessage" = "a list of a program and its arguments, or `pgbouncer: {url: …}`"))]
pub enum Hook {
    /// A program and its arguments; no shell is in between. It gets the environment of
    /// `pg_dbmigrator`, and with it whatever secrets are in there.
    Command(#[schemars(length(min = 1))] Vec<String>),
    /// A PgBouncer, which holds its clients while the databases change places.
    Pgbouncer {
        /// The pooler.
        pgbouncer: Pgbouncer,
    },
}

/// A PgBouncer: paused before the fence, resumed after the switch.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pgbouncer {
    /// Its admin console, as a role of `admin_users`.
    #[schemars(extend("examples" = ["postgres://admin@pooler.example:6432/pgbouncer"]))]
    pub url: Sealed,
}
