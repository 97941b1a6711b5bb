//! The exported snapshot of the source: one moment that the dump and the counts both see.
//! It is held by a session of this process and never outlives it.

use tokio_postgres::Client;

use crate::error::{Error, Result};
use crate::postgres::{Conninfo, NO_TIMEOUTS};

/// What the session that holds the snapshot sends, in order. An exported snapshot lives as long
/// as its session, so nothing may time it out.
pub(crate) const STATEMENTS: &[&str] = &[
    NO_TIMEOUTS,
    "begin isolation level repeatable read, read only",
    "select pg_export_snapshot()",
];

/// A session that holds an exported snapshot.
pub struct Snapshot {
    client: Client,
    id: String,
}

impl Snapshot {
    /// Exports a snapshot of the source.
    ///
    /// # Errors
    /// Whatever the server says.
    pub async fn export(source: &Conninfo) -> Result<Self> {
        let client = source.connect().await?;
        let [settings @ .., export] = STATEMENTS else {
            unreachable!("there are statements")
        };
        for sql in settings {
            client.batch_execute(sql).await?;
        }
        let id = client.query_one(*export, &[]).await?.try_get(0)?;
        Ok(Self { client, id })
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
