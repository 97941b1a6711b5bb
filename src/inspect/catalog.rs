//! How the catalogs are asked: one consistent snapshot, and rows that become facts by name.
//! It never writes: its transactions are READ ONLY and are never committed to anything.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::facts::{ConnectedRole, Server};
use super::replication::Replication;
use crate::error::{Error, Result};

/// The oldest server whose catalogs are understood.
const OLDEST_VERSION_NUM: u32 = 130_000;

/// How long to wait for a lock where no user's table is asked for one.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// `pg_catalog` alone on the search path: no user's object can stand in for a catalog, and
/// PostgreSQL qualifies every name that it prints. Times are told alike whatever the server's zone.
const BEGIN: &str = "
    begin isolation level repeatable read, read only;
    set local search_path to pg_catalog;
    set local timezone to 'UTC';
    set local datestyle to 'ISO';
    set local jit to off;
    set local statement_timeout to '5min';
    set local idle_in_transaction_session_timeout to 0;
";

/// One READ ONLY transaction, in which all answers are of one moment.
pub(super) struct Catalog<'a> {
    client: &'a Client,
    /// What the server is called for people.
    place: &'a str,
    server: ServerRow,
}

#[derive(Debug, Clone, Deserialize)]
struct ServerRow {
    system_identifier: String,
    version_num: u32,
    version: String,
    role: ConnectedRole,
    lock_slots: u64,
    max_locks_per_transaction: u64,
    free_connections: u64,
    in_recovery: bool,
    replication: Replication,
}

impl<'a> Catalog<'a> {
    /// Begins the transaction at the server that people call `place`. `pg_relation_size` takes a lock for
    /// a moment, and must not wait for ever behind an ALTER TABLE: `lock_timeout` is how long. The
    /// version is asked first of all: an older server would answer with an error about a column.
    ///
    /// # Errors
    ///
    /// When the server is older than 13, or does not answer.
    pub(super) async fn open(
        client: &'a Client,
        place: &'a str,
        lock_timeout: Duration,
    ) -> Result<Self> {
        refuse_old(client, place).await?;
        let lock_timeout = lock_timeout.as_millis();
        client
            .batch_execute(&format!("{BEGIN}set local lock_timeout to {lock_timeout};"))
            .await?;
        match ask_one(client, include_str!("sql/server.sql")).await {
            Ok(server) => Ok(Self {
                client,
                place,
                server,
            }),
            Err(error) => {
                end(client).await?;
                Err(unread(error, place))
            }
        }
    }

    /// Every row of a query, each made into a `T` whose fields are named as the columns.
    ///
    /// # Errors
    ///
    /// When the server refuses the query.
    pub(super) async fn all<T: DeserializeOwned>(&self, query: &str) -> Result<Vec<T>> {
        let found = ask(self.client, query).await;
        found.map_err(|error| unread(error, self.place))
    }

    /// The one row of a query.
    ///
    /// # Errors
    ///
    /// When the server refuses the query, or it has no row.
    pub(super) async fn one<T: DeserializeOwned>(&self, query: &str) -> Result<T> {
        let found = ask_one(self.client, query).await;
        found.map_err(|error| unread(error, self.place))
    }

    /// Ends the transaction, whatever became of the questions, and gives `found` back.
    ///
    /// # Errors
    ///
    /// The error in `found`, or that the server did not answer.
    pub(super) async fn close<T>(self, found: Result<T>) -> Result<T> {
        let ended = end(self.client).await;
        found.and_then(|found| ended.map(|()| found))
    }

    /// The server.
    pub(super) fn server(&self) -> Server {
        let row = self.server.clone();
        Server {
            place: self.place.to_owned(),
            system_identifier: row.system_identifier,
            version_num: row.version_num,
            version: row.version,
            role: row.role,
            lock_slots: row.lock_slots,
            max_locks_per_transaction: row.max_locks_per_transaction,
            free_connections: row.free_connections,
            in_recovery: row.in_recovery,
            replication: row.replication,
        }
    }
}

async fn end(client: &Client) -> Result<()> {
    Ok(client.batch_execute("rollback").await?)
}

async fn refuse_old(client: &Client, place: &str) -> Result<()> {
    let row = client
        .query_one(
            "select current_setting('server_version_num'), version()",
            &[],
        )
        .await?;
    let version_num: u32 = row
        .try_get::<_, &str>(0)?
        .parse()
        .expect("server_version_num is a number");
    if version_num >= OLDEST_VERSION_NUM {
        return Ok(());
    }
    Err(Error::refused(
        format!("the server at {place} is older than PostgreSQL 13"),
        "Upgrade it to 13 or later first, or migrate with pg_dump by hand.",
    )
    .because(row.try_get::<_, &str>(1)?))
}

async fn ask_one<T: DeserializeOwned>(client: &Client, query: &str) -> Result<T> {
    let mut rows = ask(client, query).await?;
    rows.pop().ok_or_else(|| {
        Error::failed(
            "a server's catalog has no row where there is always one",
            "Check that the database was not dropped in this moment, then run the command again.",
        )
    })
}

/// Rows travel as JSON text, so that a query's column names are its whole agreement with a fact.
pub(super) async fn ask<T: DeserializeOwned>(client: &Client, query: &str) -> Result<Vec<T>> {
    let as_json = format!("select row_to_json(answer)::text from (\n{query}\n) answer");
    let rows = client.query(&as_json, &[]).await.map_err(refused)?;
    rows.iter()
        .map(|row| {
            let json = row.try_get::<_, &str>(0)?;
            serde_json::from_str(json).map_err(|error| unexpected(&error))
        })
        .collect()
}

/// A role has its name in the encoding of the database it was made in, and every database of the
/// server reads it as its own: one that it makes no sense in cannot be read, by pg_dump neither.
fn refused(error: tokio_postgres::Error) -> Error {
    let untold = [
        SqlState::CHARACTER_NOT_IN_REPERTOIRE,
        SqlState::UNTRANSLATABLE_CHARACTER,
    ];
    if !error.code().is_some_and(|code| untold.contains(code)) {
        return error.into();
    }
    Error::refused(
        "a name in a server's catalogs cannot be told in UTF-8",
        "Most often it is a role's with letters outside ASCII, given in a database of another \
         encoding. Rename it there: `alter role … rename to …`.",
    )
    .because(Error::from(error).causes().join("; "))
}

fn unread(error: Error, place: &str) -> Error {
    error.about(format!("the catalogs at {place} could not be read"))
}

fn unexpected(error: &serde_json::Error) -> Error {
    Error::failed(
        "a server's catalog holds something that this version of pg_dbmigrator does not know",
        "Report it with the version of the server, which may be newer than pg_dbmigrator.",
    )
    .because(error)
}
