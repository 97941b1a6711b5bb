//! Performs a run of `pg_dump` or `pg_restore`: connection files, progress, and what its errors
//! mean. It never puts a secret on a command line or into an environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use super::child::{Invocation, run as run_child};
use super::complaints::Complaints;
use super::progress::Progress;
use super::replication::READ_ONLY;
use super::world::{Act, LetThrough, Output, World};
use super::{AfterData, Argument, Effect, Place, Program, TableSize, Tool, lines};
use crate::error::{Error, Result};
use crate::measure::Measured;
use crate::phases::MEASURE;
use crate::plan::StepId;
use crate::postgres::{Conninfo, full_name};
use crate::row_values::without_row_values;

/// Runs the program.
///
/// # Errors
/// When it fails, with what it said; when it was stopped.
pub(super) async fn run(world: &World, act: Act<'_>, program: &Program) -> Result<Output> {
    let Program {
        tool,
        directory,
        arguments,
        allow_errors,
        tables,
    } = program;
    let files = world.state.connection_files()?;
    let child = conninfo(world, *tool)
        .await?
        .child_files(files.path(), &tool.side().to_string())?;
    let path: PathBuf = directory.join(tool.name());
    if let Some(part) = listed(arguments) {
        let list = list_after_data(world, program, child.environment()).await?;
        std::fs::write(files.path().join(LIST), part.of(&list))
            .map_err(|error| world.state.trouble("cannot write files", &error))?;
    }
    let invocation = Invocation {
        program: &path,
        arguments: filled(world, program, files.path()).await,
        environment: child.environment(),
    };
    world.performed(act, lines(&Effect::Program(program.clone())));
    let mut complaints = Complaints::default();
    let tables = counted(world, *tool, tables);
    let one_at_a_time = arguments.contains(&Argument::Plain("--jobs=1".to_owned()));
    let progress = Progress::new((world, act), tool.side(), &tables, one_at_a_time);
    let ended = {
        let watch = progress.watch();
        let work = run_child(invocation, &world.stop, |line| {
            let line = &without_row_values(line);
            tracing::debug!(program = tool.name(), "{line}");
            progress.heard(line);
            complaints.heard(line);
        });
        tokio::select! {
            ended = work => ended?,
            never = watch => match never {},
        }
    };
    let done = judge(*tool, ended, complaints, *allow_errors)?;
    progress.ended();
    Ok(done)
}

/// How the program connects: where new sessions could not write to the target, as one that is closed
/// to applications has it, its sessions say that they may. Nothing is said where nothing has to be: a
/// connection pool may know no such option.
async fn conninfo(world: &World, tool: Tool) -> Result<Conninfo> {
    let conninfo = world.conninfo(tool.side().into());
    if tool == Tool::PgDump {
        return Ok(conninfo.clone());
    }
    let usual = format!("select reset_val from pg_settings where name = '{READ_ONLY}'");
    let client = world.open(Place::Target).await?;
    let usual: String = client.query_one(&usual, &[]).await?.try_get(0)?;
    Ok(match usual.as_str() {
        "on" => conninfo.with_option(READ_ONLY, "off"),
        _ => conninfo.clone(),
    })
}

/// The tables with the number of their rows, where the source was measured already.
fn counted(world: &World, tool: Tool, tables: &[TableSize]) -> Vec<TableSize> {
    let measured = match tool {
        Tool::PgDump => None,
        Tool::PgRestore => world.output::<Measured>(&StepId::new(MEASURE)).ok(),
    };
    let measured = measured.unwrap_or_default();
    let mut tables = tables.to_vec();
    for table in &mut tables {
        let known = measured.tables.get(&full_name(&table.schema, &table.name));
        let known = known.and_then(|known| u64::try_from(known.rows).ok());
        table.rows = known.or(table.rows);
    }
    tables
}

/// The part of the dump that is to be restored, where it is not all of it.
fn listed(arguments: &[Argument]) -> Option<AfterData> {
    arguments.iter().find_map(|argument| match argument {
        Argument::Listed(part) => Some(*part),
        Argument::Plain(_)
        | Argument::Connection
        | Argument::Snapshot
        | Argument::DumpFile
        | Argument::Dump => None,
    })
}

/// The arguments with their holes filled; `files` is where the list is.
async fn filled(world: &World, program: &Program, files: &Path) -> Vec<String> {
    let tool = program.tool;
    let dump = world.state.dump().display().to_string();
    let mut filled = Vec::new();
    for argument in &program.arguments {
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
            Argument::Listed(_) => format!("--use-list={}", files.join(LIST).display()),
            Argument::DumpFile => format!("--file={dump}"),
            Argument::Dump => dump.clone(),
        });
    }
    filled
}

/// Has `pg_restore` list what the dump makes after its data.
async fn list_after_data(
    world: &World,
    program: &Program,
    environment: Vec<(OsString, OsString)>,
) -> Result<String> {
    let file = world.state.passing_file()?;
    let invocation = Invocation {
        program: &program.directory.join(program.tool.name()),
        arguments: vec![
            "--list".to_owned(),
            "--section=post-data".to_owned(),
            format!("--file={}", file.path().display()),
            world.state.dump().display().to_string(),
        ],
        environment,
    };
    let mut complaints = Complaints::default();
    let ended = run_child(invocation, &world.stop, |line| complaints.heard(line)).await?;
    judge(program.tool, ended, complaints, false)?;
    std::fs::read_to_string(file.path())
        .map_err(|error| world.state.trouble("cannot read the dump's list", &error))
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
    let let_through = allow_errors && went_on && !harmless.is_empty();
    if harmful.is_empty() && (ended.success() || let_through) {
        let mut output = if let_through {
            Output::of(&LetThrough::SomeErrors)
        } else {
            Output::default()
        };
        output.warnings = harmless;
        return Ok(output);
    }
    let mut next =
        "Mend the cause, then run `pg_dbmigrator apply` again: this step starts over.".to_owned();
    if !allow_errors && !harmless.is_empty() {
        next.push_str(
            " Errors about ownership, privileges or comments can be let through with \
             `restore.allow_errors: true`.",
        );
    }
    let said = if allow_errors {
        harmful
    } else {
        // pg_restore stopped at the first; that a worker died of it comes after.
        harmless.into_iter().chain(harmful).collect()
    };
    let what = match ended.success() {
        true => format!("{} ended well, but not without errors", tool.name()),
        false => format!("{} did not succeed ({ended})", tool.name()),
    };
    Err(said
        .into_iter()
        .take(MOST_SHOWN)
        .fold(Error::failed(what, next), Error::because))
}

/// The file with the part of the dump to restore.
const LIST: &str = "restore.list";

/// How many of a program's errors an error shows; the log has them all.
const MOST_SHOWN: usize = 10;
