//! The state directory beside the plan: where it is, who may see it, and the lock on it.
//! It never holds a secret. An offline migration that is complete needs nothing of it; an online one does
//! until it is finalized.

use std::fs::{self, DirBuilder, DirEntry, File, OpenOptions, TryLockError};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Exit, Result};
use crate::leftovers;

/// How the directories of connection files begin.
pub(crate) const CONNECTION_FILES: &str = "connect-";

/// How the directory of the keeper's connection files begins: its process is told by it.
pub(crate) const KEEPER_FILES: &str = "keeper-";

/// How long to wait for the lock: `status` looks at it for a moment, and a killed process holds it
/// until the kernel has closed its files.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// `migrate.state/` for `migrate.yaml`.
#[derive(Debug, Clone)]
pub struct StateDir {
    path: PathBuf,
}

/// Held by the one process that may change the state.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
}

/// Who wrote its number into the lock file.
fn holder(lock: &Path) -> String {
    let pid = fs::read_to_string(lock).ok();
    let pid = pid.filter(|pid| pid.parse::<u32>().is_ok());
    pid.map_or(String::new(), |pid| format!(", pid {pid}"))
}

impl StateDir {
    /// The names of files that are not whole yet begin with this.
    pub(crate) const HALF_WRITTEN: &str = ".half-";

    /// The state directory of a plan file; nothing is made.
    pub fn of_plan(plan: &Path) -> Self {
        Self {
            path: plan.with_extension("state"),
        }
    }

