//! The rates that estimates are made with: seconds, unless they say otherwise. They decide nothing.
//!
//! Measured in November 2026 with the data set of `benches/offline.sh` (pgbench's tables, and events
//! with jsonb, uuid, numeric, timestamptz and three btree indexes), PostgreSQL 15, as the CPU time of
//! single server processes. Both servers and this program shared two cores; no disk and no network
//! held them up.

/// Cores that all of it shares: two, less what background processes and the kernel take for it.
pub(super) const CORES: f64 = 1.75;

/// Time by rows and by bytes.
pub(super) struct Rate {
    row: f64,
    byte: f64,
}

impl Rate {
    /// The time for so many.
    pub(super) fn of(&self, rows: f64, bytes: f64) -> f64 {
        rows * self.row + bytes * self.byte
    }
}

/// COPY TO STDOUT, by bytes of the table on disk.
pub(super) const TEXT_OUT: Rate = Rate {
    row: 0.15e-6,
    byte: 3.6e-9,
};
pub(super) const BINARY_OUT: Rate = Rate {
    row: 0.15e-6,
    byte: 3.0e-9,
};
/// COPY FROM STDIN into a table without indexes.
pub(super) const TEXT_IN: Rate = Rate {
    row: 0.3e-6,
    byte: 8.0e-9,
};
pub(super) const BINARY_IN: Rate = Rate {
    row: 0.3e-6,
    byte: 5.1e-9,
};
/// What carries it from the one to the other.
pub(super) const CARRIED_BYTE: f64 = 0.8e-9;
/// A table's own part: TRUNCATE, two commands, their answers.
pub(super) const COPY: f64 = 0.003;
/// Bytes of a row, where nobody knows how many there are.
pub(super) const ROW_BYTES: f64 = 130.0;

/// zlib at level 1, and for each level more.
pub(super) const COMPRESS_BYTE: f64 = 11e-9;
pub(super) const COMPRESS_LEVEL_BYTE: f64 = 4e-9;
/// Its reverse.
pub(super) const DECOMPRESS_BYTE: f64 = 2.5e-9;

/// Reading a table that is in memory.
pub(super) const READ_BYTE: f64 = 0.3e-9;
/// Sorting for a btree, and writing it.
pub(super) const BTREE_ROW: f64 = 0.2e-6;
pub(super) const BTREE_BYTE: f64 = 8e-9;
pub(super) const HASH_BYTE: f64 = 35e-9;
pub(super) const BRIN_ROW: f64 = 0.08e-6;
/// GIN's time goes by what is in the column, of which only the table's size tells.
pub(super) const GIN_TABLE_BYTE: f64 = 25e-9;
pub(super) const GIN_BYTE: f64 = 60e-9;
/// GiST and SP-GiST, and those of extensions.
pub(super) const GIST_ROW: f64 = 2e-6;
pub(super) const GIST_BYTE: f64 = 20e-9;
/// From this size on PostgreSQL has several processes build a btree, which are so much faster.
pub(super) const SHARED_FROM_BYTES: f64 = 64e6;
pub(super) const SHARED_BY: f64 = 1.6;

/// Looking up the other side of a foreign key.
pub(super) const FOREIGN_KEY_ROW: f64 = 0.4e-6;
/// Running a materialized view's query, by the bytes of what comes of it.
pub(super) const REFRESH_BYTE: f64 = 30e-9;
/// Making a large object, with its owner and privileges.
pub(super) const LARGE_OBJECT: f64 = 0.12e-3;
pub(super) const LARGE_OBJECT_BYTE: f64 = 20e-9;

/// `count(*)`; and `hash_record_extended`, or a hash of the row's text, of every row.
pub(super) const COUNT_ROW: f64 = 0.05e-6;
pub(super) const HASH_RECORD_ROW: f64 = 0.4e-6;
pub(super) const HASH_TEXT_ROW: f64 = 1.8e-6;
pub(super) const COUNT_TABLE: f64 = 0.05e-3;

/// ANALYZE: rows that are sampled of a table with the default statistics target.
pub(super) const SAMPLE: f64 = 30_000.0;
pub(super) const ANALYZE_ROW: f64 = 0.5e-6;
pub(super) const ANALYZE_VALUE: f64 = 1.2e-6;
pub(super) const ANALYZE_TABLE: f64 = 1e-3;

/// Two lines of the journal, each on disk before the next thing happens.
pub(super) const STEP: f64 = 0.01;
/// Opening a session, or two.
pub(super) const CONNECT: f64 = 0.01;
/// A statement that does next to nothing.
pub(super) const STATEMENT: f64 = 0.5e-3;
/// A question across both servers that is asked until the answer is yes.
pub(super) const ROUND: f64 = 0.05;
/// Making a database from `template0`.
pub(super) const CREATE_DATABASE: f64 = 0.15;
/// Starting the process that keeps a snapshot.
pub(super) const SNAPSHOT: f64 = 0.1;
/// Locking a table.
pub(super) const LOCK: f64 = 0.02e-3;
/// Moving a sequence.
pub(super) const SEQUENCE: f64 = 0.3e-3;
/// `pg_dump` without rows, and for each object.
pub(super) const DUMP: f64 = 0.25;
pub(super) const DUMP_OBJECT: f64 = 0.06e-3;
/// `pg_restore` without rows, and for each object that comes before them.
pub(super) const RESTORE: f64 = 0.05;
pub(super) const RESTORE_OBJECT: f64 = 0.25e-3;
/// Reading the definitions of a side, and comparing them.
pub(super) const FINGERPRINT: f64 = 0.3;
pub(super) const FINGERPRINT_OBJECT: f64 = 0.1e-3;
