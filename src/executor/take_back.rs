//! Takes back what was begun: all of it for an abort, what was cut short for a resumed run, what holds
//! up the application first. It takes nothing back that applications may have built upon.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::timeout;

use super::Executor;
use super::switch::silent;
use crate::crash;
use crate::effect::replication::Replication;
use crate::effect::{Act, Effect, Output, ask, lines, perform};
use crate::error::Result;
use crate::events::Happened;
use crate::journal::Event;
use crate::plan::{IfInterrupted, Step, StepId};
use crate::resume::{backwards, to_be_redone};
use crate::side::Side;

/// To take back a whole migration takes as long as it takes: there may be a database to drop.
const NO_LIMIT: Duration = Duration::MAX;

/// How long one of the operator's own calls may take when a switch is taken back.
const ONE_CALL: Duration = Duration::from_secs(60);

impl Executor<'_> {
    /// Takes back every step that was started, in reverse order; `without` is a side that is gone for
    /// good.
    ///
    /// # Errors
    /// The first failure; abort again goes on from there.
    pub(crate) async fn abort(&self, without: Option<Side>) -> Result<()> {
        self.write(Event::Aborting { without })?;
        crate::keeper::end(&self.world.state).await?;
        let all = self.plan.steps().map(|step| step.id.clone()).collect();
        self.take_back(&all, "the migration is aborted", NO_LIMIT)
            .await?;
        self.write(Event::Aborted)
    }

    /// Answers for every step that is in doubt whether it took effect, and takes back what has to be
    /// done again. All of that is named first: a run that is killed meanwhile leaves to the next one
    /// what nothing else would tell of, because what was interrupted is taken back before all else.
    pub(super) async fn take_back_interrupted(&self) -> Result<()> {
        for stage in &self.plan.stages {
            for step in stage.steps.iter().filter(|s| self.is_in_doubt(&s.id)) {
                if let IfInterrupted::Ask(question) = &step.if_interrupted
                    && ask(self.world, question).await?
                {
                    let act = Act {
                        phase: stage.phase,
                        step,
                    };
                    self.adopt(act).await?;
                }
            }
        }
        let held = self.world.snapshot.lock().await.is_some();
        let mut again = {
            let journal = self.journal.lock().expect("no holder of this lock panics");
            to_be_redone(self.plan, journal.status(), held)
        };
        again.retain(|id| self.is_begun(id));
        if again.is_empty() {
            return Ok(());
        }
        self.write(Event::TakingBack {
            steps: again.iter().cloned().collect(),
        })?;
        self.take_back(
            &again,
            "it was interrupted, or its session died with the earlier run",
            NO_LIMIT,
        )
        .await
    }

    /// Writes a step down as done that took effect before it could be; what it has to remember is
    /// asked now.
    async fn adopt(&self, act: Act<'_>) -> Result<()> {
        let mut output = Output::default();
        for effect in &act.step.effects {
            if matches!(effect, Effect::Remember { .. }) {
                output = perform(effect, act, self.world).await?;
            }
        }
        self.keep(&act.step.id, &output);
        self.write(Event::Done {
            step: act.step.id.clone(),
            output: output.value,
            warnings: output.warnings,
        })
    }

    /// Undoes those of the steps that were started, last first; `limit` is how long the servers may
    /// take over each.
    pub(super) async fn take_back(
        &self,
        which: &BTreeSet<StepId>,
        reason: &str,
        limit: Duration,
    ) -> Result<()> {
        let begun = |id: &StepId| which.contains(id) && self.is_begun(id);
        let goes_with = |step: &Step| step.goes_with.clone().filter(begun);
        let stages = self.plan.stages.iter().chain(&self.plan.afterwards);
        for stage in stages.rev() {
            for step in backwards(stage).filter(|step| begun(&step.id)) {
                if goes_with(step).is_some() {
                    continue;
                }
                let act = Act {
                    phase: stage.phase,
                    step,
                };
                let goes = |other: &&Step| goes_with(other).as_ref() == Some(&step.id);
                let with = self.plan.steps().filter(goes).map(|other| other.id.clone());
                let with = with.filter(begun).collect();
                self.undo((act, with), reason, limit).await?;
            }
        }
        Ok(())
    }

    async fn undo(
        &self,
        (act, with): (Act<'_>, Vec<StepId>),
        reason: &str,
        limit: Duration,
    ) -> Result<()> {
        let step = act.step;
        if !step.undo.is_empty() {
            let reason = reason.to_owned();
            self.world.tell(act, Happened::StepUndone { reason });
        }
        let (calls, rest): (Vec<_>, Vec<_>) = step.undo.iter().partition(|effect| is_call(effect));
        let work = async {
            for effect in rest {
                crash::point();
                perform(effect, act, self.world).await?;
            }
            Ok(())
        };
        timeout(limit, work)
            .await
            .unwrap_or_else(|_| Err(silent()))?;
        for call in calls {
            crash::point();
            self.call_once(act, call).await;
        }
        for id in [&step.id].into_iter().chain(&with) {
            self.world.tally.undone(id);
        }
        self.write(Event::Undone {
            step: step.id.clone(),
            with,
        })
    }

    /// Makes one of the operator's own calls to take something back. What keeps applications out is
    /// open by then; a call that fails must not keep the rest from being taken back.
    async fn call_once(&self, act: Act<'_>, call: &Effect) {
        let called = timeout(ONE_CALL, perform(call, act, self.world)).await;
        let error = match called {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it did not end within {} s", ONE_CALL.as_secs()),
        };
        let call = lines(call).join("; ");
        let message = format!(
            "{} was taken back, but a hook was not: make up for `{call}` by hand: {error}",
            act.step.id
        );
        tracing::warn!("{message}");
    }

    /// Opens what an earlier run left closed with nothing decided, and takes back no more than that.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) async fn open_again(&self, closed: &BTreeSet<StepId>) -> Result<()> {
        self.take_back(
            closed,
            "it held up the application when the earlier run ended",
            NO_LIMIT,
        )
        .await
    }
}

/// Whether this is a call of the operator's own, and not of a server of the migration.
fn is_call(effect: &Effect) -> bool {
    matches!(effect, Effect::Replication(Replication::Hook(_)))
}
