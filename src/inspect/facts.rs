//! What the servers and this machine said when asked: the facts a plan is made from.
//! It holds plain data alone, written to the state directory and read again on resume.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::database::{Database, Locale};
use super::foreign_key::ForeignKey;
use super::index::Index;
use super::replication::{FiringTrigger, Identity, Reach, Replication, Streams};
use super::role::{Owner, Role};

/// Everything that planning needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The database to migrate from.
    pub source: Source,
    /// The server, and perhaps the database, to migrate to.
    pub target: Target,
    /// The client programs found on this machine.
    pub tools: Vec<Toolset>,
    /// Bytes free where the dump would be written.
    pub free_bytes: u64,
    /// Whether the target's server reaches the source; `None` where no stream is planned.
    pub target_reaches_source: Option<Reach>,
    /// Whether the source's server reaches the target; `None` where no stream back is planned.
    pub source_reaches_target: Option<Reach>,
}

/// A server, as the connected role sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Host and port, or the socket's directory, for people to read.
    pub place: String,
    /// `system_identifier` of the cluster: the same number is the same cluster.
    pub system_identifier: String,
    /// `server_version_num`, for instance 150018.
    pub version_num: u32,
    /// `server_version`, for instance `15.18`.
    pub version: String,
    /// The role that is connected.
    pub role: ConnectedRole,
    /// Lock table slots: `max_locks_per_transaction` × (`max_connections` +
    /// `max_prepared_transactions`).
    pub lock_slots: u64,
    /// `max_locks_per_transaction`.
    pub max_locks_per_transaction: u64,
    /// `max_connections` less the reserved ones and those in use now, or what the role's own
    /// CONNECTION LIMIT leaves, whichever is less.
    pub free_connections: u64,
    /// Whether the server is a standby.
    pub in_recovery: bool,
    /// What it has for replication.
    pub replication: Replication,
}

impl Server {
    /// The major version, for instance 15.
    pub fn major(&self) -> u32 {
        self.version_num / 10_000
    }
}

/// What the connected role may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectedRole {
    /// The role's name.
    pub name: String,
    /// SUPERUSER.
    pub superuser: bool,
    /// CREATEDB.
    pub create_database: bool,
    /// CREATEROLE.
    pub create_role: bool,
    /// BYPASSRLS, or a superuser.
    pub bypass_rls: bool,
    /// REPLICATION, or a superuser.
    pub replication: bool,
    /// Whether it has `pg_create_subscription` (16+), or is a superuser.
    pub create_subscription: bool,
    /// Whether it may end other roles' sessions (`pg_signal_backend`), or is a superuser.
    pub signal_backend: bool,
    /// The roles of the server that it may ALTER.
    pub alterable_roles: BTreeSet<String>,
}

/// The database to migrate from, and everything in it that planning speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its server.
    pub server: Server,
    /// The database itself.
    pub database: Database,
    /// Schemas, without PostgreSQL's own and those that belong to an extension.
    pub schemas: Vec<Schema>,
    /// Tables, views, materialized views, sequences and foreign tables outside extensions,
    /// sorted by schema and name.
    pub relations: Vec<Relation>,
    /// Indexes of tables, but for those that are invalid or that an extension is needed for, sorted by
    /// schema and name.
    #[serde(default)]
    pub indexes: Vec<Index>,
    /// Foreign keys, but for those of extensions, sorted by schema, table and name.
    #[serde(default)]
    pub foreign_keys: Vec<ForeignKey>,
    /// Objects that cannot exist without a relation that they are no part of: views, foreign keys,
    /// children, defaults of another's sequence, SQL-standard functions, row types in use.
    pub dependents: Vec<Dependent>,
    /// Extensions, without plpgsql of the default version.
    pub extensions: Vec<Extension>,
    /// Roles that objects in scope of the database need, with what they are members of.
    pub roles: Vec<Role>,
    /// PostgreSQL's own roles (`pg_read_all_data`, …) that these are members of or that have
    /// privileges.
    pub predefined_roles: BTreeSet<String>,
    /// Who owns anything besides the database, schemas and relations, sorted.
    pub owners: Vec<Owner>,
    /// Collations of ICU outside `pg_catalog`, as (schema, name), sorted.
    pub icu_collations: Vec<(String, String)>,
    /// Large objects.
    pub large_objects: LargeObjects,
    /// The OID of the first large object of each part in which they are copied, sorted.
    #[serde(default)]
    pub large_object_parts: Vec<u32>,
    /// How many there are of each other kind of object, such as `functions` or `types`.
    pub object_counts: BTreeMap<String, u64>,
    /// Tablespaces that relations or the database name, without `pg_default`.
    pub tablespaces: BTreeSet<String>,
    /// Things that no copy carries, each a sentence.
    pub not_carried: Vec<String>,
    /// What it publishes and receives.
    pub streams: Streams,
    /// A number that changes with every change of its schema.
    #[serde(default)]
    pub schema_mark: String,
}

