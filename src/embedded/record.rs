//! What is written down about a server: `embedded/<side>.json` in the state directory.
//! It never trails the truth: it is on disk before the server's directory, and goes after it.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::account::Account;
use super::{Server, Side, Wanted};
use crate::error::{Error, Result};

/// Everything needed to find, restart and remove a server.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) server: Server,
    /// The folder of the server's programs.
    pub(super) bin: PathBuf,
    /// The user it runs as, where that is not the user of this process.
    pub(super) account: Option<Account>,
    /// What it was made from.
    pub(super) wanted: Wanted,
    /// Whether it is complete. Otherwise it is of no use.
    pub(super) loaded: bool,
}

/// The folder of the records.
pub(super) fn directory(state: &Path) -> PathBuf {
    state.join("embedded")
}

fn path(state: &Path, side: Side) -> PathBuf {
    directory(state).join(format!("{side}.json"))
}

/// Makes the folder of the records, readable by its owner alone.
pub(super) fn make_directory(state: &Path) -> Result<()> {
    let directory = directory(state);
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory);
    made.map_err(|error| cannot("create", &directory, &error))
}

/// The record of one side, if there is a server.
pub(super) fn read(state: &Path, side: Side) -> Result<Option<Record>> {
    let path = path(state, side);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot("read", &path, &error)),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| cannot("read", &path, &error))
}

/// Writes a record so that a crash leaves the old one or the new one, never half of one.
pub(super) fn write(record: &Record, state: &Path) -> Result<()> {
    let path = path(state, record.server.side);
    let write = || -> std::io::Result<()> {
        let directory = directory(state);
        let mut file = NamedTempFile::new_in(&directory)?;
        serde_json::to_writer_pretty(&mut file, record)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        File::open(&directory)?.sync_all()
    };
    write().map_err(|error| cannot("write", &path, &error))
}

/// Removes the record of one side.
pub(super) fn remove(state: &Path, side: Side) -> Result<()> {
    let path = path(state, side);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(cannot("remove", &path, &error)),
        _ => Ok(()),
    }
}

/// Removes the folder, unless another process has begun to use it again.
pub(super) fn remove_directory(state: &Path) {
    fs::remove_dir(directory(state)).ok();
}

fn cannot(verb: &str, path: &Path, error: &(dyn std::error::Error + 'static)) -> Error {
    let what = format!("cannot {verb} {}", path.display());
    Error::failed(what, "Mend the cause, then run the same command again.").because_of(error)
}
