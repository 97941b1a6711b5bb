//! Performs the operator's own calls: programs, and commands of PgBouncer's console.
//! It gives them no secret of the plan, but this process's environment, as a shell would, with whatever
//! secrets are in it; and it goes by their exit code alone.

use std::path::Path;

use super::HookCall;
use crate::effect::child::{self, Invocation};
use crate::effect::world::{Output, World};
use crate::error::{Error, Result};
use crate::postgres::{Conninfo, Environment};
use crate::secret::{Sealed, redact};

/// The command that lets everybody through again.
const RESUME: &str = "RESUME";

/// How much of what a program says is told.
const TOLD: usize = 2000;

/// Makes the call, and waits for its end.
///
/// # Errors
/// That it failed, with what it said; or that it was stopped.
pub(super) async fn run(world: &World, call: &HookCall) -> Result<Output> {
    match call {
        HookCall::Command(words) => program(world, words).await,
        HookCall::Pgbouncer { url, commands } => {
            world.unless_stopped(pgbouncer(url, commands)).await
        }
    }
}

async fn program(world: &World, words: &[String]) -> Result<Output> {
    let (program, arguments) = words.split_first().expect("the plan refuses an empty hook");
    let invocation = Invocation {
        program: Path::new(program),
        arguments: arguments.to_vec(),
        environment: std::env::vars_os().collect(),
    };
    let mut said = String::new();
    let ended = child::run(invocation, &world.stop, |line| {
        tracing::info!("hook {program}: {}", redact(line));
        if said.len() < TOLD {
            said.push_str(&format!("\n{}", redact(line)));
        }
    });
    let ended = ended.await?;
    if ended.success() {
        return Ok(Output::default());
    }
    let error = Error::failed(
        format!("the hook {program} failed"),
        "Mend it, and try again.",
    );
    Err(error.because(format!("{ended}{said}")))
}

async fn pgbouncer(url: &Sealed, commands: &[String]) -> Result<Output> {
    let console = Conninfo::resolve("pgbouncer", url, &Environment::of_process())?;
    let client = console.connect().await?;
    for command in commands {
        match client.simple_query(command).await {
            Err(error) if !is_so_already(command, &error) => {
                let error = Error::from(error);
                return Err(error.at(format!("{command}, on the console of PgBouncer")));
            }
            _ => {}
        }
    }
    Ok(Output::default())
}

/// PgBouncer refuses RESUME while nothing is paused: it was resumed before, or started anew since.
/// Every refusal of its console has one SQLSTATE; only the words tell them apart.
fn is_so_already(command: &str, error: &tokio_postgres::Error) -> bool {
    let words = error.as_db_error().map_or("", |refusal| refusal.message());
    command == RESUME && words.contains("not paused")
}
