//! Carries out a plan file, shows what happens meanwhile, and stops safely on Ctrl+C.
//! It never asks before it begins; `pg_dbmigrator apply` does.
//!
//! `cargo run --example offline_migration plans/demo/migrate.yaml`

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program prints"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use pg_dbmigrator::{
    Config, Exit, Happened, MigrationOutcome, Migrator, ProgressEvent, Result, StopReason,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(plan) = std::env::args_os().nth(1) else {
        eprintln!("usage: offline_migration PLAN.yaml");
        return Exit::Usage.into();
    };
    match migrate(plan.into()).await {
        Ok(outcome) => {
            report(&outcome);
            Exit::Done.into()
        }
        Err(error) => {
            eprintln!("{error}");
            error.exit().into()
        }
    }
}

async fn migrate(plan: PathBuf) -> Result<MigrationOutcome> {
    let migrator = Migrator::new(Config {
        plan,
        ..Config::default()
    })?;
    let stop = migrator.stop_handle();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.request(StopReason::Interrupt);
        }
    });
    let mut events = migrator.events();
    let show = async {
        while let Some(event) = events.recv().await {
            show(event);
        }
    };
    let (outcome, ()) = tokio::join!(migrator.run(), show);
    outcome
}

fn show(ProgressEvent { step, happened, .. }: ProgressEvent) {
    let step = step.map_or(String::new(), |step| step.to_string());
    match happened {
        Happened::StepStarted { summary } => println!("{step}: {summary}"),
        Happened::Progress {
            bytes_done,
            bytes_total,
            ..
        } => println!("{step}: {bytes_done} of {bytes_total} bytes"),
        Happened::StepDone { seconds } => println!("{step}: done in {seconds:.1} s"),
        Happened::Warning { message } => println!("{step}: warning: {message}"),
        _ => {}
    }
}

fn report(outcome: &MigrationOutcome) {
    let proof = &outcome.proof;
    println!(
        "{}: {} rows in {} tables are the same on both sides",
        outcome.plan, proof.rows, proof.tables
    );
    for left in &outcome.left_behind {
        println!("not migrated: {left}");
    }
}
