//! Who holds a table so that nobody else may look at it, when a question waited in vain.
//! It ends nobody's session, and never repeats what a session's statement says.

use std::time::Duration;

use serde::Deserialize;
use tokio_postgres::Client;

use super::catalog::Catalog;
use crate::error::{Error, Result};
use crate::postgres::quote_literal;
use crate::report::duration;

/// SQLSTATE lock_not_available.
const LOCK_NOT_AVAILABLE: &str = "55P03";

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct HolderRow {
    pid: Option<i32>,
    /// The name of a prepared transaction.
    gid: Option<String>,
    user: String,
    table: String,
    /// Whether it has the lock, or waits for it.
    granted: bool,
    /// `None` where the connected role may not see it.
    age_secs: Option<u64>,
    query_start: Option<String>,
}

/// The error, or a better one where it is that a lock was not to be had in time.
pub async fn named(error: Error, client: &Client, place: &str, waited: Duration) -> Error {
    if !error.has_sqlstate(LOCK_NOT_AVAILABLE) {
        return error;
    }
    let holders = holders(client, place, waited).await.unwrap_or_default();
    let next = match holders.first() {
        None => "It was let go of meanwhile: run the same command again.".to_owned(),
        Some(first) => format!(
            "Wait for that to end, or end it with `{}` on the source, then run the same command \
             again. thresholds.lock_timeout is how long is waited.",
            first.ending()
        ),
    };
    let what = format!(
        "a table at {place} is locked, and was not let go of within {}",
        duration(waited.as_secs_f64())
    );
    holders
        .iter()
        .map(sentence)
        .fold(Error::failed(what, next), Error::because)
}

impl HolderRow {
    /// The statement that ends it.
    fn ending(&self) -> String {
        match (self.pid, &self.gid) {
            (Some(pid), _) => format!("select pg_terminate_backend({pid})"),
            (None, gid) => {
                let gid = gid.as_deref().unwrap_or_default();
                format!("rollback prepared {}", quote_literal(gid))
            }
        }
    }
}

async fn holders(client: &Client, place: &str, waited: Duration) -> Result<Vec<HolderRow>> {
    let catalog = Catalog::open(client, place, waited).await?;
    let found = catalog.all(include_str!("sql/lock_holders.sql")).await;
    let mut found: Vec<HolderRow> = catalog.close(found).await?;
    found.sort();
    Ok(found)
}

fn sentence(holder: &HolderRow) -> String {
    let HolderRow {
        pid,
        gid,
        user,
        table,
        granted,
        age_secs,
        query_start,
    } = holder;
    let who = match (pid, gid) {
        (Some(pid), _) => format!("process {pid}"),
        (None, gid) => format!(
            "prepared transaction {}",
            gid.as_deref().unwrap_or_default()
        ),
    };
    let does = match granted {
        true => "holds",
        false => "waits, with everyone else behind it, to lock",
    };
    let mut text = format!("{who} of user {user} {does} {table} (AccessExclusiveLock)");
    if let Some(age) = age_secs {
        let age = duration(Duration::from_secs(*age).as_secs_f64());
        text.push_str(&format!(", in a transaction that began {age} ago"));
    }
    if let Some(start) = query_start {
        text.push_str(&format!(", with a statement of {start}"));
    }
    text
}
