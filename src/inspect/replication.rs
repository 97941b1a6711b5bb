//! What a server, a database and a table have for logical replication.
//! It holds plain data alone, a part of the facts a plan is made from.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// How many there may be of something, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The server's setting.
    pub most: u64,
    /// In use when it was asked.
    pub used: u64,
}

impl Share {
    /// How many more there may be.
    pub fn free(self) -> u64 {
        self.most.saturating_sub(self.used)
    }
}

/// A server's settings for replication, and what of them is in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replication {
    /// `wal_level`.
    pub wal_level: String,
    /// `max_replication_slots`.
    pub slots: Share,
    /// `max_wal_senders`.
    pub senders: Share,
    /// `max_logical_replication_workers`.
    pub apply_workers: Share,
    /// Where subscriptions remember how far they are: `max_active_replication_origins` from 18 on,
    /// `max_replication_slots` before.
    pub origins: Share,
    /// `max_worker_processes`, which apply workers are a part of.
    pub worker_processes: u64,
    /// `max_slot_wal_keep_size` in bytes, `None` for no limit.
    pub max_slot_wal_keep_bytes: Option<u64>,
    /// Every slot of the server, whatever its database.
    pub slot_names: BTreeSet<String>,
}

/// What a database publishes and receives, and what the connected role may do about it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streams {
    /// The names of its publications.
    pub publications: BTreeSet<String>,
    /// The names of its subscriptions.
    pub subscriptions: BTreeSet<String>,
    /// Whether the role has CREATE on the database, which publications and subscriptions need.
    pub may_create: bool,
    /// Whether the role owns the database (or is a superuser), and may set its defaults.
    pub owned: bool,
    /// Whether the role sees what the sessions of others are (`pg_read_all_stats`).
    pub sees_sessions: bool,
    /// Prepared transactions of the whole server, with their database: making a slot waits for
    /// each of them.
    pub prepared: Vec<(String, String)>,
    /// Every role of the server.
    pub roles: BTreeSet<String>,
    /// Those of them that are superusers.
    pub superusers: BTreeSet<String>,
    /// Those that log in and have the role's own privileges, without superusers and itself.
    pub members: BTreeSet<String>,
    /// Those that log in and whose own setting, for this database or for all, says that their
    /// transactions write by default: it goes before the database's.
    #[serde(default)]
    pub writing: BTreeSet<String>,
}

/// A trigger that fires for changes that are replicated, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiringTrigger {
    /// Its name.
    pub name: String,
    /// `ENABLE ALWAYS`; otherwise `ENABLE REPLICA`, for replicated changes alone.
    pub always: bool,
}

/// `REPLICA IDENTITY`: what of an old row an update or delete writes to the WAL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentitySetting {
    /// The primary key, if there is one.
    #[default]
    Default,
    /// Nothing.
    Nothing,
    /// The whole row.
    Full,
    /// The columns of one index.
    Index,
}

/// What tells the rows of a table apart, in replication.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The table's setting.
    pub setting: IdentitySetting,
    /// The index that it names; it may have been dropped since.
    pub index: Option<String>,
    /// The primary key's index, if it serves: not deferrable, over no generated column.
    pub primary_key: Option<String>,
    /// Unique indexes that serve: valid, neither partial nor deferrable, over columns that are
    /// NOT NULL and not generated; sorted.
    pub unique_indexes: Vec<String>,
    /// Columns whose type has no equality operator, sorted: with the whole row as identity, the
    /// apply worker fails at them.
    pub incomparable: Vec<String>,
    /// Generated columns, sorted: they are no part of the stream.
    pub generated: Vec<String>,
}

impl Identity {
    /// Whether updates and deletes can be published by a server of this major version, and
    /// applied, as the table is now. An index over a generated column serves nobody: the column is
    /// no part of the stream.
    pub fn is_usable(&self, major: u32) -> bool {
        match self.setting {
            IdentitySetting::Default => self.primary_key.is_some(),
            IdentitySetting::Nothing => false,
            IdentitySetting::Full => self.may_be_full(major),
            IdentitySetting::Index => self
                .index
                .as_ref()
                .is_some_and(|index| self.is_served_by(index)),
        }
    }

    /// Whether an index can be the identity.
    pub fn is_served_by(&self, index: &str) -> bool {
        let mut serving = self.primary_key.iter().chain(&self.unique_indexes);
        serving.any(|one| one == index)
    }

    /// Whether the whole row can be the identity. From 18 on a server refuses updates and deletes
    /// where a generated column is in it; and the target, unless it has a primary key to search
    /// by, has to compare every column.
    pub fn may_be_full(&self, major: u32) -> bool {
        (major < 18 || self.generated.is_empty())
            && (self.incomparable.is_empty() || self.primary_key.is_some())
    }
}

/// Whether one server can reach the other for a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// It connected and could ask for publications.
    Reached,
    /// It could not; its own words, without secrets.
    Unreachable(String),
    /// It could not be asked, because the connected role may not create a subscription there.
    Unasked,
}
