//! The commands: clap types, and one short file per command. What they do is in the library; here
//! is who is told, and how the process ends; nothing here knows a server.

mod abort;
mod apply;
mod cutover;
mod finalize;
mod log;
mod plan;
mod print;
mod rollback;
mod signals;
mod status;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::error::{Error, Exit, Result};
use crate::migrator::{Config, Migrator};
use crate::side::Side;

/// Migrates PostgreSQL databases from a declarative plan, and proves that nothing was lost.
#[derive(Debug, Parser)]
#[command(name = "pg_dbmigrator", version, arg_required_else_help = true)]
#[command(after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Use colours; `auto` does on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Colour,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

impl From<Colour> for anstream::ColorChoice {
    fn from(colour: Colour) -> Self {
        match colour {
            Colour::Auto => Self::Auto,
            Colour::Always => Self::Always,
            Colour::Never => Self::Never,
        }
    }
}

const EXIT_CODES: &str = "\
Exit codes: 0 done and proven; 1 failed, resumable; 2 usage; 3 plan file invalid; 4 refused;
5 a human must decide; 6 verification found a difference; 7 verification could not be completed;
8 the cutover was taken back, the source serves (or a rollback, and the target does);
9 another process holds the lock; 130 and 143 interrupted, resumable.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the plan, ask both servers, and print what apply would do; changes nothing
    Plan(plan::Plan),
    /// Carry the plan out; run again, it goes on where it stopped
    Apply(apply::Apply),
    /// Switch from source to target, whether or not an apply runs
    Cutover(cutover::Cutover),
    /// After a cutover: go back to the source without losing anything
    Rollback(rollback::Rollback),
    /// Show where a migration stands; changes nothing
    Status(status::Status),
    /// Before it is complete: take back everything this plan made
    Abort(abort::Abort),
    /// After it is complete: remove everything made for it but the target, and its state
    Finalize(finalize::Finalize),
    /// Print the JSON schema of plan files
    Schema,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// Hold a snapshot for `apply`
    #[command(hide = true)]
    KeepSnapshot,
}

/// What every command that reads a plan takes.
#[derive(Debug, Args)]
struct PlanFile {
    /// The plan file
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// Override one key of the plan, for instance copy.jobs=8
    #[arg(long, value_name = "KEY=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Give a value to {{ var('NAME') }} in the plan
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    var: Vec<(String, String)>,
    /// Log more to standard error; twice for everything
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

impl PlanFile {
    /// Reads the plan.
    fn migrator(&self) -> Result<Migrator> {
        self.migrator_until(false)
    }

    /// Reads the plan; a run may end once the target has caught up.
    fn migrator_until(&self, until_caught_up: bool) -> Result<Migrator> {
        Migrator::new(Config {
            until_caught_up,
            keeper: std::env::current_exe().ok(),
            plan: self.plan.clone(),
            vars: self.var.iter().cloned().collect::<BTreeMap<_, _>>(),
            set: self.set.clone(),
        })
    }
}

/// A side whose server is gone for good.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Gone {
    Source,
    Target,
}

impl From<Gone> for Side {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::Source => Self::Source,
            Gone::Target => Self::Target,
        }
    }
}

fn assignment(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

/// Runs the command line of this process and says how to end it.
pub fn main() -> ExitCode {
    print::redact_panics();
    no_core_dumps();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let asked = !error.use_stderr();
            let _ = error.print();
            return if asked {
                Exit::Done.into()
            } else {
                Exit::Usage.into()
            };
        }
    };
    anstream::ColorChoice::from(cli.color).write_global();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a single-threaded runtime needs nothing but memory");
    match runtime.block_on(run(cli.command)) {
        Ok(exit) => exit.into(),
        Err(error) => {
            print::error(&error);
            error.exit().into()
        }
    }
}

/// Neither this process nor its children leave their memory, passwords in it, on a disk.
fn no_core_dumps() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Where the system says no there is nothing to be done, and nothing was changed.
    let _ = setrlimit(Resource::Core, none);
}

async fn run(command: Command) -> Result<Exit> {
    match command {
        Command::Plan(plan) => plan.run().await,
        Command::Apply(apply) => apply.run().await,
        Command::Cutover(cutover) => cutover.run().await,
        Command::Rollback(rollback) => rollback.run().await,
        Command::Status(status) => status.run().await,
        Command::Abort(abort) => abort.run().await,
        Command::Finalize(finalize) => finalize.run().await,
        Command::Schema => print::out(&crate::spec::schema()),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "pg_dbmigrator", &mut script);
            print::out(&String::from_utf8_lossy(&script))
        }
        Command::KeepSnapshot => crate::keeper::keep().await,
        Command::Man => {
            let mut page = Vec::new();
            let written = clap_mangen::Man::new(Cli::command()).render(&mut page);
            written.expect("writing to memory does not fail");
            print::out(&String::from_utf8_lossy(&page))
        }
    }
}

/// The refusal to do something that needs an answer when nobody can be asked.
fn not_confirmed(command: &str) -> Error {
    Error::new(
        Exit::Usage,
        format!("{command} needs a confirmation, and there is no terminal to ask on"),
        "Run it on a terminal, or with --yes.",
    )
}
