//! A process of its own that holds the exported snapshot, so that it outlives an apply that is killed.
//! It never reads or writes a row, and ends by itself: it holds back vacuum on the source.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::effect::SnapshotWanted;
use crate::effect::replication::slot::SlotMade;
use crate::error::{Error, Exit, Result};
use crate::leftovers;
use crate::postgres::{Conninfo, Environment, Session};
use crate::secret::Sealed;
use crate::snapshot::{self, Snapshot};
use crate::state::{KEEPER_FILES, StateDir};

/// How often the keeper looks whether it is still needed.
const LOOK: Duration = Duration::from_secs(1);
/// How often it says something to the server: firewalls forget a connection that is silent for some
/// minutes, and the operating system's own keepalives begin after two hours.
const TOUCH: Duration = Duration::from_secs(60);
/// How the keeper's session is told from those of an apply, which a later run ends.
const SESSION: &str = " snapshot";
/// The service that the connection files describe.
const SERVICE: &str = "source";

/// What the keeper is told, over its standard input.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    wanted: SnapshotWanted,
    state: PathBuf,
    keep: Duration,
}

/// What the keeper answers, over its standard output.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Kept { kept: Kept, slot: Option<SlotMade> },
    Failed(Error),
}

/// The snapshot that is kept, as the state directory knows it.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    id: String,
    session: Session,
}

/// Starts a keeper, which exports the snapshot.
///
/// # Errors
/// What the server says, or that the process could not be started.
pub(crate) async fn start(
    program: &Path,
    (state, source): (&StateDir, &Conninfo),
    (wanted, keep): (&SnapshotWanted, Duration),
) -> Result<(Snapshot, Option<SlotMade>)> {
    end(state).await?;
    let files = state.keeper_files()?;
    let name = format!("{}{SESSION}", source.application_name());
    let child = source
        .with_application_name(&name)
        .child_files(files.path(), SERVICE)?;
    let order = Order {
        wanted: wanted.clone(),
        state: state.path().to_owned(),
        keep,
    };
    let trouble =
        |error: &std::io::Error| state.trouble("cannot start the snapshot's keeper", error);
    let mut command = tokio::process::Command::new(program);
    command
        .arg(COMMAND)
        .env_clear()
        .envs(child.environment())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    leave_session(&mut command);
    let mut keeper = command.spawn().map_err(|error| trouble(&error))?;
    let order = serde_json::to_vec(&order).expect("plain data is always JSON");
    let mut input = keeper.stdin.take().expect("standard input is piped");
    input.write_all(&order).await.map_err(|e| trouble(&e))?;
    drop(input);
    let output = keeper.stdout.take().expect("standard output is piped");
    let mut line = String::new();
    let read = BufReader::new(output).read_line(&mut line).await;
    read.map_err(|error| trouble(&error))?;
    let answer = serde_json::from_str(&line).map_err(|_| {
        Error::failed(
            "the snapshot's keeper ended without a word",
            "Run the same command again.",
        )
    })?;
    match answer {
        Answer::Failed(error) => Err(error),
        Answer::Kept { kept, slot } => {
            state.write(&state.keeper(), &kept)?;
            let Kept { id, session } = kept;
            Ok((Snapshot::kept((id, session), wanted.lock_timeout), slot))
        }
    }
}

