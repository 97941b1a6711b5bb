//! Making and starting a server with `initdb` and `pg_ctl`.
//! It never opens a TCP port, and never asks a server to be safe rather than fast.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use super::Server;
use super::home;
use super::lock::Lock;
use super::process;
use super::program::{self, Program};
use super::record::Record;
use crate::error::{Error, Result};

/// Part of the socket's name; no port is opened.
pub(super) const PORT: u16 = 5432;
pub(super) const SUPERUSER: &str = "postgres";

const INITDB_LIMIT: Duration = Duration::from_secs(5 * 60);
/// What `pg_ctl` waits for a start, in seconds; it says itself that it gave up.
const START_SECS: &str = "60";
const START_LIMIT: Duration = Duration::from_secs(90);
const TAIL_LINES: usize = 12;
const TAIL_BYTES: u64 = 8 * 1024;

const AGAIN: &str = "Mend the cause, then run the same command again.";

/// Makes the data directory and its configuration.
pub(super) async fn initialise(record: &Record, lock: &Lock) -> Result<()> {
    let server = &record.server;
    let failed = || Error::failed(format!("initdb {} failed", server.major), AGAIN);
    home::hand_over(record).map_err(|error| failed().because_of(&error))?;
    let initdb = Program::new(record.bin.join("initdb"), record.account.as_ref())
        .args([
            "--username",
            SUPERUSER,
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
        ])
        .args(["--no-sync", "--pgdata"])
        .arg(&server.data_directory)
        .current_dir(&server.socket_directory)
        .stdin(lock.share());
    let output = initdb.output(INITDB_LIMIT).await?;
    if !output.status.success() {
        return Err(failed().because(last_lines(&program::said(&output))));
    }
    configure(server).map_err(|error| failed().because_of(&error))
}

/// Appends to `postgresql.conf`, where the last word wins. Commits stay synchronous: without that, a
/// killed server forgets the last of them even though the machine goes on.
fn configure(server: &Server) -> std::io::Result<()> {
    let settings = format!(
        "
# pg_dbmigrator: a throwaway server, fast rather than safe
listen_addresses = ''
unix_socket_directories = '{}'
unix_socket_permissions = 0700
port = {}
cluster_name = 'pg_dbmigrator_{}'
wal_level = logical
fsync = off
full_page_writes = off
max_wal_size = '1GB'
shared_buffers = '128MB'
maintenance_work_mem = '128MB'
max_connections = 100
max_locks_per_transaction = 256
timezone = 'UTC'
log_timezone = 'UTC'
",
        server.socket_directory.display(),
        server.port,
        server.side,
    );
    let path = server.data_directory.join("postgresql.conf");
    let mut conf = File::options().append(true).open(path)?;
    std::io::Write::write_all(&mut conf, settings.as_bytes())
}

/// Starts the server and waits until it answers. It stays when this process ends.
pub(super) async fn launch(record: &Record, lock: &Lock) -> Result<()> {
    let server = &record.server;
    process::clear(server).await?;
    let log = server.socket_directory.join("log");
    let old_bytes = fs::metadata(&log).map_or(0, |log| log.len());
    let pg_ctl = Program::new(record.bin.join("pg_ctl"), record.account.as_ref())
        .args([
            "start",
            "--silent",
            "--wait",
            "--timeout",
            START_SECS,
            "--pgdata",
        ])
        .arg(&server.data_directory)
        .arg("--log")
        .arg(&log)
        .current_dir(&server.socket_directory)
        .stdin(lock.share());
    let output = pg_ctl.output(START_LIMIT).await?;
    if output.status.success() {
        return Ok(());
    }
    Err(start_failure(
        server,
        &tail(&log, old_bytes),
        &program::said(&output),
    ))
}

fn start_failure(server: &Server, logged: &str, said: &str) -> Error {
    let what = format!(
        "the embedded {} server, PostgreSQL {}, did not start",
        server.side, server.major
    );
    Error::failed(what, AGAIN).because(if logged.is_empty() { said } else { logged })
}

/// The last lines of a log after its first `from` bytes.
fn tail(log: &Path, from: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let bytes = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(bytes.saturating_sub(TAIL_BYTES))))?;
        let mut text = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut text)?;
        Ok(text)
    };
    last_lines(&String::from_utf8_lossy(&read().unwrap_or_default()))
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
