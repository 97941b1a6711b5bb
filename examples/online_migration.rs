//! Carries out an online plan: follows the replication, and cuts over on Ctrl+C.
//! It never cuts over by itself, unless the plan says so.
//!
//! `cargo run --example online_migration plans/demo/night.yaml`

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
        eprintln!("usage: online_migration PLAN.yaml");
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
    let cutover = migrator.cutover_handle();
    let stop = migrator.stop_handle();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            // Before it streams there is nothing to cut over to: then it stops, and can be resumed.
            if cutover.is_streaming() {
                cutover.request();
            } else {
                stop.request(StopReason::Interrupt);
            }
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
        Happened::Lag { lag_bytes, .. } => println!("{step}: {lag_bytes} bytes behind"),
        Happened::CaughtUp { .. } => println!("{step}: caught up; Ctrl+C cuts over"),
        Happened::StepDone { seconds } => println!("{step}: done in {seconds:.1} s"),
        Happened::Warning { message } => println!("{step}: warning: {message}"),
        _ => {}
    }
}

fn report(outcome: &MigrationOutcome) {
    if outcome.cutover_triggered() {
        let outage = outcome.write_outage_ms.unwrap_or_default();
        println!("the target serves; nobody could write for {outage} ms");
    }
    let proof = &outcome.proof;
    println!(
        "{}: {} rows in {} tables are the same on both sides",
        outcome.plan, proof.rows, proof.tables
    );
}
