//! A throwaway server as data: what is wanted, what there is, how to connect to it.
//! It never acts.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::side::Side;

/// What the plan asks for on one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The side.
    pub side: Side,
    /// The major version. `None`: the newest one installed.
    pub major: Option<u32>,
    /// The database's name.
    pub database: String,
    /// Absolute paths of SQL files, run once, in order, in the new database.
    pub sql: Vec<PathBuf>,
    /// Creates the database even when there is no SQL to run in it.
    pub create_database: bool,
}

impl Wanted {
    pub(super) fn needs_database(&self) -> bool {
        self.create_database || !self.sql.is_empty()
    }
}

/// A server that [`super::start`] made: everything there is to know to connect to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// The side.
    pub side: Side,
    /// The major version.
    pub major: u32,
    /// PostgreSQL's data directory.
    pub data_directory: PathBuf,
    /// The directory of the unix socket. It holds everything else of this server, too.
    pub socket_directory: PathBuf,
    /// The port, which is a part of the socket's name.
    pub port: u16,
    /// The database, which may not exist yet on the target.
    pub database: String,
    /// The superuser to connect as; there is no password.
    pub user: String,
}

impl Server {
    /// The connection string for libpq: a `postgres://` URL. There is no secret in it.
    pub fn url(&self) -> String {
        format!(
            "postgres://{}@/{}?host={}&port={}",
            self.user,
            percent_encoded(&self.database),
            percent_encoded(&self.socket_directory.to_string_lossy()),
            self.port
        )
    }
}

/// A server of a state directory, and how it fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The server.
    pub server: Server,
    /// Whether its process runs.
    pub running: bool,
    /// Whether its SQL files have all been run; otherwise the next [`super::start`] makes it afresh.
    pub loaded: bool,
}

/// The text with everything percent-encoded that has a meaning in a URL; `/` has none in a query.
fn percent_encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    text.bytes()
        .map(|b| {
            if plain(b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Server, Side};

    #[test]
    fn a_url_survives_an_odd_database_name() {
        let server = Server {
            side: Side::Source,
            major: 15,
            data_directory: "/var/tmp/x/data".into(),
            socket_directory: "/var/tmp/x".into(),
            port: 5432,
            database: "Käse & Co?".to_owned(),
            user: "postgres".to_owned(),
        };
        assert_eq!(
            server.url(),
            "postgres://postgres@/K%C3%A4se%20%26%20Co%3F?host=/var/tmp/x&port=5432"
        );
    }
}
