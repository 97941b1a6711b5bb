//! Filling a new server: its database, and the plan's SQL files.
//! It never runs a file twice in one server; a half-filled server is thrown away by the caller.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use super::installation;
use super::program::{self, Program};
use super::record::Record;
use crate::error::{Error, Result};

/// How long one SQL file may take. Beyond an hour it is no rehearsal any more.
pub(super) const LIMIT: Duration = Duration::from_secs(60 * 60);

const AGAIN: &str = "Mend the file, then run the same command again: the server is made afresh.";

/// Refuses files that cannot be read, before anything is made.
pub(super) fn check_readable(files: &[PathBuf]) -> Result<()> {
    for file in files {
        let what = || format!("cannot read the SQL file {}", file.display());
        let next = "Correct `embedded.sql` in the plan, or make the file readable.";
        let opened = File::open(file).and_then(|file| file.metadata());
        let metadata = opened.map_err(|error| Error::refused(what(), next).because_of(&error))?;
        if metadata.is_dir() {
            return Err(Error::refused(what(), next).because("it is a folder"));
        }
    }
    Ok(())
}

/// Creates the database, unless it is one that every server has.
pub(super) async fn create_database(record: &Record) -> Result<()> {
    let database = &record.server.database;
    if database == "postgres" {
        return Ok(());
    }
    let createdb = client(record, "createdb")?.args(["--no-password", "--", database]);
    let output = createdb.output(program::QUICK).await?;
    if output.status.success() {
        return Ok(());
    }
    let what = format!("cannot create the database {database} in the embedded server");
    Err(Error::failed(what, "Choose another `embedded.database`.").because(program::said(&output)))
}

/// Runs one SQL file with psql, as this process's user, who can read it.
pub(super) async fn run_file(record: &Record, file: &Path) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    let psql = client(record, "psql")?
        .args(["--no-psqlrc", "--no-password", "--quiet"])
        .args([
            "--set=ON_ERROR_STOP=1",
            "--set=SHOW_CONTEXT=never",
            "--file",
        ])
        .arg(file)
        .env("PGDATABASE", &record.server.database)
        .env("PGOPTIONS", "--client_min_messages=error")
        .env("PGCLIENTENCODING", "UTF8")
        .current_dir(folder)
        .stdout(Stdio::null());
    let output = psql.output(LIMIT).await?;
    if output.status.success() {
        Ok(())
    } else {
        Err(failure(file, &output))
    }
}

/// A client program that connects to the server. The database's name is for the environment: as an
/// argument, one with a `=` would be a connection string.
fn client(record: &Record, name: &str) -> Result<Program> {
    let server = &record.server;
    Ok(
        Program::new(installation::client_folder(&record.bin)?.join(name), None)
            .env("PGHOST", &server.socket_directory)
            .env("PGPORT", server.port.to_string())
            .env("PGUSER", &server.user)
            .env("PGAPPNAME", "pg_dbmigrator"),
    )
}

/// Splits `psql:FILE:LINE: ERROR:  …` into the place and the message. What may show a row's values
/// is left out.
fn failure(file: &Path, output: &Output) -> Error {
    let said = program::said(output);
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| !line.starts_with("DETAIL:"))
        .collect();
    let said = lines.join("\n");
    let name = file
        .file_name()
        .unwrap_or(file.as_os_str())
        .to_string_lossy();
    let error = Error::failed(
        format!("the SQL file {name} failed in the embedded server"),
        AGAIN,
    );
    let split = said
        .strip_prefix("psql:")
        .and_then(|said| said.split_once(": "));
    match split.filter(|(place, _)| place.ends_with(|c: char| c.is_ascii_digit())) {
        Some((place, message)) => error.because(message).at(place),
        None => error.because(said).at(file.display()),
    }
}
