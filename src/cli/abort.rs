//! `pg_dbmigrator abort`: takes back what the plan made, and nothing else.
//! It decides nothing; the library knows what was made.

use clap::Args;

use super::{PlanFile, not_confirmed, print, signals};
use crate::error::{Exit, Result};

#[derive(Debug, Args)]
pub(super) struct Abort {
    #[command(flatten)]
    file: PlanFile,
    /// Do not ask for a confirmation
    #[arg(short, long)]
    yes: bool,
}

impl Abort {
    pub(super) async fn run(&self) -> Result<Exit> {
        let migrator = self.file.migrator()?;
        super::log::to_stderr(self.file.verbose);
        let question = "Remove everything that this plan made on the target?";
        if !self.yes && !print::ask(question).ok_or_else(|| not_confirmed("abort"))? {
            return print::out("Nothing was changed.\n");
        }
        signals::stop_on_signals(&migrator);
        let said = migrator.abort().await?;
        if said.is_empty() {
            return print::out("Nothing began: there is nothing to take back.\n");
        }
        print::out(&format!("{}\n", said.join("\n")))
    }
}