    /// The state directory at this path.
    pub(crate) fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is there.
    pub fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// The append-only record of what was done.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.jsonl")
    }

    /// What the plan was made from.
    pub fn facts(&self) -> PathBuf {
        self.path.join("facts.json")
    }

    /// Every event, a JSON line each.
    pub fn events(&self) -> PathBuf {
        self.path.join("events.jsonl")
    }

    /// The log.
    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// The outcome, once there is one.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.json")
    }

    /// Which process keeps the snapshot.
    pub(crate) fn keeper(&self) -> PathBuf {
        self.path.join("keeper.json")
    }

    /// Where `pg_dump` writes.
    pub fn dump(&self) -> PathBuf {
        self.path.join("dump")
    }

    /// Whether there is a dump with its table of contents, which `pg_dump` writes last.
    pub(crate) fn dump_is_whole(&self) -> bool {
        self.dump().join("toc.dat").is_file()
    }

    /// Whether nothing is in it but what every run makes before it begins.
    fn is_idle(&self) -> bool {
        let begun = |entry: DirEntry| {
            let path = entry.path();
            let empty = || entry.metadata().is_ok_and(|metadata| metadata.len() == 0);
            path != self.path.join("lock")
                && path != self.log()
                && !(path == self.journal() && empty())
        };
        let mut entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        !entries.any(begun)
    }

    /// Removes it when nothing began, so that a refused run leaves nothing behind.
    ///
    /// # Errors
    /// When the file system says no, or another process has begun something.
    pub(crate) async fn remove_if_idle(&self) -> Result<()> {
        if !self.exists() || !self.is_idle() {
            return Ok(());
        }
        let _lock = self.lock().await?;
        if self.is_idle() {
            self.remove()
        } else {
            Ok(())
        }
    }

    /// Makes it, readable by its owner alone.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn create(&self) -> Result<()> {
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path);
        made.map_err(|error| self.trouble("cannot make the state directory", &error))
    }

    /// Takes the lock, or says that another process holds it; then removes the connection files,
    /// which hold passwords, of a process that was killed.
    ///
    /// # Errors
    /// [`Exit::Locked`] when another process works on this plan.
    pub async fn lock(&self) -> Result<StateLock> {
        let path = self.path.join("lock");
        let mut open = OpenOptions::new();
        open.create(true).truncate(false).write(true).mode(0o600);
        let file = open
            .open(&path)
            .map_err(|error| self.trouble("cannot open the lock file", &error))?;
        let deadline = Instant::now() + LOCK_PATIENCE;
        loop {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                taken => break self.taken(taken, file).await,
            }
        }
    }

    async fn taken(&self, taken: Result<(), TryLockError>, file: File) -> Result<StateLock> {
        match taken {
            Ok(()) => {
                // Only for whoever finds it locked: the lock itself does not depend on it.
                let _ = file
                    .set_len(0)
                    .and_then(|()| (&file).write_all(std::process::id().to_string().as_bytes()));
                leftovers::end(self).await?;
                Ok(StateLock { _file: file })
            }
            Err(TryLockError::WouldBlock) => Err(Error::new(
                Exit::Locked,
                format!(
                    "another process is working on this plan ({}{})",
                    self.path.display(),
                    holder(&self.path.join("lock"))
                ),
                "Wait for it to end, or stop it; `pg_dbmigrator status` shows where it stands.",
            )),
            Err(TryLockError::Error(error)) => {
                Err(self.trouble("cannot lock the state directory", &error))
            }
        }
    }

    /// A new private directory for the files that tell a child program how to connect; it goes
    /// away when dropped.
    ///
    /// # Errors
    /// When the file system says no.
    pub(crate) fn connection_files(&self) -> Result<tempfile::TempDir> {
        self.private_files(CONNECTION_FILES)
    }

    /// The same for the keeper of the snapshot.
    ///
    /// # Errors
    /// When the file system says no.
    pub(crate) fn keeper_files(&self) -> Result<tempfile::TempDir> {
        self.private_files(KEEPER_FILES)
    }

    fn private_files(&self, prefix: &str) -> Result<tempfile::TempDir> {
        tempfile::Builder::new()
            .prefix(prefix)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(&self.path)
            .map_err(|error| self.trouble("cannot write connection files", &error))
    }

    /// Whether another process holds the lock.
    pub fn is_locked(&self) -> bool {
        let file = File::open(self.path.join("lock"));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// A file for a moment, in the dump, of which it may hold a part; it goes with that if this run is
    /// killed.
    ///
    /// # Errors
    /// When the file system says no.
    pub(crate) fn passing_file(&self) -> Result<tempfile::NamedTempFile> {
        tempfile::Builder::new()
            .prefix(Self::HALF_WRITTEN)
            .tempfile_in(self.dump())
            .map_err(|error| self.trouble("cannot write files", &error))
    }

    /// Writes a file as a whole or not at all, and makes sure that it is on disk.
    ///
    /// # Errors
    /// When the file system says no; a full disk leaves the old file as it was.
    pub fn write<T: Serialize>(&self, path: &Path, value: &T) -> Result<()> {
        let write = || -> std::io::Result<()> {
            let file = tempfile::Builder::new()
                .prefix(Self::HALF_WRITTEN)
                .tempfile_in(&self.path)?;
            // A system call a word, without: seconds, for thousands of tables.
            let mut writer = BufWriter::new(file);
            serde_json::to_writer_pretty(&mut writer, value)?;
            writer.write_all(b"\n")?;
            let file = writer
                .into_inner()
                .map_err(std::io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(|error| self.trouble(&format!("cannot write {}", path.display()), &error))
    }

    /// Reads a file written by [`StateDir::write`]; `None` when it is not there.
    ///
    /// # Errors
    /// When it cannot be read, or was changed by hand.
    pub fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(self.trouble(&format!("cannot read {}", path.display()), &error));
            }
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            Error::new(
                Exit::Undecided,
                format!("{} does not hold what it should", path.display()),
                "It was changed by hand or by another version: put it back as it was, or start \
                 over with `pg_dbmigrator abort`.",
            )
            .because_of(&error)
        })
    }

    /// Removes it and everything in it; the journal after the rest, so that a removal that is cut
    /// short can be gone on with.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn remove(&self) -> Result<()> {
        let trouble =
            |error: std::io::Error| self.trouble("cannot remove the state directory", &error);
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let path = entry.path();
            if path == self.journal() {
                continue;
            }
            crate::crash::point();
            match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                true => fs::remove_dir_all(path).map_err(trouble)?,
                false => fs::remove_file(path).map_err(trouble)?,
            }
        }
        match fs::remove_dir_all(&self.path) {
            // A volume that is mounted there, or a folder around it that is not ours, keeps it.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound && !self.is_empty() => {
                Err(trouble(error))
            }
            _ => Ok(()),
        }
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(&self.path).is_ok_and(|mut entries| entries.next().is_none())
    }

    /// An error of the file system, about the state directory.
    pub(crate) fn trouble(&self, what: &str, error: &std::io::Error) -> Error {
        Error::failed(
            what,
            format!(
                "Make sure that {} can be written and that its disk is not full, then run the \
                 same command again.",
                self.path.display()
            ),
        )
        .because_of(error)
    }
}
