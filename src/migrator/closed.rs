//! What a run that was cut short left closed is opened before anything else is asked: the application
//! waits for it. It opens nothing after a switch was decided, and asks the side that is closed alone.

use std::sync::Mutex;

use super::Migrator;
use crate::ends::Ends;
use crate::error::{Error, Exit, Result};
use crate::executor::Executor;
use crate::inspect::Facts;
use crate::journal::{Journal, Status};
use crate::phases::{self, Serving};
use crate::plan::{self, Phase, Plan};
use crate::resume::left_closed;
use crate::side::Side;

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

    async fn open_side(&self, side: Side, name: &str, journal: &Mutex<Journal>) -> Result<()> {
        let status = status_of(journal);
        let Some(facts) = self.state.read::<Facts>(&self.state.facts())? else {
            return Ok(());
        };
        let plan = plan::plan(&self.resolved, &facts)?;
        let Some((stage, closed)) = left_closed(&plan, &status) else {
            return Ok(());
        };
        check_unchanged(&plan, &status, stage.phase)?;
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
        Ok(())
    }
}

fn status_of(journal: &Mutex<Journal>) -> Status {
    let journal = journal.lock().expect("no holder of this lock panics");
    journal.status().clone()
}

/// What opens a side goes by the plan: it must be the one that closed it.
fn check_unchanged(plan: &Plan, status: &Status, phase: Phase) -> Result<()> {
    let stages = plan.stages.iter().chain(&plan.afterwards);
    let stages = stages.filter(|stage| stage.phase == phase);
    let mut steps = status.steps.clone();
    let ids: Vec<_> = stages.flat_map(|stage| &stage.steps).collect();
    steps.retain(|id, _| ids.iter().any(|step| step.id == *id));
    let only = Status {
        steps,
        ..Status::default()
    };
    crate::history::check(plan, &only)
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
