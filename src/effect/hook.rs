//! Performs the operator's own calls: programs, and commands of PgBouncer's console.
//! It gives them no secret, and goes by their exit code alone.

use std::process::Stdio;

use tokio::process::Command;

use super::world::{Output, Scene, World};
use super::{Effect, HookCall, lines};
use crate::error::{Error, Result};
use crate::postgres::{Conninfo, Environment};
use crate::secret::{Sealed, redact};

/// How much of what a program says is told.
const TOLD: usize = 2000;

/// Makes the call, and waits for its end.
///
/// # Errors
/// That it failed, with what it said; or that it was stopped.
pub(super) async fn run(world: &World, scene: Scene<'_>, call: &HookCall) -> Result<Output> {
    for line in lines(&Effect::Hook(call.clone())) {
        world.performed(scene, line);
    }
    let work = async {
        match call {
            HookCall::Command(words) => program(words).await,
            HookCall::Pgbouncer { url, commands } => pgbouncer(url, commands).await,
        }
    };
    world.unless_stopped(work).await
}

async fn program(words: &[String]) -> Result<Output> {
    let (program, arguments) = words.split_first().expect("the plan refuses an empty hook");
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let failed = |why: String| {
        Error::failed(
            format!("the hook {program} failed"),
            "Mend it, and try again.",
        )
        .because(why)
    };
    let ended = command
        .output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    let said = String::from_utf8_lossy(&ended.stderr);
    let said: String = redact(said.trim()).chars().take(TOLD).collect();
    tracing::info!("hook {program}: {}; {said}", ended.status);
    if ended.status.success() {
        return Ok(Output::default());
    }
    Err(failed(format!("{}: {said}", ended.status)))
}

async fn pgbouncer(url: &Sealed, commands: &[String]) -> Result<Output> {
    let console = Conninfo::resolve("pgbouncer", url, &Environment::of_process())?;
    let client = console.connect().await?;
    for command in commands {
        client.simple_query(command).await?;
    }
    Ok(Output::default())
}
