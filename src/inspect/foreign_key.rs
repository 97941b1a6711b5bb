//! Foreign keys of the source's tables as facts, complete enough to be made again.
//! It asks nothing: the query is in `sql/foreign_keys.sql`.

use serde::{Deserialize, Serialize};

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Its OID, by which a dump's table of contents calls it.
    pub oid: u32,
    /// The schema of the table.
    pub schema: String,
    /// The table that it constrains.
    pub table: String,
    /// Its name.
    pub name: String,
    /// `pg_get_constraintdef`: with NOT VALID where it is not valid, and NOT ENFORCED (18) where it
    /// is not enforced.
    pub definition: String,
    /// Whether every row is known to obey it.
    pub validated: bool,
    /// Whether the table that it constrains is partitioned.
    pub of_partitioned: bool,
    /// Whether the table that it refers to is partitioned.
    pub to_partitioned: bool,
}
