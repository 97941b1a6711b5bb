//! `pg_dbmigrator cutover`: asks the apply that runs for the cutover and waits for it, or carries it
//! out itself where none runs. It begins no migration.

use std::time::{Duration, Instant};

use clap::Args;

use super::apply::Apply;
use super::signals::Signals;
use super::{PlanFile, not_confirmed, print};
use crate::error::{Error, Exit, Result};
use crate::migrator::{Asked, Migrator};
use crate::report::outcome_text;
use crate::stop::StopReason;

/// How often it is looked whether the other process is done.
const LOOK: Duration = Duration::from_millis(100);

/// How long another process may take until it watches the replication, where it sees requests: it
/// first asks both servers, and takes back what a killed run left.
const TO_LISTEN: Duration = Duration::from_secs(30);

/// How often it is tried when somebody else was quicker, by a moment, and is gone again.
const TRIES: u32 = 5;

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
        self.switch(&migrator).await
    }

    /// Whoever works on the plan does it, or this process; the one may come or go at any moment.
    async fn switch(self, migrator: &Migrator) -> Result<Exit> {
        let json = self.json;
        let mut signals = Signals::listen();
        let apply = Apply::for_cutover(self.file, json);
        let mut tries = 1;
        loop {
            if migrator.state().is_locked()
                && let Some(exit) = unless_stopped(migrator, json, &mut signals).await?
            {
                return Ok(exit);
            }
            migrator.check_that_it_goes_on()?;
            migrator.cutover_handle().request();
            match apply.run_with(migrator).await {
                Err(error) if error.exit() == Exit::Locked && tries < TRIES => tries += 1,
                ended => return ended,
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Waits for the other process, and leaves no request behind that nobody waits for any more.
async fn unless_stopped(
    migrator: &Migrator,
    json: bool,
    signals: &mut Signals,
) -> Result<Option<Exit>> {
    tokio::select! {
        biased;
        reason = signals.next() => Err(withdraw(migrator, reason)?),
        ended = wait_for_other(migrator, json) => ended,
    }
}

fn withdraw(migrator: &Migrator, reason: StopReason) -> Result<Error> {
    if migrator.withdraw_cutover()? {
        let next = match migrator.others_ask_for_cutover() {
            true => {
                "Another `pg_dbmigrator cutover` asks for it too, and goes on to wait: the apply \
                 that runs CUTS OVER for that one, unless it is interrupted as well."
            }
            false => {
                "The apply that runs goes on watching. To ask again, run `pg_dbmigrator cutover`."
            }
        };
        let what = "the request for the cutover is withdrawn";
        return Ok(Error::new(reason.error().exit(), what, next));
    }
    let (what, next) = match migrator.switch_is_at()? {
        Some(step) if migrator.state().is_locked() => (
            format!("the request cannot be withdrawn: the apply that runs is already at {step}"),
            "Ctrl+C there takes it back, until the target is open. `pg_dbmigrator status` shows \
             where it stands.",
        ),
        _ => (
            "nobody has the request any more".to_owned(),
            "`pg_dbmigrator status` shows where it stands.",
        ),
    };
    Ok(Error::new(reason.error().exit(), what, next))
}

/// Waits until the other process has cut over; `None` when it ended before it saw the request.
async fn wait_for_other(migrator: &Migrator, json: bool) -> Result<Option<Exit>> {
    migrator.ask_for_cutover()?;
    if !json {
        print::out(&format!(
            "The apply that runs is asked for the cutover; it has {} s to begin to listen.\n",
            TO_LISTEN.as_secs()
        ))?;
    }
    let mut patience = Instant::now() + TO_LISTEN;
    loop {
        tokio::time::sleep(LOOK).await;
        migrator.renew_cutover_request();
        match migrator.answer_to_cutover()? {
            Asked::Waits if Instant::now() < patience => {}
            Asked::Waits if !migrator.hears_cutover()? && migrator.withdraw_cutover()? => {
                return Err(unheard());
            }
            Asked::Waits => patience = Instant::now() + TO_LISTEN,
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

fn unheard() -> Error {
    Error::new(
        Exit::Locked,
        format!(
            "another process works on this plan, and did not begin to watch the replication within \
             {} s: the request for the cutover was taken back",
            TO_LISTEN.as_secs()
        ),
        "`pg_dbmigrator status` shows where it stands; it may wait for an answer on its terminal, \
         or for a server. Let it go on, or stop it; then run `pg_dbmigrator cutover` again.",
    )
}
