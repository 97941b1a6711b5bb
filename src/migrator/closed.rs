//! What a run that was cut short left closed is opened before anything else is asked: the application
//! waits for it. It opens nothing after a switch was decided, and asks the side that is closed alone.

use std::path::Path;
use std::sync::Mutex;

use super::Migrator;
use crate::ends::Ends;
use crate::error::{Error, Exit, Result};
use crate::executor::Executor;
use crate::inspect::Facts;
use crate::journal::{Event, Journal, Status};
use crate::phases::{self, Serving};
use crate::plan::{self, Plan};
use crate::resume::left_closed;
use crate::side::Side;
use crate::state::StateDir;

impl Migrator {
    /// Opens the side that an earlier run left fenced with nothing decided; most often there is none.
    /// The caller holds the lock on the state.
    ///
    /// # Errors
    /// [`Exit::Undecided`], that it is still fenced, and what the server says.
    pub(super) async fn open_what_is_closed(
        &self,
        application_name: &str,
        journal: Journal,
    ) -> Result<Journal> {
        let Serving::Neither(side) = phases::serving(journal.status()) else {
            return Ok(journal);
        };
        let journal = Mutex::new(journal);
        let opened = self.open_side(side, application_name, &journal).await;
        opened.map_err(|error| still_fenced(side, &error))?;
        let journal = journal.into_inner();
        Ok(journal.expect("no holder of this lock panics"))
    }

    /// What opens a side goes by the plan: its fence must be the one that closed it. Nothing else
    /// of the plan matters here, however it was edited: the application waits.
    async fn open_side(&self, side: Side, name: &str, journal: &Mutex<Journal>) -> Result<()> {
        let status = status_of(journal);
        let Some(facts) = self.state.read::<Facts>(&self.state.facts())? else {
            return Ok(());
        };
        let plan = plan::plan(&self.resolved, &facts)?;
        let Some((stage, closed)) = left_closed(&plan, &status) else {
            return forget_removed_hooks(&plan, journal);
        };
        let opened_by = stage.switch.as_ref().map(|switch| &switch.fence);
        let fence = opened_by.filter(|fence| closed.contains(fence));
        crate::history::check_steps(&plan, &status, &fence.into_iter().cloned().collect())?;
        let ends = match side {
            Side::Source => Ends::named(&self.resolved, self.state.path(), name).await?,
            Side::Target => Ends::reach(&self.resolved, self.state.path(), name).await?,
        };
        ends.end_leftovers(name, &[side]).await?;
        ends.still_are(&facts, &[side]).await?;
        let world = self.world(ends, &status);
        let executor = Executor {
            plan: &plan,
            world: &world,
            journal,
        };
        executor.open_again(&closed).await?;
        tracing::warn!("the {side} was still fenced by a run that was cut short: it is open again");
        forget_removed_hooks(&plan, journal)
    }
}

/// Hooks that were taken out of the plan since they ran cannot be called to take anything back; what
/// they held up nobody knows.
fn forget_removed_hooks(plan: &Plan, journal: &Mutex<Journal>) -> Result<()> {
    let mut journal = journal.lock().expect("no holder of this lock panics");
    let (status, step) = (journal.status(), phases::hooks_before_fence());
    let is_there = plan.steps().any(|planned| planned.id == step);
    if is_there || !status.steps.contains_key(&step) || phases::is_decided(status) {
        return Ok(());
    }
    tracing::warn!(
        "the hooks of {step} ran, and are not in the plan any more: take back by hand what they did"
    );
    journal.append(Event::undone(step))
}

fn status_of(journal: &Mutex<Journal>) -> Status {
    let journal = journal.lock().expect("no holder of this lock panics");
    journal.status().clone()
}

/// What to tell whoever ends a process while it holds up the application; `None` while it does not.
pub(crate) fn still_closed(state: &StateDir, plan: &Path) -> Option<String> {
    let status = Journal::read(state).ok().flatten()?;
    let Serving::Neither(side) = phases::serving(&status) else {
        return None;
    };
    Some(format!(
        "the application is STILL FENCED OFF from the {side}: run `pg_dbmigrator apply {}` now; the \
         first thing that does is to open what was closed, or to finish the switch if it is decided",
        plan.display()
    ))
}

fn still_fenced(side: Side, error: &Error) -> Error {
    let what = format!(
        "the {side}, which an earlier run fenced, could not be opened: the application is STILL \
         FENCED OFF"
    );
    let next = format!(
        "{} Then run the same command again: the first thing it does is to open the {side}.",
        error.next()
    );
    let all = Error::new(Exit::Undecided, what, next).because(error.what());
    error.causes().iter().fold(all, Error::because)
}
