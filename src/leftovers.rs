//! What a run that was killed left on this machine: child programs still at work, connection
//! files, half-written files. It looks for nothing outside its own state directory.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::state::{CONNECTION_FILES, KEEPER_FILES, StateDir};

/// How long a killed program may take to be gone: one that writes to a slow disk ends only then.
const GRACE: Duration = Duration::from_secs(30);

/// How old a request to cut over may be, to be meant for the run that finds it at its beginning.
const FRESH: Duration = Duration::from_secs(1);

/// Ends programs that an earlier run left, then removes what it left in the state directory. The
/// caller holds the lock on it.
///
/// # Errors
/// When a program does not end, or the file system says no.
pub(crate) async fn end(state: &StateDir) -> Result<()> {
    end_programs(state, CONNECTION_FILES).await?;
    remove_files(state)
        .map_err(|error| state.trouble("cannot remove what an earlier run left", &error))
}

/// Ends the programs that work with connection files of this state directory whose names begin so.
///
/// # Errors
/// When one does not end.
pub(crate) async fn end_programs(state: &StateDir, files: &str) -> Result<()> {
    let deadline = Instant::now() + GRACE;
    while kill_programs(state.path(), files) > 0 {
        if Instant::now() > deadline {
            return Err(Error::failed(
                "a program that an earlier run started does not end",
                "Look for pg_dump and pg_restore with `ps`, end them, then run the same command \
                 again.",
            ));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

fn remove_files(state: &StateDir) -> std::io::Result<()> {
    for entry in std::fs::read_dir(state.path())? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(CONNECTION_FILES) || name.starts_with(KEEPER_FILES) {
            std::fs::remove_dir_all(entry.path())?;
        } else if name.starts_with(StateDir::HALF_WRITTEN)
            || StateDir::is_cutover_request(&entry.path()) && is_stale(&entry)?
        {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Whether a request was made to an earlier run, and nobody waits for the cutover any more: whoever
/// does renews it.
fn is_stale(entry: &std::fs::DirEntry) -> std::io::Result<bool> {
    let age = entry.metadata()?.modified()?.elapsed();
    Ok(age.is_ok_and(|age| age > FRESH))
}

/// Kills every program that works with connection files of this state directory, and returns how
/// many there were. `pg_dump` and `pg_restore` work in several processes, of which only the first
/// dies with us: the others finish their table.
pub(crate) fn kill_programs(state: &Path, prefix: &str) -> usize {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return 0;
    };
    let files = std::path::absolute(state).unwrap_or_else(|_| state.to_owned());
    let files = format!("PGSERVICEFILE={}/{prefix}", files.display());
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| kill_if_works_with(*pid, files.as_bytes()))
        .count()
}

/// A handle is taken first: a number may be given to another process at any moment.
fn kill_if_works_with(pid: i32, files: &[u8]) -> bool {
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
    let Some(handle) = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
    else {
        return false;
    };
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let mut variables = environment.split(|byte| *byte == 0);
    variables.any(|variable| variable.starts_with(files))
        && pidfd_send_signal(handle, Signal::KILL).is_ok()
}
