//! Abort: takes a migration back, on both sides, and forgets it. It never takes one back whose target
//! applications may have written to.

use std::sync::Mutex;

use super::{Migrator, application_name, taken_back};
use crate::ends::Ends;
use crate::error::{Exit, Result};
use crate::executor::Executor;
use crate::inspect::{Facts, Target};
use crate::journal::{Journal, Status};
use crate::phases;
use crate::plan;
use crate::side::Side;

impl Migrator {
    /// Takes back everything that this migration did on the target, stops and removes its
    /// throwaway servers, and forgets it. Says what it did, a line each.
    ///
    /// # Errors
    /// When the migration is complete, or something cannot be taken back yet.
    pub async fn abort(&self) -> Result<Vec<String>> {
        let done = self.take_back().await;
        self.events.close();
        match done {
            Err(error) if error.exit() == Exit::Failed => {
                Err(self.with_way_out(error, "abort").await)
            }
            done => done,
        }
    }

    async fn take_back(&self) -> Result<Vec<String>> {
        if !self.state.exists() {
            return Ok(Vec::new());
        }
        let _lock = self.state.lock().await?;
        let journal = Journal::open(&self.state)?;
        let status = journal.status().clone();
        if let Some(gone) = status.aborting_without {
            return Err(crate::history::aborting_without(&self.resolved.path, gone));
        }
        if phases::is_decided(&status) {
            // A rollback that was cut short may have left the target fenced.
            let name = application_name(status.migration.as_deref().unwrap_or_default());
            self.open_what_is_closed(&name, journal).await?;
            let online = self.resolved.online.as_ref();
            let reverse = online.is_some_and(|online| online.cutover.reverse);
            return Err(crate::history::switched(&self.resolved.path, reverse));
        }
        if status.completed.is_some() {
            return Err(crate::history::complete(&self.resolved.path));
        }
        let mut said = Vec::new();
        if status.migration.is_some() && !status.aborted {
            said = self.take_back_steps(&status, journal).await?;
        }
        said.extend(self.remove_state().await?);
        Ok(said)
    }

    /// Takes back what was done. Offline the source is not needed for it, and may be what the
    /// migration failed for.
    async fn take_back_steps(&self, status: &Status, journal: Journal) -> Result<Vec<String>> {
        let migration = status.migration.as_deref().unwrap_or_default();
        let Some(facts) = self.state.read::<Facts>(&self.state.facts())? else {
            return Ok(Vec::new());
        };
        let name = application_name(migration);
        let journal = self.open_what_is_closed(&name, journal).await?;
        let ends = Ends::reach(&self.resolved, self.state.path(), &name).await?;
        ends.end_leftovers(&name, &[Side::Target]).await?;
        if let Err(error) = ends.end_leftovers(&name, &[Side::Source]).await {
            tracing::warn!("the source was not searched for sessions of this migration: {error}");
        }
        let _target_lock = ends.lock().await?;
        let changed: &[Side] = match self.resolved.online {
            Some(_) => &Side::ALL,
            None => &[Side::Target],
        };
        ends.are_the_databases_of(&facts)?;
        ends.still_are(&facts, changed).await?;
        nobody_went_on(&ends, &facts.target, status).await?;
        let plan = plan::plan(&self.resolved, &facts)?;
        crate::history::check_undo(&plan, status)?;
        crate::history::check_names(&self.resolved, status)?;
        let world = self.world(ends, status);
        let journal = Mutex::new(journal);
        let executor = Executor {
            plan: &plan,
            world: &world,
            journal: &journal,
        };
        executor.abort(None).await?;
        Ok(taken_back::taken_back(&plan, status, &world).await)
    }
}

/// Checks that the target is as this state says: another copy of it may have gone on with the
/// migration, and what is there now is needed.
///
/// # Errors
/// [`Exit::Undecided`](crate::error::Exit::Undecided) when it is not.
pub(super) async fn nobody_went_on(ends: &Ends, target: &Target, status: &Status) -> Result<()> {
    if phases::leaves_target_closed(status) {
        ends.target_is_still_closed(target).await?;
    }
    if !phases::leaves_target_as_found(status) {
        ends.target_is_ours(target, phases::made_database(status))
            .await?;
    }
    if phases::leaves_marks(status) {
        ends.marks_or_nothing_is_there(target).await?;
    }
    Ok(())
}
