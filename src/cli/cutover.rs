//! `pg_dbmigrator cutover`: asks the apply that runs for the cutover and waits for it, or carries it
//! out itself where none runs. It begins no migration.

use std::time::Duration;

use clap::Args;

use super::apply::Apply;
use super::{PlanFile, not_confirmed, print};
use crate::error::{Error, Exit, Result};
use crate::migrator::{Asked, Migrator};
use crate::report::outcome_text;

/// How often it is looked whether the other process is done.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(super) struct Cutover {
    #[command(flatten)]
    file: PlanFile,
    /// Do not ask for a confirmation
    #[arg(short, long)]
    yes: bool,
    /// Print one JSON line per event; the last one says how it ended
    #[arg(long)]
    json: bool,
}

impl Cutover {
    pub(super) async fn run(self) -> Result<Exit> {
        let migrator = self.file.migrator()?;
        migrator.check_that_it_streams()?;
        let question = "Fence the source and switch to the target?";
        if !self.yes && !print::ask(question).ok_or_else(|| not_confirmed("cutover"))? {
            return print::out("Nothing was changed.\n");
        }
        if migrator.state().is_locked() {
            if !self.json {
                print::out("The apply that runs is asked for the cutover.\n")?;
            }
            if let Some(exit) = wait_for_other(&migrator, self.json).await? {
                return Ok(exit);
            }
        }
        migrator.cutover_handle().request();
        let json = self.json;
        let apply = Apply::for_cutover(self.file, json);
        match apply.run_with(&migrator).await {
            // Somebody else was quicker, by a moment.
            Err(error) if error.exit() == Exit::Locked && migrator.state().is_locked() => {
                let exit = wait_for_other(&migrator, json).await?;
                exit.ok_or(error)
            }
            ended => ended,
        }
    }
}

/// Waits until the other process has cut over; `None` when it ended before it saw the request.
async fn wait_for_other(migrator: &Migrator, json: bool) -> Result<Option<Exit>> {
    migrator.ask_for_cutover()?;
    loop {
        tokio::time::sleep(LOOK).await;
        match migrator.answer_to_cutover()? {
            Asked::Waits => {}
            Asked::Unseen => return Ok(None),
            Asked::Done(outcome) if json => return print::json(&outcome, true).map(Some),
            Asked::Done(outcome) => return print::out(&outcome_text(&outcome)).map(Some),
            Asked::Failed(why) => {
                return Err(Error::new(
                    Exit::RolledBack,
                    "the apply that runs could not cut over, and took everything back",
                    "The source serves as before. See what it says, then try again.",
                )
                .because(why));
            }
        }
    }
}
