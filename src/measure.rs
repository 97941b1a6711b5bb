//! What a database holds, in numbers: rows and row hashes, sequences, large objects.
//! It builds the SQL and reads the answers; it compares nothing and changes nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use crate::effect::{LargeObjectMeasure, Measure, TableRows};
use crate::error::Result;
use crate::inspect::RowHash;
use crate::postgres::{qualified, quote_identifier, quote_literal};

/// How often each table was written to, by PostgreSQL's own statistics: enough to say that a
/// source was not quiet, not enough to say that it was.
pub(crate) const WRITES: &str = "select schemaname, relname, n_tup_ins + n_tup_upd + n_tup_del \
                          from pg_stat_user_tables order by 1, 2";

/// Settings under which text forms of the same value are the same text everywhere.
pub(crate) const SETTINGS: &[&str] = &[
    "set search_path = pg_catalog",
    "set row_security = off",
    "set timezone = 'UTC'",
    "set datestyle = 'ISO, YMD'",
    "set intervalstyle = 'postgres'",
    "set extra_float_digits = 3",
    "set bytea_output = 'hex'",
    "set xmloption = 'content'",
    "set lc_monetary = 'C'",
];

/// How many tables are counted by one statement: few enough for its text to stay readable and
/// the lock table to stay small, many enough that 5,000 tables are not 5,000 round trips.
const TABLES_PER_STATEMENT: usize = 50;

/// The numbers of one database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// By table: rows, and the hash where one was asked for.
    pub tables: BTreeMap<String, Rows>,
    /// By sequence.
    pub sequences: BTreeMap<String, SequenceState>,
    /// Large objects.
    pub large_objects: Option<Rows>,
    /// By table: rows written since the server's statistics began.
    #[serde(default)]
    pub writes: BTreeMap<String, i64>,
}

/// How many rows there are, and what they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rows {
    /// The number of rows.
    pub rows: i64,
    /// The sum of a 64-bit hash over every row: independent of order, and different when a row is
    /// there twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// Where a sequence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SequenceState {
    /// `last_value`.
    pub last_value: i64,
    /// Whether `last_value` was already given out.
    pub is_called: bool,
}

/// Every statement that measuring sends, in order.
pub(crate) fn statements(measure: &Measure) -> Vec<String> {
    let Measure {
        tables,
        sequences,
        large_objects,
    } = measure;
    let mut all: Vec<String> = tables
        .chunks(TABLES_PER_STATEMENT)
        .map(table_statement)
        .collect();
    all.extend(
        sequences
            .chunks(TABLES_PER_STATEMENT)
            .map(sequence_statement),
    );
    all.extend(large_objects.map(|how| large_object_statement(how).to_owned()));
    all
}

/// Measures over a connection, inside whatever transaction it is in.
///
/// # Errors
/// Whatever the server says; a table that cannot be read is an error, never a zero.
pub(crate) async fn measure(client: &Client, measure: &Measure) -> Result<Measured> {
    let Measure {
        tables,
        sequences,
        large_objects,
    } = measure;
    let mut measured = Measured::default();
    for chunk in tables.chunks(TABLES_PER_STATEMENT) {
        for row in client.query(&table_statement(chunk), &[]).await? {
            let rows = Rows {
                rows: row.try_get(1)?,
                hash: row.try_get(2)?,
            };
            measured.tables.insert(row.try_get(0)?, rows);
        }
    }
    for chunk in sequences.chunks(TABLES_PER_STATEMENT) {
        for row in client.query(&sequence_statement(chunk), &[]).await? {
            let state = SequenceState {
                last_value: row.try_get(1)?,
                is_called: row.try_get(2)?,
            };
            measured.sequences.insert(row.try_get(0)?, state);
        }
    }
    if let Some(how) = large_objects {
        let row = client.query_one(large_object_statement(*how), &[]).await?;
        measured.large_objects = Some(Rows {
            rows: row.try_get(0)?,
            hash: row.try_get(1)?,
        });
    }
    Ok(measured)
}

/// How often each table was written to so far.
///
/// # Errors
/// Whatever the server says.
pub(crate) async fn writes(client: &Client) -> Result<BTreeMap<String, i64>> {
    let mut writes = BTreeMap::new();
    for row in client.query(WRITES, &[]).await? {
        let (schema, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        writes.insert(
            format!("{schema}.{name}"),
            row.try_get::<_, Option<i64>>(2)?.unwrap_or(0),
        );
    }
    Ok(writes)
}

/// `only`, because partitions and children are counted as tables of their own.
fn table_statement(tables: &[TableRows]) -> String {
    let selects = tables.iter().map(
        |TableRows {
             schema,
             name,
             hash,
             columns,
         }| {
            let row = columns
                .iter()
                .map(|name| quote_identifier(name))
                .collect::<Vec<_>>()
                .join(", ");
            let hash = match hash {
                None => "null".to_owned(),
                Some(RowHash::Record) => format!("sum(hash_record_extended(row({row}), 0))::text"),
                Some(RowHash::Text) => {
                    format!("sum(hashtextextended(row({row})::text collate \"C\", 0))::text")
                }
            };
            let label = quote_literal(&format!("{schema}.{name}"));
            format!(
                "select {label}, count(*), {hash} from only {}",
                qualified(schema, name)
            )
        },
    );
    selects.collect::<Vec<_>>().join(" union all ")
}

/// Reads the relation itself: `pg_sequences` shows NULL for a sequence that was never called.
fn sequence_statement(sequences: &[(String, String)]) -> String {
    let selects = sequences.iter().map(|(schema, name)| {
        let label = quote_literal(&format!("{schema}.{name}"));
        format!(
            "select {label}, last_value, is_called from {}",
            qualified(schema, name)
        )
    });
    selects.collect::<Vec<_>>().join(" union all ")
}

fn large_object_statement(how: LargeObjectMeasure) -> &'static str {
    match how {
        LargeObjectMeasure::Counts => "select count(*), null::text from pg_largeobject_metadata",
        LargeObjectMeasure::Content => {
            "select count(*), sum(hashtextextended(oid || ' ' || md5(lo_get(oid)), 0))::text \
             from pg_largeobject_metadata"
        }
    }
}