/// A schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Its name.
    pub name: String,
    /// Its owner.
    pub owner: String,
}

/// What sort of relation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// An ordinary table, also one that is a partition.
    Table,
    /// A partitioned table, which has no rows of its own.
    PartitionedTable,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A sequence.
    Sequence,
    /// A foreign table.
    ForeignTable,
}

/// Whether a hash over a table's rows can be taken over the record, which is faster, or needs
/// the text form. Record hashes differ between clusters for types that hash an OID (enums,
/// `regclass`), and some types (json, xml, point) have none. Others hash values alike that are
/// not the same: numeric (1.0, 1.00), interval (1 day, 24 hours), arrays ({1,2}, {{1,2}}), text
/// under a nondeterministic collation. So the record form is for tables whose every column is of
/// a type where equal hashes mean the same value; a float's zero alone may lose its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowHash {
    /// `hash_record_extended`, PostgreSQL 14 and later.
    Record,
    /// `hashtextextended` over the row as text.
    Text,
}

/// A relation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What sort it is.
    pub kind: RelationKind,
    /// Its owner.
    pub owner: String,
    /// Whether the connected role may act as its owner without SET ROLE.
    pub owned: bool,
    /// The main forks of the table and of its TOAST, in bytes: free space and visibility maps not, nor
    /// indexes.
    pub bytes: u64,
    /// Blocks of the table itself, without TOAST.
    #[serde(default)]
    pub blocks: u64,
    /// Its stored columns whose type has no binary form that is known to be the same on every
    /// server, as (name, type), in the table's order.
    #[serde(default)]
    pub text_columns: Vec<(String, String)>,
    /// `reltuples`, `None` when never analyzed.
    pub rows_estimate: Option<u64>,
    /// UNLOGGED.
    pub unlogged: bool,
    /// Whether the connected role may read it.
    pub readable: bool,
    /// Whether row-level security would hide rows from the connected role.
    pub row_security: bool,
    /// The parent it is a partition of, as (schema, name).
    pub partition_of: Option<(String, String)>,
    /// For a sequence: the table that owns it (serial, identity).
    pub owned_by: Option<(String, String)>,
    /// For a materialized view: whether it holds data.
    pub populated: bool,
    /// Whether it has been clustered on one index (CLUSTER ON), and another is its replica
    /// identity, neither of a constraint: `pg_restore` makes both at once, and each then waits for
    /// the other's lock on the table.
    #[serde(default)]
    pub crossed_indexes: bool,
    /// Whether other tables inherit from it, or once did.
    #[serde(default)]
    pub has_children: bool,
    /// Whether CREATE STATISTICS was said of it.
    #[serde(default)]
    pub extended_statistics: bool,
    /// Whether it is partitioned by hash of an enum, whose values are hashed by their OIDs: every
    /// database has others, and so its rows in other partitions.
    #[serde(default)]
    pub hashed_by_enum: bool,
    /// How its rows can be hashed.
    pub row_hash: RowHash,
    /// Its columns, sorted by name: a child table may have the same columns in another order
    /// after a restore.
    pub columns: Vec<String>,
    /// What tells its rows apart in replication.
    pub identity: Identity,
    /// Its triggers that fire for replicated changes, sorted by name: those for rows and for
    /// TRUNCATE, for an apply worker performs no statements.
    #[serde(default)]
    pub firing_triggers: Vec<FiringTrigger>,
    /// Whether a session that changes its rows sets something off: a trigger, or a foreign key from
    /// it or to it. Sessions that say that they replicate do not.
    #[serde(default)]
    pub triggered: bool,
}

