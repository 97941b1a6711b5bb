//! What a database holds, in numbers: rows and row hashes, sequences, large objects.
//! It builds the SQL and reads the answers; it compares nothing and changes nothing.

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use tokio_postgres::{Client, Row};

use crate::effect::{LargeObjectMeasure, Measure, TableRows};
use crate::error::{Error, Result};
use crate::inspect::RowHash;
use crate::postgres::{full_name, qualified, quote_identifier, quote_literal};
use crate::snapshot;

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

/// Begins a transaction under [`SETTINGS`], whatever those of the database are: `02/03/2024` is two
/// dates. For the transaction alone, because the session is kept.
pub(crate) fn begin() -> String {
    let settings = SETTINGS.iter();
    let settings = settings.map(|set| set.replacen("set ", "set local ", 1));
    format!("begin; {}", settings.collect::<Vec<_>>().join("; "))
}

/// How many tables are counted by one statement: few enough for its text to stay readable and
/// the lock table to stay small, many enough that 5,000 tables are not 5,000 round trips.
const TABLES_PER_STATEMENT: usize = 50;

/// From this size on a table is counted by a statement of its own, so that large ones run side by
/// side.
const LARGE_BYTES: u64 = 64 * 1024 * 1024;

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

/// A statement that measures, and what its rows are about.
struct Statement {
    about: About,
    sql: String,
}

#[derive(Clone, Copy)]
enum About {
    Tables,
    Sequences,
    LargeObjects,
}

/// A hash over a large object, 64 MiB at a time: a value of more than 1 GiB cannot be made, and a
/// large object may have 4 TiB. Each part's hash goes into the next.
const CONTENT: &str = "(with recursive part (number, hash, more) as (
    select 0::bigint, md5(bytes), length(bytes) = 67108864 from lo_get(oid, 0, 67108864) bytes
    union all
    select number + 1, md5(hash || md5(bytes)), length(bytes) = 67108864
    from part, lo_get(oid, (number + 1) * 67108864, 67108864) bytes
    where more
) select hash from part order by number desc limit 1)";

/// Every statement that measuring sends.
pub(crate) fn statements(measure: &Measure) -> Vec<String> {
    let statements = prepared(measure).into_iter();
    statements.map(|statement| statement.sql).collect()
}

fn prepared(measure: &Measure) -> Vec<Statement> {
    let Measure {
        tables,
        sequences,
        large_objects,
        jobs: _,
    } = measure;
    let (large, small): (Vec<&TableRows>, Vec<&TableRows>) =
        tables.iter().partition(|table| table.bytes >= LARGE_BYTES);
    let of = |about| move |sql| Statement { about, sql };
    let large = large.chunks(1).map(table_statement);
    let small = small.chunks(TABLES_PER_STATEMENT).map(table_statement);
    let sequences = sequences
        .chunks(TABLES_PER_STATEMENT)
        .map(sequence_statement);
    let objects = large_objects.map(large_object_statement).into_iter();
    large
        .chain(small)
        .map(of(About::Tables))
        .chain(sequences.map(of(About::Sequences)))
        .chain(objects.map(of(About::LargeObjects)))
        .collect()
}

/// Measures over several connections side by side.
///
/// # Errors
/// Whatever the server says; a table that cannot be read is an error, never a zero.
pub(crate) async fn measure(clients: &[Client], measure: &Measure) -> Result<Measured> {
    measure_in(clients, measure, false).await
}

/// Measures over connections that joined a snapshot. The locks of every statement are
/// given back after it: those of thousands of tables, with their indexes, do not fit into the
/// server's lock table beside those of `pg_dump`.
///
/// # Errors
/// Whatever the server says; a table that cannot be read is an error, never a zero.
pub(crate) async fn measure_in_snapshot(clients: &[Client], measure: &Measure) -> Result<Measured> {
    measure_in(clients, measure, true).await
}

async fn measure_in(clients: &[Client], measure: &Measure, snapshot: bool) -> Result<Measured> {
    let waiting = Mutex::new(prepared(measure).into_iter());
    let measured = Mutex::new(Measured::default());
    let next = || waiting.lock().expect("no holder panics").next();
    let work = clients.iter().map(async |client| {
        while let Some(Statement { about, sql }) = next() {
            let rows = client.query(&sql, &[]).await?;
            if snapshot {
                snapshot::give_back_locks(client).await?;
            }
            let mut measured = measured.lock().expect("no holder panics");
            rows.iter().try_for_each(|row| measured.add(about, row))?;
        }
        Ok::<(), Error>(())
    });
    try_join_all(work).await?;
    Ok(measured.into_inner().expect("no holder panics"))
}

impl Measured {
    fn add(&mut self, about: About, row: &Row) -> Result<()> {
        let name: String = row.try_get(0)?;
        match about {
            About::Tables => {
                self.tables.insert(name, Rows::read(row)?);
            }
            About::LargeObjects => self.large_objects = Some(Rows::read(row)?),
            About::Sequences => {
                let state = SequenceState {
                    last_value: row.try_get(1)?,
                    is_called: row.try_get(2)?,
                };
                self.sequences.insert(name, state);
            }
        }
        Ok(())
    }
}

impl Rows {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            rows: row.try_get(1)?,
            hash: row.try_get(2)?,
        })
    }
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
            full_name(&schema, &name),
            row.try_get::<_, Option<i64>>(2)?.unwrap_or(0),
        );
    }
    Ok(writes)
}

/// `only`, because partitions and children are counted as tables of their own.
fn table_statement(tables: &[&TableRows]) -> String {
    let selects = tables.iter().map(
        |TableRows {
             schema,
             name,
             hash,
             columns,
             bytes: _,
             refreshed: _,
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
            let label = quote_literal(&full_name(schema, name));
            format!(
                "select {label}, count(*), {hash} from only {}",
                qualified(schema, name)
            )
        },
    );
    selects.collect::<Vec<_>>().join("\nunion all ")
}

/// Reads the relation itself: `pg_sequences` shows NULL for a sequence that was never called.
fn sequence_statement(sequences: &[(String, String)]) -> String {
    let selects = sequences.iter().map(|(schema, name)| {
        let label = quote_literal(&full_name(schema, name));
        format!(
            "select {label}, last_value, is_called from {}",
            qualified(schema, name)
        )
    });
    selects.collect::<Vec<_>>().join("\nunion all ")
}

/// Privileges as they are in effect: after a restore, PostgreSQL's defaults are not spelled out.
fn large_object_statement(how: LargeObjectMeasure) -> String {
    let LargeObjectMeasure {
        content,
        properties,
    } = how;
    let mut parts = vec!["oid"];
    if content {
        parts.push(CONTENT);
    }
    if properties {
        parts.push("obj_description(oid, 'pg_largeobject')");
        parts.push("pg_get_userbyid(lomowner)");
        parts.push(
            "(select string_agg(acl::text, ' ' order by acl::text collate \"C\") \
             from unnest(coalesce(lomacl, acldefault('L', lomowner))) acl)",
        );
    }
    format!(
        "select 'large objects', count(*), sum(hashtextextended(concat_ws(' ', {}), 0))::text \
         from pg_largeobject_metadata",
        parts.join(", ")
    )
}
