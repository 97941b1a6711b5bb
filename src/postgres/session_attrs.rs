//! Which of several servers will do (`target_session_attrs`), asked of the server itself.
//! It never changes the session.

use tokio_postgres::{Client, SimpleQueryMessage};

use crate::error::Result;

use super::parameters::Parameters;

/// The kinds of session that libpq can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionAttrs {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

use SessionAttrs::{Any, PreferStandby, Primary, ReadOnly, ReadWrite, Standby};

const WORDS: [(&str, SessionAttrs); 6] = [
    ("any", Any),
    ("read-write", ReadWrite),
    ("read-only", ReadOnly),
    ("primary", Primary),
    ("standby", Standby),
    ("prefer-standby", PreferStandby),
];

impl SessionAttrs {
    pub(super) fn resolve(parameters: &Parameters) -> Result<Self> {
        Ok(parameters
            .choice("target_session_attrs", &WORDS)?
            .unwrap_or(Any))
    }

    /// As it is written in a connection string.
    pub(super) fn word(self) -> &'static str {
        WORDS
            .iter()
            .find(|(_, attrs)| *attrs == self)
            .map_or("any", |(word, _)| word)
    }

    /// The rounds over all servers: a standby is preferred by looking for one first.
    pub(super) fn rounds(self) -> &'static [SessionAttrs] {
        match self {
            Any => &[Any],
            ReadWrite => &[ReadWrite],
            ReadOnly => &[ReadOnly],
            Primary => &[Primary],
            Standby => &[Standby],
            PreferStandby => &[Standby, Any],
        }
    }

    /// Whether the session is of this kind.
    pub(super) async fn suits(self, client: &Client) -> Result<bool, tokio_postgres::Error> {
        let (query, wanted) = match self {
            Any | PreferStandby => return Ok(true),
            ReadWrite => ("show transaction_read_only", "off"),
            ReadOnly => ("show transaction_read_only", "on"),
            Primary => ("select pg_catalog.pg_is_in_recovery()", "f"),
            Standby => ("select pg_catalog.pg_is_in_recovery()", "t"),
        };
        let messages = client.simple_query(query).await?;
        let is_wanted = |message: &SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => row.get(0) == Some(wanted),
            _ => false,
        };
        Ok(messages.iter().any(is_wanted))
    }
}
