//! The front door to the cutover, for processes that do not follow the replication themselves.
//! It asks and looks; the run that follows the replication does the rest.

use super::Migrator;
use crate::error::{Error, Result};
use crate::outcome::MigrationOutcome;
use crate::phases::{self, FOLLOW, Serving};
use crate::plan::StepId;

/// What became of a request to cut over.
#[derive(Debug)]
pub enum Asked {
    /// It is not done yet.
    Waits,
    /// Nobody saw it, and nobody is there to see it any more.
    Unseen,
    /// The target serves.
    Done(Box<MigrationOutcome>),
    /// It failed, and the source serves.
    Failed(String),
}

impl Migrator {
    /// Refuses where there is nothing to switch.
    ///
    /// # Errors
    /// [`crate::error::Exit::Refused`] for an offline plan, before the copy is done, and after
    /// the switch.
    pub fn check_that_it_streams(&self) -> Result<()> {
        let file = self.resolved.path.display();
        if self.resolved.online.is_none() {
            let what = "this is an offline migration: it has no cutover";
            return Err(Error::refused(
                what,
                "Write `mode: online` in the plan for one.",
            ));
        }
        let status = self.status()?.unwrap_or_default();
        if status.completed.is_some() {
            let what = "the cutover is done already";
            let next = format!("`pg_dbmigrator status {file}` shows where it stands.");
            return Err(Error::refused(what, next));
        }
        self.check_that_it_goes_on()
    }

    /// Refuses to begin a migration for the sake of its cutover: somebody may have aborted the one
    /// that streamed.
    ///
    /// # Errors
    /// [`crate::error::Exit::Refused`] where nothing streams, and nothing was switched.
    pub fn check_that_it_goes_on(&self) -> Result<()> {
        let status = self.status()?.unwrap_or_default();
        let streams =
            status.steps.contains_key(&StepId::new(FOLLOW)) || phases::is_streaming(&status);
        if streams || status.completed.is_some() {
            return Ok(());
        }
        let what = "nothing is replicated yet: there is nothing to switch to";
        let file = self.resolved.path.display();
        let next = format!("Run `pg_dbmigrator apply {file}` first.");
        Err(Error::refused(what, next))
    }

    /// Asks the process that works on this plan for the cutover.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn ask_for_cutover(&self) -> Result<()> {
        self.state.request_cutover()
    }

    /// Keeps the request of this process from being taken for one that nobody waits for any more: one
    /// that is not renewed within a second is passed over by an apply that begins.
    pub fn renew_cutover_request(&self) {
        self.state.renew_cutover_request();
    }

    /// Takes the request of this process back. It was, or whoever works on this plan carries it out
    /// already, or nobody has it: it is taken by one or the other, never by both.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn withdraw_cutover(&self) -> Result<bool> {
        self.state.withdraw_cutover()
    }

    /// Whether another process asks for the cutover too.
    pub fn others_ask_for_cutover(&self) -> bool {
        self.state.is_asked_for_cutover()
    }

    /// Where the switch stands that somebody else carries out, as far as the journal knows.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn switch_is_at(&self) -> Result<Option<String>> {
        let status = self.status()?.unwrap_or_default();
        let begun = status
            .steps
            .iter()
            .filter(|(id, _)| status.is_interrupted(id));
        let latest = begun.max_by_key(|(_, step)| step.started);
        Ok(latest.map(|(id, _)| id.to_string()))
    }

    /// Whether whoever works on this plan watches the replication, where a request is seen, or cuts
    /// over already.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn hears_cutover(&self) -> Result<bool> {
        let status = self.status()?.unwrap_or_default();
        Ok(phases::hears_requests(&status))
    }

    /// What became of the request.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn answer_to_cutover(&self) -> Result<Asked> {
        if self.state.is_locked() {
            return Ok(Asked::Waits);
        }
        let status = self.status()?.unwrap_or_default();
        if status.completed.is_some() {
            let outcome = self.state.read::<MigrationOutcome>(&self.state.report())?;
            return Ok(outcome.map_or(Asked::Unseen, |outcome| Asked::Done(Box::new(outcome))));
        }
        if self.state.cutover_request().exists() {
            return Ok(Asked::Unseen);
        }
        // It died half-way: whoever asked goes on, and opens first what is closed.
        if phases::serving(&status) != Serving::Source {
            return Ok(Asked::Unseen);
        }
        Ok(status.failure.map_or(Asked::Unseen, Asked::Failed))
    }
}
