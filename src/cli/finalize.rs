//! `pg_dbmigrator finalize`: after a migration, removes what it made for its streams and forgets its
//! state. It never touches what was migrated, but in a throwaway server.

use clap::Args;

use super::{Gone, PlanFile, not_confirmed, print};
use crate::error::{Exit, Result};
use crate::migrator::Migrator;
use crate::side::Side;

#[derive(Debug, Args)]
pub(super) struct Finalize {
    #[command(flatten)]
    file: PlanFile,
    /// Do not ask for a confirmation
    #[arg(short, long)]
    yes: bool,
    /// Remove what is on the other side alone: this one's server is gone for good
    #[arg(long, value_name = "SIDE")]
    without: Option<Gone>,
}

impl Finalize {
    pub(super) async fn run(&self) -> Result<Exit> {
        let migrator = self.file.migrator()?;
        super::log::to_stderr(self.file.verbose);
        let question = question(&migrator);
        if !self.yes && !print::ask(question).ok_or_else(|| not_confirmed("finalize"))? {
            return print::out("Nothing was changed.\n");
        }
        let said = match self.without.map(Side::from) {
            Some(gone) => migrator.finalize_without(gone).await?,
            None => migrator.finalize().await?,
        };
        if said.is_empty() {
            return print::out("There is nothing to remove.\n");
        }
        print::out(&format!("{}\n", said.join("\n")))
    }
}

/// What is given up, in one question.
fn question(migrator: &Migrator) -> &'static str {
    let online = migrator.resolved().online.as_ref();
    match online.map(|online| online.cutover.reverse) {
        None => "Remove the plan's throwaway servers and its state?",
        Some(true) => {
            "Give up the way back to the source for good, and remove the streams and the plan's state?"
        }
        Some(false) => "Remove what is left of the stream, and the plan's state?",
    }
}
