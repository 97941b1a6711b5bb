//! One process at a time makes or removes the server of a side.
//! It never outlasts its holders, of which a killed runner's own programs are some.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Side, record};
use crate::error::{Error, Exit, Result};

/// As long as the slowest step under the lock, which is running a SQL file, may take.
const WAIT: Duration = super::load::LIMIT;
const POLL: Duration = Duration::from_millis(50);

/// The lock on one side, released when it is dropped and every program that holds it has ended.
pub(super) struct Lock {
    path: PathBuf,
    file: File,
}

/// Waits for the lock.
pub(super) async fn acquire(state: &Path, side: Side) -> Result<Lock> {
    let path = record::directory(state).join(format!("{side}.lock"));
    let cannot = |error: &std::io::Error| {
        let what = format!("cannot lock {}", path.display());
        Error::failed(
            what,
            "Make the folder writable, then run the same command again.",
        )
        .because_of(error)
    };
    let begin = Instant::now();
    while begin.elapsed() < WAIT {
        record::make_directory(state)?;
        let file = match File::options().create(true).append(true).open(&path) {
            Ok(file) => file,
            // A stop removed the folder just now.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(cannot(&error)),
        };
        match file.try_lock() {
            // A stop may have removed the file between opening and locking it.
            Ok(()) if is_file_at(&file, &path) => return Ok(Lock { path, file }),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL).await,
            Err(TryLockError::Error(error)) => return Err(cannot(&error)),
        }
    }
    Err(Error::new(
        Exit::Locked,
        format!("another process has been starting or stopping the {side} server for an hour"),
        "Stop that process, then run the same command again.",
    ))
}

impl Lock {
    /// Gives a share of the lock to a program, as its input: when this process is killed, the next
    /// one waits until that program has ended, too. The program must read nothing, and its own
    /// children must not outlive it with their input unchanged; `pg_ctl` gives the server another.
    pub(super) fn share(&self) -> Stdio {
        self.file
            .try_clone()
            .map_or_else(|_| Stdio::null(), Stdio::from)
    }

    /// Removes the lock's file, while it is still held.
    pub(super) fn remove(self) {
        fs::remove_file(&self.path).ok();
    }
}

fn is_file_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(theirs)) => (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()),
        _ => false,
    }
}
