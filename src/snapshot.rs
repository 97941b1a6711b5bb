//! The exported snapshot of the source: one moment that the dump and the counts both see.
//! It is held by a session of this process and never outlives it.

use std::time::Duration;

use tokio_postgres::Client;

use crate::error::{Error, Result};
use crate::postgres::{Conninfo, NO_TIMEOUTS, qualified};

/// Exports the snapshot and says its name.
const EXPORT: &str = "select pg_export_snapshot()";

/// How many tables one statement locks: few enough for its text to stay readable.
const TABLES_PER_STATEMENT: usize = 50;

/// What the session that holds the snapshot sends, in order, for tables of (schema, name). An
/// exported snapshot lives as long as its session, so nothing may time it out.
///
/// The locks come before the snapshot, which the transaction takes with its first query: TRUNCATE
/// and a rewriting ALTER TABLE are not MVCC-safe, and one that committed between a snapshot and
/// the lock of `pg_dump` would show that snapshot an empty table (Caveats of the chapter
/// Concurrency Control).
pub(crate) fn statements(tables: &[(String, String)], lock_timeout: Duration) -> Vec<String> {
    let mut all = vec![
        NO_TIMEOUTS.to_owned(),
        set_lock_timeout(lock_timeout),
        "begin isolation level repeatable read, read only".to_owned(),
    ];
    all.extend(tables.chunks(TABLES_PER_STATEMENT).map(|some| {
        let names: Vec<String> = some.iter().map(|(s, n)| qualified(s, n)).collect();
        let names = names.join(", only ");
        format!("lock table only {names} in access share mode")
    }));
    all.push(EXPORT.to_owned());
    all
}

fn set_lock_timeout(lock_timeout: Duration) -> String {
    format!("set lock_timeout = {}", lock_timeout.as_millis())
}

/// A session that holds an exported snapshot.
pub struct Snapshot {
    client: Client,
    id: String,
    lock_timeout: Duration,
}

impl Snapshot {
    /// Exports a snapshot of the source by [`statements`], of which the last says its name.
    ///
    /// # Errors
    /// Whatever the server says.
    pub(crate) async fn export(
        source: &Conninfo,
        tables: &[(String, String)],
        lock_timeout: Duration,
    ) -> Result<Self> {
        let client = source.connect().await?;
        let statements = statements(tables, lock_timeout);
        let (export, before) = statements.split_last().expect("the last one exports");
        for sql in before {
            client.batch_execute(sql).await?;
        }
        let id = client.query_one(export, &[]).await?.try_get(0)?;
        Ok(Self {
            client,
            id,
            lock_timeout,
        })
    }

    /// The snapshot's name, for `pg_dump --snapshot` and `set transaction snapshot`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether the session still lives.
    pub fn is_alive(&self) -> bool {
        !self.client.is_closed()
    }

    /// Opens another session that sees the same moment.
    ///
    /// # Errors
    /// When the snapshot is gone, because the session that holds it was ended.
    pub async fn join(&self, source: &Conninfo) -> Result<Client> {
        if !self.is_alive() {
            return Err(gone());
        }
        let client = source.connect_untimed().await?;
        // An ALTER TABLE that waits for the snapshot's locks stands in the way of every later one:
        // to wait without end would be to wait for ourselves, which the server cannot see.
        client
            .batch_execute(&set_lock_timeout(self.lock_timeout))
            .await?;
        client
            .batch_execute("begin isolation level repeatable read, read only")
            .await?;
        client
            .batch_execute(&format!("set transaction snapshot '{}'", self.id))
            .await?;
        client.batch_execute("savepoint unlocked").await?;
        Ok(client)
    }
}

/// Gives back what a session that joined a snapshot has locked since, and stays under it.
///
/// # Errors
/// Whatever the server says.
pub(crate) async fn give_back_locks(joined: &Client) -> Result<()> {
    Ok(joined
        .batch_execute("rollback to savepoint unlocked")
        .await?)
}

fn gone() -> Error {
    Error::failed(
        "the session that held the snapshot of the source was ended",
        "Run `pg_dbmigrator apply` again: the copy starts over under a new snapshot.",
    )
}
