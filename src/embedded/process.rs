//! A server's processes: whether they run, and their end.
//! It never signals a process that is not a PostgreSQL working in this server's data directory.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::Server;
use crate::error::{Error, Result};

/// PostgreSQL itself kills what is left five seconds after an immediate shutdown began.
const QUIT_LIMIT: Duration = Duration::from_secs(10);
const KILL_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// The server's main process, if it runs. The process id on file is not enough: after a reboot it
/// may be somebody else's.
pub(super) fn postmaster(server: &Server) -> Option<Pid> {
    let text = fs::read_to_string(server.data_directory.join("postmaster.pid")).ok()?;
    let mut lines = text.lines();
    let pid = lines.next()?.trim().parse().ok().filter(|pid| *pid > 0)?;
    let pid = Pid::from_raw(pid)?;
    let ours = lines.next().map(Path::new) == Some(&server.data_directory);
    (ours && works_for(pid, server)).then_some(pid)
}

/// Whether a process is a PostgreSQL that works in this server's data directory. Where the system
/// does not tell (it has no `/proc`), being alive must do.
fn works_for(pid: Pid, server: &Server) -> bool {
    if !has_proc() {
        return rustix::process::test_kill_process(pid).is_ok();
    }
    let link = |name| fs::read_link(format!("/proc/{pid}/{name}")).unwrap_or_default();
    is_or_was(&link("exe"), |program| {
        program.file_name() == Some("postgres".as_ref())
    }) && is_or_was(&link("cwd"), |directory| directory == server.data_directory)
}

/// Asks about a link's path as it was before an upgrade or a removal: the system marks it then.
fn is_or_was(path: &Path, question: impl Fn(&Path) -> bool) -> bool {
    let before = path
        .to_str()
        .and_then(|path| path.strip_suffix(" (deleted)"));
    question(path) || before.is_some_and(|path| question(Path::new(path)))
}

fn has_proc() -> bool {
    Path::new("/proc/self/cwd").exists()
}

/// Every process of the server, also those that a killed main process left behind.
fn processes(server: &Server) -> Vec<Pid> {
    let numbers = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let pid = entry
                .file_name()
                .to_str()?
                .parse()
                .ok()
                .filter(|pid| *pid > 0)?;
            Pid::from_raw(pid)
        });
    let mut pids: Vec<Pid> = numbers.filter(|pid| works_for(*pid, server)).collect();
    if let Some(pid) = postmaster(server).filter(|pid| !pids.contains(pid)) {
        pids.push(pid);
    }
    pids
}

/// Stops the server at once: nothing in it is worth a clean shutdown.
pub(super) async fn stop(server: &Server) -> Result<()> {
    for (signal, limit) in [(Signal::QUIT, QUIT_LIMIT), (Signal::KILL, KILL_LIMIT)] {
        for pid in processes(server) {
            // One that has ended meanwhile is no error.
            rustix::process::kill_process(pid, signal).ok();
        }
        let begin = Instant::now();
        while begin.elapsed() < limit {
            if processes(server).is_empty() {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    }
    Err(Error::failed(
        format!("the embedded {} server does not stop", server.side),
        "End its processes by hand, then run the same command again.",
    ))
}

/// Makes way for a start after a crash: ends what a killed main process left behind, and removes
/// its lock files, which PostgreSQL believes as long as any process has that number, be it a dead
/// one that nobody has reaped. Where the system cannot tell, PostgreSQL decides alone.
pub(super) async fn clear(server: &Server) -> Result<()> {
    stop(server).await?;
    if !has_proc() {
        return Ok(());
    }
    let socket_lock = format!(".s.PGSQL.{}.lock", server.port);
    for path in [
        server.data_directory.join("postmaster.pid"),
        server.socket_directory.join(socket_lock),
    ] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                let what = format!(
                    "cannot clear the way for the embedded {} server",
                    server.side
                );
                let next = "Mend the cause, then run the same command again.";
                return Err(Error::failed(what, next).because_of(&error));
            }
            _ => {}
        }
    }
    Ok(())
}
