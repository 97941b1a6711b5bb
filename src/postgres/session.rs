//! A session of a server, told from every other that there ever was: a process number alone is given
//! to another one some day. It never looks at what a session does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use crate::error::Result;

/// Asks which session this is.
const OWN: &str = "select pid, (extract(epoch from backend_start) * 1000000)::bigint \
    from pg_stat_activity where pid = pg_backend_pid()";

/// Asks whether a session is there.
const IS_THERE: &str = "select exists (select from pg_stat_activity \
    where pid = $1 and (extract(epoch from backend_start) * 1000000)::bigint = $2)";

/// Has a session end, if it is there.
const END: &str = "select pg_terminate_backend(pid) from pg_stat_activity \
    where pid = $1 and (extract(epoch from backend_start) * 1000000)::bigint = $2";

/// A session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Its backend.
    pid: i32,
    /// When it began, in microseconds since 1970.
    began: i64,
}

impl Session {
    /// When it began.
    pub(crate) fn since(&self) -> Timestamp {
        Timestamp::from_microsecond(self.began).unwrap_or(Timestamp::MIN)
    }

    /// The session of a connection.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) async fn of(client: &Client) -> Result<Self> {
        let row = client.query_one(OWN, &[]).await?;
        Ok(Self {
            pid: row.try_get(0)?,
            began: row.try_get(1)?,
        })
    }

    /// Whether it is still there; `client` is another one of the same server.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) async fn is_there(&self, client: &Client) -> Result<bool> {
        let Self { pid, began } = self;
        Ok(client
            .query_one(IS_THERE, &[pid, began])
            .await?
            .try_get(0)?)
    }

    /// Asks the server to end it, and returns whether it was still there.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) async fn ask_to_end(&self, client: &Client) -> Result<bool> {
        let Self { pid, began } = self;
        Ok(!client.query(END, &[pid, began]).await?.is_empty())
    }
}
