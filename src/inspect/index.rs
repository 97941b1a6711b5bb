//! Indexes of the source's tables as facts, complete enough to be made again.
//! It asks nothing: the query is in `sql/indexes.sql`.

use serde::{Deserialize, Serialize};

/// An index of a table, with the constraint that it is made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Its OID, by which a dump's table of contents calls it.
    pub oid: u32,
    /// The schema of the table, and so its own.
    pub schema: String,
    /// The table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// `pg_get_indexdef`.
    pub definition: String,
    /// Its access method, for instance `btree`.
    pub method: String,
    /// Its size, in bytes.
    pub bytes: u64,
    /// Its tablespace, where it is not the database's own.
    pub tablespace: Option<String>,
    /// Whether the table has been clustered on it.
    pub clustered: bool,
    /// Whether it is the table's replica identity.
    pub replica_identity: bool,
    /// Statistics targets, as (column number, target).
    pub statistics: Vec<(i16, i32)>,
    /// The constraint.
    pub constraint: Option<IndexConstraint>,
}

/// A primary key, unique or exclusion constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexConstraint {
    /// Its OID.
    pub oid: u32,
    /// Its name.
    pub name: String,
    /// `primary key` or `unique`, where it can be made from the index; an exclusion constraint and
    /// one WITHOUT OVERLAPS (18) make their index themselves.
    pub using_index: Option<String>,
    /// `pg_get_constraintdef`.
    pub definition: String,
    /// DEFERRABLE.
    pub deferrable: bool,
    /// INITIALLY DEFERRED.
    pub deferred: bool,
    /// Storage parameters of the index, for instance `fillfactor=70`, which the definition leaves
    /// out.
    pub storage: Vec<String>,
}
