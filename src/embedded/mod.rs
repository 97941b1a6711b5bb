//! Throwaway PostgreSQL servers for demos and rehearsals, owned by a plan's state directory.
//! It never touches a server that it did not start, and never keeps data that matters: the servers
//! run with `fsync = off`, so a crash of the machine, unlike one of a process, may lose them.
//!
//! A server lives in one directory below `TMPDIR` or `/var/tmp`, because the state directory may be
//! out of reach for the unprivileged user that PostgreSQL insists on. The state directory holds
//! `embedded/<side>.json`, which is on disk before that directory exists: a crash leaks nothing.
//! There is no TCP listener; the socket lies in that directory of mode 0700, so that only the
//! server's user and root can connect.

mod account;
mod cluster;
mod home;
mod installation;
mod load;
mod lock;
mod process;
mod program;
mod record;
mod server;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
pub use crate::side::Side;
use account::Account;
use lock::Lock;
use record::Record;
pub use server::{Listed, Server, Wanted};

/// Starts the server for one side: makes it, or finds it running, or restarts it after a reboot.
/// Waits while another process does the same.
///
/// A server whose SQL files did not all run, because one failed or the process was killed, is made
/// afresh. What is edited in SQL files that have been run is not noticed.
///
/// # Errors
/// No suitable PostgreSQL is installed; a server exists that the plan no longer describes; a program
/// or a SQL file failed, with what it said.
pub async fn start(wanted: &Wanted, state: &Path) -> Result<Server> {
    let lock = lock::acquire(state, wanted.side).await?;
    if let Some(record) = record::read(state, wanted.side)? {
        if record.loaded && record.server.data_directory.is_dir() {
            refuse_changed(&record, wanted)?;
            if process::postmaster(&record.server).is_none() {
                cluster::launch(&record, &lock).await?;
            }
            return Ok(record.server);
        }
        discard(&record, state).await?;
    }
    make(wanted, state, &lock).await
}

/// Stops and removes every server of this state directory, and says what it removed, a line each.
/// Nothing is left of them; what is not there is no error.
///
/// # Errors
/// A process that does not end, or a directory that is not the server's own any more.
pub async fn stop_and_remove(state: &Path) -> Result<Vec<String>> {
    let mut removed = Vec::new();
    if !record::directory(state).is_dir() {
        return Ok(removed);
    }
    for side in Side::ALL {
        let lock = lock::acquire(state, side).await?;
        if let Some(record) = record::read(state, side)? {
            discard(&record, state).await?;
            removed.push(format!(
                "the embedded {side} server, PostgreSQL {}",
                record.server.major
            ));
        }
        lock.remove();
    }
    record::remove_directory(state);
    Ok(removed)
}

/// The servers of this state directory, the source first.
///
/// # Errors
/// A record that cannot be read.
pub fn list(state: &Path) -> Result<Vec<Listed>> {
    let mut servers = Vec::new();
    for side in Side::ALL {
        if let Some(Record { server, loaded, .. }) = record::read(state, side)? {
            let running = process::postmaster(&server).is_some();
            servers.push(Listed {
                server,
                running,
                loaded,
            });
        }
    }
    Ok(servers)
}

/// Stops and removes one server, its record last.
async fn discard(record: &Record, state: &Path) -> Result<()> {
    let exists = home::exists(record)?;
    process::stop(&record.server).await?;
    if exists {
        home::remove(record)?;
    }
    record::remove(state, record.server.side)
}

async fn make(wanted: &Wanted, state: &Path, lock: &Lock) -> Result<Server> {
    load::check_readable(&wanted.sql)?;
    let account = Account::unprivileged().await?;
    let installation = installation::choose(wanted.major, account.as_ref()).await?;
    let directory = home::choose(account.as_ref()).await?;
    let server = Server {
        side: wanted.side,
        major: installation.major,
        data_directory: directory.join("data"),
        socket_directory: directory,
        port: cluster::PORT,
        database: wanted.database.clone(),
        user: cluster::SUPERUSER.to_owned(),
    };
    let mut record = Record {
        server,
        bin: installation.bin,
        account,
        wanted: wanted.clone(),
        loaded: false,
    };
    record::write(&record, state)?;
    if let Err(error) = home::make(&record) {
        record::remove(state, wanted.side)?;
        return Err(error);
    }
    if let Err(error) = fill(&record, lock).await {
        // Where this fails too, the record stays, and the next start or stop tries again.
        discard(&record, state).await.ok();
        return Err(error);
    }
    record.loaded = true;
    record::write(&record, state)?;
    Ok(record.server)
}

async fn fill(record: &Record, lock: &Lock) -> Result<()> {
    cluster::initialise(record, lock).await?;
    cluster::launch(record, lock).await?;
    if record.wanted.needs_database() {
        load::create_database(record).await?;
    }
    for file in &record.wanted.sql {
        load::run_file(record, file).await?;
    }
    Ok(())
}

/// Refuses a plan whose wish for a server has changed since the server was made: it may hold half a
/// migration by now.
fn refuse_changed(record: &Record, wanted: &Wanted) -> Result<()> {
    let was = &record.wanted;
    let side = wanted.side;
    let mut changes = Vec::new();
    if let Some(major) = wanted.major.filter(|major| *major != record.server.major) {
        changes.push(format!("major: was {}, now {major}", record.server.major));
    }
    if was.database != wanted.database {
        changes.push(format!(
            "database: was {}, now {}",
            was.database, wanted.database
        ));
    }
    if was.sql != wanted.sql {
        changes.push(format!(
            "sql: was {}, now {}",
            listing(&was.sql),
            listing(&wanted.sql)
        ));
    }
    if changes.is_empty() {
        return Ok(());
    }
    Err(Error::refused(
        format!("the embedded {side} server was made from another plan"),
        "Undo the edit, or remove the server with `pg_dbmigrator abort` and start afresh.",
    )
    .because(changes.join("\n")))
}

fn listing(files: &[PathBuf]) -> String {
    let names: Vec<_> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    format!("[{}]", names.join(", "))
}
