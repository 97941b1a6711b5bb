//! `pg_dbmigrator finalize`: after a migration, forgets its state. It never touches
//! the target, but for a throwaway one.

use clap::Args;

use super::{PlanFile, not_confirmed, print};
use crate::error::{Exit, Result};

#[derive(Debug, Args)]
pub(super) struct Finalize {
    #[command(flatten)]
    file: PlanFile,
    /// Do not ask for a confirmation
    #[arg(short, long)]
    yes: bool,
}

impl Finalize {
    pub(super) async fn run(&self) -> Result<Exit> {
        let migrator = self.file.migrator()?;
        super::log::to_stderr(self.file.verbose);
        let question = "Remove the plan's throwaway servers and its state?";
        if !self.yes && !print::ask(question).ok_or_else(|| not_confirmed("finalize"))? {
            return print::out("Nothing was changed.\n");
        }
        let said = migrator.finalize().await?;
        if said.is_empty() {
            return print::out("There is nothing to remove.\n");
        }
        print::out(&format!("{}\n", said.join("\n")))
    }
}
