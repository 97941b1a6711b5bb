//! `pg_dbmigrator rollback`: after a cutover, goes back to the source without losing what was written
//! to the target since. It removes nothing of the migration: the target follows the source again.

use clap::Args;

use super::{PlanFile, apply, not_confirmed, print, signals};
use crate::error::{Exit, Result};
use crate::report::wrapped;

#[derive(Debug, Args)]
pub(super) struct Rollback {
    #[command(flatten)]
    file: PlanFile,
    /// Do not ask for a confirmation
    #[arg(short, long)]
    yes: bool,
    /// Print one JSON line per event
    #[arg(long)]
    json: bool,
}

impl Rollback {
    pub(super) async fn run(&self) -> Result<Exit> {
        let migrator = self.file.migrator()?;
        migrator.check_that_it_switched()?;
        let question = "Fence the target and go back to the source?";
        if !self.yes && !print::ask(question).ok_or_else(|| not_confirmed("rollback"))? {
            return print::out("Nothing was changed.\n");
        }
        super::log::to_stderr_and_file(self.file.verbose, migrator.state())?;
        signals::stop_on_signals(&migrator);
        let events = migrator.events();
        let (done, ()) = tokio::join!(migrator.rollback(), apply::show(self.json, events));
        let outage = done?;
        if self.json {
            return Ok(Exit::Done);
        }
        let file = self.file.plan.display();
        print::out(&format!(
            "\nRolled back: the source serves.\n  outage   {} ms from the fence around the target \
             to the open source\n\n",
            outage.as_millis()
        ))?;
        let next = format!(
            "the target follows the source again: `pg_dbmigrator cutover {file}` tries anew, \
             `abort {file}` takes everything back."
        );
        print::out(&wrapped("Next: ", 6, &next))
    }
}