impl Relation {
    /// Why its rows travel as text, where they do: the first of the columns that ask for it, and how
    /// many more there are.
    pub fn columns_for_text(&self) -> Option<String> {
        let (name, kind) = self.text_columns.first()?;
        let more = match self.text_columns.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        Some(format!(
            "column {name} has type {kind}, whose binary form may differ{more}"
        ))
    }

    /// Whether it is a materialized view that holds data.
    pub fn populated_view(&self) -> bool {
        self.kind == RelationKind::MaterializedView && self.populated
    }
}

/// An object that cannot be restored without a relation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dependent {
    /// For people, as `pg_describe_object` says it: `view public.v`, `constraint fk on table t`.
    pub description: String,
    /// The relation that it belongs to or is, where there is one.
    pub of: Option<(String, String)>,
    /// The schema of an object that belongs to no relation, such as a function; a cast has none.
    pub schema: Option<String>,
    /// The relation it needs.
    pub needs: (String, String),
    /// Whether it also needs the relation's rows, as a foreign key does.
    pub needs_rows: bool,
}

/// An extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The schema it lives in.
    pub schema: String,
    /// Its configuration tables, as (schema, name): `pg_dump` carries their rows.
    pub config_tables: Vec<(String, String)>,
}

/// Large objects of a database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeObjects {
    /// How many.
    pub count: u64,
    /// `pg_table_size` of `pg_largeobject`, in bytes.
    pub bytes: u64,
    /// How many of them the connected role may not read.
    pub unreadable: u64,
}

/// The server to migrate to, and the database if it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its server.
    pub server: Server,
    /// The name the database has, or will have.
    pub database_name: String,
    /// The database that other databases are made from: the one to connect to while the target
    /// database does not exist.
    pub maintenance_database: String,
    /// The database, when it exists.
    pub database: Option<TargetDatabase>,
    /// The names of all roles.
    pub roles: BTreeSet<String>,
    /// Roles that the connected role may act as (SET ROLE), of those that exist.
    pub settable_roles: BTreeSet<String>,
    /// Roles that the connected role may grant to others, of those that exist.
    pub grantable_roles: BTreeSet<String>,
    /// Settings that the connected role may set for roles and databases; one of an extension is
    /// here only while that is loaded.
    pub settings: BTreeSet<String>,
    /// Extensions whose default version takes no superuser to install.
    pub trusted_extensions: BTreeSet<String>,
    /// Extensions that can be installed, with every version there is.
    pub available_extensions: BTreeMap<String, BTreeSet<String>>,
    /// Tablespaces.
    pub tablespaces: BTreeSet<String>,
    /// Locales of the operating system (`LC_COLLATE`) that `initdb` found.
    pub locales: BTreeSet<String>,
    /// Whether the server was built with ICU.
    pub icu: bool,
}

impl Target {
    /// Whether `ALTER DATABASE … SET` of this setting will be taken: the version knows it, and the
    /// connected role may. A name with a dot is an extension's, which may be loaded later; a
    /// superuser alone can set it before that.
    pub fn takes_setting(&self, name: &str) -> bool {
        let known = |known: &String| known.eq_ignore_ascii_case(name);
        self.settings.iter().any(known) || self.server.role.superuser && name.contains('.')
    }
}

/// A target database that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetDatabase {
    /// Its OID, which tells it from a later one of the same name.
    pub oid: u32,
    /// Its owner.
    pub owner: String,
    /// Whether the connected role owns it (or is a superuser).
    pub owned: bool,
    /// Encoding and locale.
    pub locale: Locale,
    /// Its other properties, to be put back by an abort.
    pub properties: Database,
    /// User-made objects in it, as `table public.orders`, sorted; at most 20 of them.
    pub objects: Vec<String>,
    /// How many user-made objects there are in all.
    pub object_count: u64,
    /// How many large objects it holds.
    pub large_objects: u64,
    /// Its tables, and whether each holds a row; for `scope: data`.
    pub tables: Vec<TargetTable>,
    /// What it publishes and receives.
    pub streams: Streams,
}

/// A table on the target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TargetTable {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Whether it holds no row of its own, as every partitioned table. A table that the connected
    /// role cannot read in full counts as not empty.
    pub empty: bool,
}

/// The client programs of one PostgreSQL version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Toolset {
    /// The major version, for instance 18.
    pub major: u32,
    /// The full version, for instance `18.4`.
    pub version: String,
    /// The folder that holds `pg_dump` and `pg_restore`.
    pub directory: PathBuf,
}
