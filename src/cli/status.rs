//! `pg_dbmigrator status`: where a migration stands, as the state directory and, once it streams, the
//! servers say. It has no side effects.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;

use super::{PlanFile, print};
use crate::embedded;
use crate::error::{Exit, Result};
use crate::migrator::Migrator;
use crate::report::{StatusReport, status_line, status_now, status_text};

/// How often `--watch` looks again.
const LOOK: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    file: PlanFile,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
    /// Look again every two seconds, until Ctrl+C
    #[arg(long)]
    watch: bool,
}

impl Status {
    pub(super) async fn run(&self) -> Result<Exit> {
        let migrator = self.file.migrator()?;
        loop {
            let report = report(&migrator).await?;
            let printed = match (self.json, self.watch) {
                (true, _) => print::json(&report, self.watch)?,
                (false, true) => watched(&report)?,
                (false, false) => print::out(&status_text(&report))?,
            };
            if !self.watch {
                return Ok(printed);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// A terminal is drawn anew; elsewhere a look is a line.
fn watched(report: &StatusReport) -> Result<Exit> {
    let now = jiff::Timestamp::now().strftime("%F %T UTC");
    match std::io::stdout().is_terminal() {
        true => print::in_place(&format!("{now}  {}", status_now(report))),
        false => print::out(&format!("{now}  {}", status_line(report))),
    }
}

async fn report(migrator: &Migrator) -> Result<StatusReport> {
    let status = migrator.status()?;
    let servers = embedded::list(migrator.state().path())?;
    let running = migrator.state().is_locked();
    let report = StatusReport::new(migrator.resolved(), status.as_ref(), running, &servers);
    let report = report.with_standing(migrator.standing().await);
    Ok(StatusReport {
        snapshot: migrator.kept_snapshot().await,
        ..report
    })
}
