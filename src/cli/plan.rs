//! `pg_dbmigrator plan`: the dry run. It changes nothing on either server.

use clap::Args;

use super::{PlanFile, print};
use crate::error::{Exit, Result};
use crate::preflight::Level;
use crate::report::{plan_json, plan_text};

#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    file: PlanFile,
    /// Show every statement and command line
    #[arg(long)]
    show_sql: bool,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
    /// Check the file alone; ask no server
    #[arg(long, conflicts_with_all = ["show_sql", "json"])]
    no_connect: bool,
}

impl Plan {
    pub(super) async fn run(&self) -> Result<Exit> {
        super::log::to_stderr(self.file.verbose);
        let migrator = self.file.migrator()?;
        if self.no_connect {
            let file = self.file.plan.display();
            return print::out(&format!(
                "{file} is valid; no server was asked.\n\nNext: `pg_dbmigrator plan {file}`\n"
            ));
        }
        let preview = migrator.preview().await?;
        if self.json {
            print::json(plan_json(migrator.resolved(), &preview), false)?;
        } else {
            print::out(&plan_text(migrator.resolved(), &preview, self.show_sql))?;
        }
        let refused = preview
            .findings
            .iter()
            .any(|finding| finding.level == Level::Refusal);
        Ok(if refused { Exit::Refused } else { Exit::Done })
    }
}
