//! What a test may ask of its server beyond the usual.
//! Never starts or changes a server.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Chosen for speed and for what migrations need. Losing a throwaway server's data costs nothing.
const USUAL: &str = "
fsync = off
full_page_writes = off
max_connections = 100
max_prepared_transactions = 10
max_wal_senders = 20
max_replication_slots = 20
wal_level = logical
shared_buffers = 64MB
logging_collector = off
log_timezone = 'UTC'
timezone = 'UTC'
";

/// What one server is to be like. The default listens on a unix socket only and trusts everyone.
#[derive(Default)]
pub(crate) struct Settings {
    /// Lines for postgresql.conf, such as `("log_statement", "all")`.
    pub(crate) conf: Vec<(String, String)>,
    /// Whether the server also listens on a free TCP port of 127.0.0.1.
    pub(crate) tcp: bool,
    /// Takes the place of pg_hba.conf, which otherwise trusts every local connection.
    pub(crate) hba: Option<String>,
    /// Certificates to offer and to trust; the fetched majors 16 and 18 are built without TLS.
    pub(crate) tls: Option<Tls>,
}

/// Paths of PEM files, which are copied to where the server may read them.
pub(crate) struct Tls {
    /// The certificate that the server shows.
    pub(crate) certificate: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
    /// Whose client certificates the server accepts.
    pub(crate) client_authority: Option<PathBuf>,
}

impl Settings {
    /// Adds one line for postgresql.conf.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.conf.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The text to append to postgresql.conf, for a server whose socket lies in `home`.
    pub(crate) fn conf_lines(&self, home: &Path, port: u16) -> String {
        let listen = if self.tcp { "127.0.0.1" } else { "" };
        let mut text = format!(
            "{USUAL}unix_socket_directories = '{}'\nlisten_addresses = '{listen}'\nport = {port}\n",
            home.display()
        );
        if let Some(tls) = &self.tls {
            text.push_str("ssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'\n");
            if tls.client_authority.is_some() {
                text.push_str("ssl_ca_file = 'clients.crt'\n");
            }
        }
        for (name, value) in &self.conf {
            writeln!(text, "{name} = '{}'", value.replace('\'', "''")).expect("a String takes it");
        }
        text
    }

    /// Every file to put into the data directory: its name there, and where it comes from.
    pub(crate) fn files(&self) -> Vec<(&'static str, &Path)> {
        let Some(tls) = &self.tls else {
            return Vec::new();
        };
        let mut files = vec![("server.crt", &*tls.certificate), ("server.key", &*tls.key)];
        if let Some(authority) = &tls.client_authority {
            files.push(("clients.crt", authority));
        }
        files
    }
}
