//! `pg_dbmigrator abort`: takes back what the plan made, and nothing else.
//! It decides nothing; the library knows what was made.

use clap::Args;

use super::{Gone, PlanFile, not_confirmed, print, signals};
use crate::error::{Exit, Result};
use crate::side::Side;

#[derive(Debug, Args)]
pub(super) struct Abort {
    #[command(flatten)]
    file: PlanFile,
    /// Do not ask for a confirmation
    #[arg(short, long)]
    yes: bool,
    /// Take back what is on the other side alone: this one's server is gone for good. Without the
    /// target, that goes after the cutover too: the source serves again, with what had reached it
    #[arg(long, value_name = "SIDE")]
    without: Option<Gone>,
}

impl Abort {
    pub(super) async fn run(&self) -> Result<Exit> {
        let migrator = self.file.migrator()?;
        super::log::to_stderr(self.file.verbose);
        let gone = self.without.map(Side::from);
        let question = question(gone);
        if !self.yes && !print::ask(question).ok_or_else(|| not_confirmed("abort"))? {
            return print::out("Nothing was changed.\n");
        }
        signals::stop_on_signals(&migrator);
        let said = match gone {
            Some(gone) => migrator.abort_without(gone).await?,
            None => migrator.abort().await?,
        };
        if said.is_empty() {
            return print::out("Nothing began: there is nothing to take back.\n");
        }
        print::out(&format!("{}\n", said.join("\n")))
    }
}

/// What is given up, in one question.
fn question(gone: Option<Side>) -> &'static str {
    match gone {
        None => "Remove everything that this plan made, and nothing else?",
        Some(Side::Source) => {
            "Give up the source for good, and remove everything that this plan made on the target?"
        }
        Some(Side::Target) => {
            "Give up the target for good, with all that was written there and has not reached the \
             source?"
        }
    }
}
