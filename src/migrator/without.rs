//! The end of a migration one of whose servers is gone for good: all that was made on the other is
//! removed, and what is left is said. It never takes a server for gone that answers.

use std::sync::Mutex;

use super::abort::nobody_went_on;
use super::standing::PATIENCE;
use super::{Migrator, application_name, taken_back};
use crate::effect::World;
use crate::ends::{Ends, TargetLock};
use crate::error::{Error, Result};
use crate::executor::Executor;
use crate::inspect::Facts;
use crate::journal::Journal;
use crate::phases::{self, Serving};
use crate::plan::{self, Plan};
use crate::resolve::Endpoint;
use crate::side::Side;

/// What it means that the switch was taken back without the target.
const SERVES: &str = "the source serves, with what had reached it from the target; a sequence that \
                      belongs to no column stands where it stood at the switch";

/// A migration, and the one server that it still has.
struct Half {
    plan: Plan,
    world: World,
    journal: Mutex<Journal>,
    _target_lock: Option<TargetLock>,
}

impl Migrator {
    /// [`Migrator::finalize`] where the server of a side is gone for good. Says what it did, and what
    /// is left on that side.
    ///
    /// # Errors
    /// When the server answers, before the switch, or when something cannot be removed yet.
    pub async fn finalize_without(&self, gone: Side) -> Result<Vec<String>> {
        let done = self.make_final_without(gone).await;
        self.close_events();
        done
    }

    /// [`Migrator::abort`] where the server of a side is gone for good. Without the target, that is
    /// possible after the switch too: the source serves again, with what had reached it. Says what it
    /// did, and what is left on that side.
    ///
    /// # Errors
    /// When the server answers, when applications use the other one, or when something cannot be
    /// taken back yet.
    pub async fn abort_without(&self, gone: Side) -> Result<Vec<String>> {
        let done = self.take_back_without(gone).await;
        self.close_events();
        done
    }

    async fn make_final_without(&self, gone: Side) -> Result<Vec<String>> {
        if !self.state.exists() {
            return Ok(Vec::new());
        }
        let _lock = self.state.lock().await?;
        let journal = Journal::open(&self.state)?;
        let status = journal.status().clone();
        if status.completed.is_none() && !phases::is_decided(&status) {
            return Err(self.not_switched(gone)?);
        }
        if let Some(other) = status.aborting_without {
            return Err(crate::history::aborting_without(&self.resolved.path, other));
        }
        let mut said = Vec::new();
        if let (Some(_), Some(plan)) = (&self.resolved.online, self.plan_so_far()?) {
            if !phases::is_finalized(&status)
                && let Some(half) = self.half(gone, journal).await?
            {
                let stage = phases::finalized_without(&half.plan, gone);
                half.executor(&half.plan).afterwards(&stage).await?;
            }
            let here = gone.other();
            said.push(format!(
                "removed publications, slots and subscriptions on the {here}"
            ));
            said.extend(self.stays_closed());
            said.extend(left_there(gone, phases::left_by_finalize(&plan, gone)));
        }
        said.extend(self.remove_state().await?);
        Ok(said)
    }

    async fn take_back_without(&self, gone: Side) -> Result<Vec<String>> {
        if !self.state.exists() {
            return Ok(Vec::new());
        }
        let _lock = self.state.lock().await?;
        let journal = Journal::open(&self.state)?;
        let status = journal.status().clone();
        let decided = phases::was_decided(&status);
        if status.completed.is_some() && !decided {
            return Err(crate::history::complete(&self.resolved.path));
        }
        if decided && gone == Side::Source {
            return Err(self.target_serves());
        }
        if let Some(other) = status.aborting_without.filter(|other| *other != gone) {
            return Err(crate::history::aborting_without(&self.resolved.path, other));
        }
        let mut said = Vec::new();
        if let (Some(_), Some(plan)) = (&status.migration, self.plan_so_far()?) {
            if !status.aborted
                && let Some(half) = self.half(gone, journal).await?
            {
                crate::history::check_undo(&half.plan, &status)?;
                let plan = phases::undone_without(&half.plan, &status, gone);
                half.executor(&plan).abort(Some(gone)).await?;
                said = taken_back::taken_back(&plan, &status, &half.world).await;
            }
            if decided {
                said.push(SERVES.to_owned());
            }
            let left = phases::left_by_abort(&plan, &status, gone);
            said.extend(left_there(gone, left));
        }
        said.extend(self.remove_state().await?);
        Ok(said)
    }

