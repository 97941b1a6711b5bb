//! One connection of the application, and what the errors on it mean to the application.
//! Never asks the server whether it would take a write: a commit is the only proof.

use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::error::{DbError, Severity, SqlState};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

/// How long the application waits for an answer before it gives the connection up: longer than a
/// healthy server takes, shorter than the tests wait.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it waits for a new connection.
const PATIENCE_CONNECTING: Duration = Duration::from_secs(2);

/// An open connection; its socket is closed when it is dropped, whatever was asked.
pub(super) struct Connection {
    client: Client,
    driver: AbortHandle,
}

/// Why a statement or a connection failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// The SQLSTATE, or a few words where the server did not send one.
    pub(super) code: String,
    /// The server's own words.
    pub(super) message: String,
    /// Whether the server has said that the statement failed and that the session goes on.
    pub(super) alive: bool,
}

impl Connection {
    /// Connects as the application.
    pub(super) async fn open(url: &str) -> Result<Self, Failure> {
        let mut config: Config = url.parse().expect("the test made the URL");
        config.application_name("ledger");
        let connecting = timeout(PATIENCE_CONNECTING, config.connect(NoTls));
        let (client, driver) = connecting
            .await
            .map_err(|_| Failure::silence())?
            .map_err(|error| Failure::of(&error))?;
        let driver = tokio::spawn(async {
            // Whoever waits for an answer learns of the error too.
            driver.await.unwrap_or_default();
        });
        Ok(Self {
            client,
            driver: driver.abort_handle(),
        })
    }

    /// Sends one or more statements, and waits until all are done; the last value of the last row,
    /// if any statement returned one.
    pub(super) async fn say(&self, sql: &str) -> Result<Option<i64>, Failure> {
        let answer = timeout(PATIENCE, self.client.simple_query(sql));
        let answer = answer
            .await
            .map_err(|_| Failure::silence())?
            .map_err(|error| Failure::of(&error))?;
        let rows = answer.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        Ok(rows.last().and_then(|value| value.parse().ok()))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Failure {
    fn of(error: &tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else {
            return Self {
                code: "connection lost".to_owned(),
                message: error.to_string(),
                alive: false,
            };
        };
        Self {
            code: said.code().code().to_owned(),
            message: said.to_string(),
            alive: is_survived(said),
        }
    }

    fn silence() -> Self {
        Self {
            code: "no answer".to_owned(),
            message: format!("no answer within {PATIENCE:?}"),
            alive: false,
        }
    }

    /// Whether the application would simply do the transaction again, on the same connection.
    pub(super) fn is_worth_repeating(&self) -> bool {
        let repeatable = [
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::T_R_SERIALIZATION_FAILURE,
        ];
        self.alive && (self.is_duplicate() || repeatable.iter().any(|c| c.code() == self.code))
    }

    /// Whether a key was there already: every key comes from a sequence.
    pub(super) fn is_duplicate(&self) -> bool {
        self.code == SqlState::UNIQUE_VIOLATION.code()
    }
}

/// A session goes on after an ERROR, and ends with a FATAL or a PANIC.
fn is_survived(said: &DbError) -> bool {
    said.parsed_severity() == Some(Severity::Error)
}
