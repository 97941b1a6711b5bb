//! Runs a child program: without our environment, in a process group of its own, never outliving
//! this process. It knows nothing of what the program does.

use std::ffi::OsString;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use crate::error::{Error, Result};
use crate::stop::Stop;

/// How long a program may take to end by itself after SIGTERM: `pg_dump` cancels its queries.
const GRACE: Duration = Duration::from_secs(10);

/// Longer lines of a program's output are cut: a failed COPY quotes whole rows.
const LONGEST_LINE_BYTES: usize = 16 * 1024;

/// A program that is about to run.
pub(super) struct Invocation<'a> {
    /// The program.
    pub program: &'a Path,
    /// Its arguments; none of them is a secret.
    pub arguments: Vec<String>,
    /// All of its environment.
    pub environment: Vec<(OsString, OsString)>,
}

/// Runs the program to its end and hands every line of its standard error to `line`.
///
/// # Errors
/// When it cannot be started, or a stop was asked for: then it is ended first.
pub(super) async fn run(
    invocation: Invocation<'_>,
    stop: &Stop,
    mut line: impl FnMut(&str),
) -> Result<ExitStatus> {
    let mut child = spawn(&invocation)?;
    let output = child.stderr.take().expect("standard error is piped");
    let mut lines = Lines::new(output);
    loop {
        tokio::select! {
            biased;
            reason = stop.wait() => {
                end(&mut child).await;
                return Err(reason.error());
            }
            next = lines.next() => match next {
                Some(text) => line(&text),
                None => break,
            },
        }
    }
    tokio::select! {
        biased;
        reason = stop.wait() => {
            end(&mut child).await;
            Err(reason.error())
        }
        status = child.wait() => status.map_err(|error| not_started(&invocation, &error)),
    }
}

fn spawn(invocation: &Invocation<'_>) -> Result<Child> {
    let mut command = Command::new(invocation.program);
    command
        .args(&invocation.arguments)
        .env_clear()
        .envs(invocation.environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    die_with_parent(&mut command);
    command
        .spawn()
        .map_err(|error| not_started(invocation, &error))
}

/// Has the kernel kill the child when this process dies, however it dies: a dump that goes on
/// without its runner would meet the next one.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "pre_exec has no safe form; the closure makes one system call"
)]
fn die_with_parent(command: &mut Command) {
    use rustix::process::set_parent_process_death_signal;
    let die = || set_parent_process_death_signal(Some(Signal::KILL)).map_err(Into::into);
    // SAFETY: between fork and exec only this one async-signal-safe system call is made.
    unsafe {
        command.pre_exec(die);
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}

/// Asks the whole group to end, then makes it.
async fn end(child: &mut Child) {
    signal(child, Signal::TERM);
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        signal(child, Signal::KILL);
        let _ = child.wait().await;
    }
}

fn signal(child: &Child, signal: Signal) {
    let pid = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process_group(pid, signal);
    }
}

fn not_started(invocation: &Invocation<'_>, error: &std::io::Error) -> Error {
    Error::failed(
        format!("cannot run {}", invocation.program.display()),
        "Check that the program is still there and may be executed, then run the same command \
         again.",
    )
    .because_of(error)
}

/// Lines of text, however long and whatever their bytes.
struct Lines<R> {
    reader: BufReader<R>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    fn new(reader: R) -> Self {
        Self {
            reader: BufReader::new(reader),
        }
    }

    /// The next line, cut to [`LONGEST_LINE_BYTES`]. Safe to drop between calls only at a line's
    /// end, which is all that a stop needs.
    async fn next(&mut self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            let chunk = self.reader.fill_buf().await.ok()?;
            if chunk.is_empty() {
                return (!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned());
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            let room = LONGEST_LINE_BYTES
                .saturating_sub(line.len())
                .min(part.len());
            line.extend_from_slice(&part[..room]);
            let used = end.map_or(chunk.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                return Some(String::from_utf8_lossy(&line).into_owned());
            }
        }
    }
}
