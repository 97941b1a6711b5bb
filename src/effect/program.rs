//! Performs a run of `pg_dump` or `pg_restore`: connection files, progress, and what its errors
//! mean. It never puts a secret on a command line or into an environment.

use std::path::PathBuf;
use std::process::ExitStatus;

use super::child::{Invocation, run as run_child};
use super::complaints::Complaints;
use super::progress::Progress;
use super::world::{Output, Scene, World};
use super::{Argument, Effect, Program, Tool, lines};
use crate::error::{Error, Result};

/// Runs the program.
///
/// # Errors
/// When it fails, with what it said; when it was stopped.
pub(super) async fn run(world: &World, scene: Scene<'_>, program: &Program) -> Result<Output> {
    let Program {
        tool,
        directory,
        arguments,
        allow_errors,
        tables,
    } = program;
    let files = tempfile::Builder::new()
        .prefix("connect-")
        .tempdir_in(world.state.path());
    let files = files.map_err(|error| world.state.trouble("cannot write files", &error))?;
    let child = world
        .side(tool.side())
        .child_files(files.path(), &tool.side().to_string())?;
    let path: PathBuf = directory.join(tool.name());
    let invocation = Invocation {
        program: &path,
        arguments: filled(world, *tool, arguments).await?,
        environment: child.environment(),
    };
    for line in lines(&Effect::Program(program.clone())) {
        world.performed(scene, line);
    }
    let mut complaints = Complaints::default();
    let progress = Progress::new(world, scene, tool.side(), tables);
    let ended = {
        let watch = progress.watch();
        let work = run_child(invocation, &world.stop, |line| {
            tracing::debug!(program = tool.name(), "{line}");
            progress.heard(line);
            complaints.heard(line);
        });
        tokio::select! {
            ended = work => ended?,
            never = watch => match never {},
        }
    };
    judge(*tool, ended, complaints, *allow_errors)
}

/// The arguments with their holes filled.
async fn filled(world: &World, tool: Tool, arguments: &[Argument]) -> Result<Vec<String>> {
    let dump = world.state.dump().display().to_string();
    let mut filled = Vec::new();
    for argument in arguments {
        filled.push(match argument {
            Argument::Plain(text) => text.clone(),
            Argument::Connection => argument.shown(tool),
            Argument::Snapshot => {
                let snapshot = world.snapshot.lock().await;
                let held = snapshot
                    .as_ref()
                    .expect("a step under a snapshot runs after its export");
                format!("--snapshot={}", held.id())
            }
            Argument::DumpFile => format!("--file={dump}"),
            Argument::Dump => dump.clone(),
        });
    }
    Ok(filled)
}

/// What the end of a program means. Only errors that the plan allows, and that are known to be
/// harmless, become warnings.
fn judge(
    tool: Tool,
    ended: ExitStatus,
    complaints: Complaints,
    allow_errors: bool,
) -> Result<Output> {
    let (harmful, harmless) = complaints.sorted();
    // pg_restore ends with 1 after errors it went on from; a signal or a crash has another status.
    let went_on = ended.code() == Some(1) && tool == Tool::PgRestore;
    if ended.success() && harmful.is_empty() {
        return Ok(Output {
            warnings: harmless,
            ..Output::default()
        });
    }
    if allow_errors && went_on && harmful.is_empty() && !harmless.is_empty() {
        return Ok(Output {
            warnings: harmless,
            ..Output::default()
        });
    }
    let said = if harmful.is_empty() {
        harmless
    } else {
        harmful
    };
    let next = if allow_errors || tool == Tool::PgDump {
        "Mend the cause, then run `pg_dbmigrator apply` again: this step starts over."
    } else {
        "Mend the cause, then run `pg_dbmigrator apply` again: this step starts over. Errors \
         about ownership, privileges or comments can be let through with \
         `restore.allow_errors: true`."
    };
    let what = format!("{} did not succeed ({ended})", tool.name());
    Err(said
        .into_iter()
        .take(MOST_SHOWN)
        .fold(Error::failed(what, next), Error::because))
}

/// How many of a program's errors an error shows; the log has them all.
const MOST_SHOWN: usize = 10;
