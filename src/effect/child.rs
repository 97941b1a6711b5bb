//! Runs a child program: without our environment, in a process group of its own, never outliving
//! this process. It knows nothing of what the program does.

use std::ffi::OsString;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use crate::error::{Error, Result};
use crate::stop::Stop;

/// How long a program may take to end by itself after SIGTERM: `pg_dump` cancels its queries.
const GRACE: Duration = Duration::from_secs(10);

/// How long the other processes of a program may take once its first is gone. A process that nobody
/// waits for stays in its group though it has ended, so this must not be long.
const STRAGGLERS: Duration = Duration::from_secs(1);

/// Longer lines of a program's output are cut: a failed COPY quotes whole rows.
const LONGEST_LINE_BYTES: usize = 16 * 1024;

/// A program that is about to run.
pub(in crate::effect) struct Invocation<'a> {
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
pub(in crate::effect) async fn run(
    invocation: Invocation<'_>,
    stop: &Stop,
    mut line: impl FnMut(&str),
) -> Result<ExitStatus> {
    let mut child = spawn(&invocation)?;
    let group = group(&child);
    let output = child.stderr.take().expect("standard error is piped");
    let mut lines = Lines::new(output);
    let status = loop {
        tokio::select! {
            biased;
            reason = stop.wait() => {
                end(&mut child, group).await;
                return Err(reason.error());
            }
            Some(text) = lines.next() => line(&text),
            status = child.wait() => break status,
        }
    };
    // Of a program that was killed, the processes beside the first one would go on.
    signal(group, Signal::KILL);
    while let Ok(Some(text)) = tokio::time::timeout(GRACE, lines.next()).await {
        line(&text);
    }
    status.map_err(|error| not_started(&invocation, &error))
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
#[expect(
    unsafe_code,
    reason = "pre_exec has no safe form; the closure makes two system calls"
)]
fn die_with_parent(command: &mut Command) {
    use rustix::process::{getpid, getppid, set_parent_process_death_signal};
    let parent = getpid();
    let die = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died just before.
        if getppid() == Some(parent) {
            return Ok(());
        }
        Err(std::io::ErrorKind::BrokenPipe.into())
    };
    // SAFETY: between fork and exec only these two async-signal-safe system calls are made.
    unsafe {
        command.pre_exec(die);
    }
}

/// Asks the whole group to end, then makes it.
async fn end(child: &mut Child, group: Option<Pid>) {
    signal(group, Signal::TERM);
    let ended = tokio::time::timeout(GRACE, child.wait()).await;
    // The other processes of a program cancel their own queries, a moment after the first is gone.
    let deadline = tokio::time::Instant::now() + STRAGGLERS;
    while is_there(group) && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    signal(group, Signal::KILL);
    if ended.is_err() {
        let _ = child.wait().await;
    }
}

/// The child's process group, which is named after it.
fn group(child: &Child) -> Option<Pid> {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    id.and_then(Pid::from_raw)
}

fn is_there(group: Option<Pid>) -> bool {
    group.is_some_and(|group| test_kill_process_group(group).is_ok())
}

fn signal(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        let _ = kill_process_group(group, signal);
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
    line: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    fn new(reader: R) -> Self {
        Self {
            reader: BufReader::new(reader),
            line: Vec::new(),
        }
    }

    /// The next line, cut to [`LONGEST_LINE_BYTES`]. A call that is given up loses nothing: the
    /// next one goes on with its line.
    async fn next(&mut self) -> Option<String> {
        let Self { reader, line } = self;
        loop {
            let chunk = reader.fill_buf().await.ok()?;
            if chunk.is_empty() {
                return (!line.is_empty()).then(|| taken(line));
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            let room = LONGEST_LINE_BYTES
                .saturating_sub(line.len())
                .min(part.len());
            line.extend_from_slice(&part[..room]);
            let used = end.map_or(chunk.len(), |end| end + 1);
            reader.consume(used);
            if end.is_some() {
                return Some(taken(line));
            }
        }
    }
}

fn taken(line: &mut Vec<u8>) -> String {
    String::from_utf8_lossy(&std::mem::take(line)).into_owned()
}