    /// Reaches the side that is there, once it is sure that the other does not answer; `None` when
    /// nothing began. What an earlier run left fenced there is opened.
    async fn half(&self, gone: Side, journal: Journal) -> Result<Option<Half>> {
        let status = journal.status().clone();
        let name = application_name(status.migration.as_deref().unwrap_or_default());
        let Some(facts) = self.state.read::<Facts>(&self.state.facts())? else {
            return Ok(None);
        };
        let here = gone.other();
        crate::history::check_names(&self.resolved, &status)?;
        // One that began may have opened what was closed on the side that is there.
        if status.aborting_without != Some(gone) {
            self.must_be_gone(gone, &facts).await?;
        }
        let journal = match phases::serving(&status) {
            Serving::Neither(side) if side == here => {
                self.open_what_is_closed(&name, journal).await?
            }
            _ => journal,
        };
        let (state, resolved) = (self.state.path(), &self.resolved);
        let ends = match here {
            Side::Source => Ends::named(resolved, state, &name).await?,
            Side::Target => Ends::reach(resolved, state, &name).await?,
        };
        ends.are_the_databases_of(&facts)?;
        ends.end_leftovers(&name, &[here]).await?;
        ends.still_are(&facts, &[here]).await?;
        let mut target_lock = None;
        if here == Side::Target {
            target_lock = Some(ends.lock().await?);
            nobody_went_on(&ends, &facts.target, &status).await?;
        }
        Ok(Some(Half {
            plan: plan::plan(resolved, &facts)?,
            world: self.world(ends, &status),
            journal: Mutex::new(journal),
            _target_lock: target_lock,
        }))
    }

    /// The plan, as long as there is one to be known: the removal of the state may have begun.
    fn plan_so_far(&self) -> Result<Option<Plan>> {
        let facts = self.state.read::<Facts>(&self.state.facts())?;
        let plan = facts.map(|facts| plan::plan(&self.resolved, &facts));
        plan.transpose()
    }

    /// A server that is away for a while would keep for ever what is left on it.
    async fn must_be_gone(&self, side: Side, facts: &Facts) -> Result<()> {
        let endpoint = match side {
            Side::Source => &self.resolved.source,
            Side::Target => &self.resolved.target,
        };
        let embedded = matches!(endpoint, Endpoint::Embedded { .. });
        let asked = async {
            let ends = Ends::named(&self.resolved, self.state.path(), "pg_dbmigrator").await?;
            ends.still_are(facts, &[side]).await
        };
        let answers = embedded || matches!(tokio::time::timeout(PATIENCE, asked).await, Ok(Ok(())));
        if !answers {
            return Ok(());
        }
        Err(Error::refused(
            format!("the {side} is not gone: it answers"),
            format!(
                "Run the same command without `--without {side}`: it removes what is there too."
            ),
        ))
    }

    fn not_switched(&self, gone: Side) -> Result<Error> {
        let plan = self.resolved.path.display();
        let mut next = format!(
            "Run `pg_dbmigrator abort --without {gone} {plan}` to take back what is on the {}.",
            gone.other()
        );
        let facts = self.state.read::<Facts>(&self.state.facts())?;
        if let (Side::Source, Some(online), Some(facts)) = (gone, &self.resolved.online, facts) {
            next.push_str(
                "\nTo keep instead what had reached the target, without sequences and all else that \
                 no stream carries:",
            );
            for statement in phases::kept_by_hand(online, &facts.target.database_name) {
                next.push_str(&format!("\n  on the target: {statement};"));
            }
            next.push_str(&format!(
                "\nThen remove {} by hand.",
                self.state.path().display()
            ));
        }
        let what = "there was no switch that could be made final";
        Ok(Error::refused(what, next))
    }

    fn target_serves(&self) -> Error {
        Error::refused(
            "the switch to the target is made: taking the migration back would remove what was \
             written there since",
            format!(
                "Run `pg_dbmigrator finalize --without source {}`.",
                self.resolved.path.display()
            ),
        )
    }
}

impl Half {
    fn executor<'a>(&'a self, plan: &'a Plan) -> Executor<'a> {
        Executor {
            plan,
            world: &self.world,
            journal: &self.journal,
        }
    }
}

/// What nobody could remove, and what to do should that server come back.
fn left_there(gone: Side, left: Vec<String>) -> Vec<String> {
    if left.is_empty() {
        return vec![format!("nothing is left on the {gone}")];
    }
    let title = format!("left on the {gone}; should it ever come back, remove it there:");
    let lines = left.into_iter().map(|line| format!("  {line};"));
    [title].into_iter().chain(lines).collect()
}