/// The snapshot that an earlier run had kept, if it is still there.
///
/// # Errors
/// When that cannot be told, because the source does not answer: it is there until the source says
/// that it is not.
pub(crate) async fn find(
    state: &StateDir,
    source: &Conninfo,
    lock_timeout: Duration,
) -> Result<Option<Snapshot>> {
    let Ok(text) = std::fs::read(state.keeper()) else {
        return Ok(None);
    };
    let Ok(Kept { id, session }) = serde_json::from_slice(&text) else {
        return Ok(None);
    };
    let snapshot = Snapshot::kept((id, session), lock_timeout);
    match snapshot.join(source).await {
        Ok(_) => Ok(Some(snapshot)),
        Err(error) if snapshot::is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Ends the keeper, if there is one.
///
/// # Errors
/// When it does not end.
pub(crate) async fn end(state: &StateDir) -> Result<()> {
    std::fs::remove_file(state.keeper()).ok();
    leftovers::end_programs(state, KEEPER_FILES).await
}

/// Has the process leave the terminal and the group of whoever starts it: Ctrl+C and the end of a
/// login are not meant for it.
#[expect(
    unsafe_code,
    reason = "pre_exec has no safe form; the closure makes one system call"
)]
fn leave_session(command: &mut tokio::process::Command) {
    let leave = || Ok(rustix::process::setsid().map(|_| ())?);
    // SAFETY: between fork and exec only this async-signal-safe system call is made.
    unsafe {
        command.pre_exec(leave);
    }
}

/// The hidden command that [`keep`] is.
pub(crate) const COMMAND: &str = "keep-snapshot";

/// What the keeper's process does: exports the snapshot, says so, and holds it until the copy is
/// complete, nobody worked on the plan for too long, or the server ended the session.
///
/// # Errors
/// When what it is told cannot be read.
pub(crate) async fn keep() -> Result<Exit> {
    let broken = |_| {
        Error::new(
            Exit::Usage,
            "this command is for `apply` alone",
            "Run `apply`.",
        )
    };
    let order = serde_json::from_reader(std::io::stdin()).map_err(broken)?;
    let Order {
        wanted,
        state,
        keep,
    } = order;
    let service = Sealed::new(format!("service={SERVICE}"));
    let exported = async {
        let source = Conninfo::resolve(SERVICE, &service, &Environment::of_process())?;
        let (snapshot, slot) = Snapshot::export(&source, &wanted).await?;
        let session = snapshot.session().await?;
        Ok::<_, Error>((snapshot, session, slot))
    };
    let (snapshot, session, slot) = match exported.await {
        Ok(exported) => exported,
        Err(error) => {
            let exit = error.exit();
            answer(&Answer::Failed(error)).ok();
            return Ok(exit);
        }
    };
    let id = snapshot.id().to_owned();
    let kept = Kept { id, session };
    // A starter that was stopped or killed meanwhile wrote nothing down: nobody would find this again.
    if answer(&Answer::Kept { kept, slot }).is_err() {
        return Ok(Exit::Failed);
    }
    watch(&snapshot, &state, keep).await;
    Ok(Exit::Done)
}

fn answer(answer: &Answer) -> std::io::Result<()> {
    use std::io::Write;
    let line = serde_json::to_string(answer).expect("plain data is always JSON");
    let mut output = std::io::stdout();
    writeln!(output, "{line}").and_then(|()| output.flush())
}

/// Waits until the snapshot is of no more use.
async fn watch(snapshot: &Snapshot, state: &Path, keep: Duration) {
    let state = StateDir::at(state);
    let mut worked_on = Instant::now();
    let mut touched = Instant::now();
    while snapshot.is_alive() && state.exists() {
        if touched.elapsed() >= TOUCH {
            // Whether the session is there is asked next.
            snapshot.touch().await.ok();
            touched = Instant::now();
        }
        if state.is_locked() {
            worked_on = Instant::now();
        } else if worked_on.elapsed() >= keep {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_source_that_cannot_be_reached_is_no_lost_snapshot() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateDir::at(folder.path());
        let nowhere = Sealed::new("postgres://nobody@127.0.0.1:1/none".to_owned());
        let nowhere = Conninfo::resolve("source", &nowhere, &Environment::of_process());
        let nowhere = nowhere.expect("it is a URL");
        let find = async || find(&state, &nowhere, Duration::ZERO).await;
        assert!(find().await.is_ok_and(|found| found.is_none()));
        let kept = r#"{ "id": "00000003-00000004-1", "session": { "pid": 1, "began": 2 } }"#;
        std::fs::write(state.keeper(), kept).expect("ours");
        let Err(error) = find().await else {
            panic!("it was taken for lost");
        };
        assert!(error.is_lost_connection(), "{error}");
    }
}
