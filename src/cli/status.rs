//! `pg_dbmigrator status`: where a migration stands. It has no side effects.

use clap::Args;

use super::{PlanFile, print};
use crate::embedded;
use crate::error::{Exit, Result};
use crate::report::{StatusReport, status_text};

#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    file: PlanFile,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) fn run(&self) -> Result<Exit> {
        let migrator = self.file.migrator()?;
        let status = migrator.status()?;
        let servers = embedded::list(migrator.state().path())?;
        let running = migrator.state().is_locked();
        let report = StatusReport::new(migrator.resolved(), status.as_ref(), running, &servers);
        if self.json {
            return print::json(&report, false);
        }
        print::out(&status_text(&report))
    }
}
