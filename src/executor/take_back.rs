//! Takes back what was begun: all of it for an abort, what was cut short for a resumed run, what holds
//! up the application first. It takes nothing back that applications may have built upon.

use std::collections::BTreeSet;

use super::Executor;
use crate::crash;
use crate::effect::{Effect, Output, Scene, ask, perform};
use crate::error::Result;
use crate::events::Happened;
use crate::journal::Event;
use crate::plan::{IfInterrupted, Stage, Step, StepId};
use crate::resume::{backwards, to_be_redone};

impl Executor<'_> {
    /// Takes back every step that was started, in reverse order.
    ///
    /// # Errors
    /// The first failure; abort again goes on from there.
    pub(crate) async fn abort(&self) -> Result<()> {
        self.write(Event::Aborting)?;
        let all = self.plan.steps().map(|step| step.id.clone()).collect();
        self.take_back(&all, "the migration is aborted").await?;
        self.write(Event::Aborted)
    }

    /// Answers for every started step whether it took effect, and takes back what has to be done
    /// again.
    pub(super) async fn take_back_interrupted(&self) -> Result<()> {
        for stage in &self.plan.stages {
            for step in stage.steps.iter().filter(|s| self.is_interrupted(&s.id)) {
                if let IfInterrupted::Ask(question) = &step.if_interrupted
                    && ask(self.world, question).await?
                {
                    let scene = Scene {
                        phase: stage.phase,
                        step,
                    };
                    self.adopt(scene).await?;
                }
            }
        }
        let again = {
            let journal = self.journal.lock().expect("no holder of this lock panics");
            to_be_redone(self.plan, journal.status())
        };
        self.take_back(
            &again,
            "it was interrupted, or its session died with the earlier run",
        )
        .await
    }

    /// Writes a step down as done that took effect before it could be; what it has to remember is
    /// asked now.
    async fn adopt(&self, scene: Scene<'_>) -> Result<()> {
        let mut output = Output::default();
        for effect in &scene.step.effects {
            if matches!(effect, Effect::Remember { .. }) {
                output = perform(effect, scene, self.world).await?;
            }
        }
        self.keep(&scene.step.id, &output);
        self.write(Event::Done {
            step: scene.step.id.clone(),
            output: output.value,
            warnings: output.warnings,
        })
    }

    /// Undoes those of the steps that were started, last first.
    pub(super) async fn take_back(&self, which: &BTreeSet<StepId>, reason: &str) -> Result<()> {
        let stages = self.plan.stages.iter().chain(&self.plan.afterwards);
        for stage in stages.rev() {
            for step in backwards(stage).filter(|step| which.contains(&step.id)) {
                if self.is_begun(&step.id) {
                    self.undo(stage, step, reason).await?;
                }
            }
        }
        Ok(())
    }

    async fn undo(&self, stage: &Stage, step: &Step, reason: &str) -> Result<()> {
        let scene = Scene {
            phase: stage.phase,
            step,
        };
        if !step.undo.is_empty() {
            let reason = reason.to_owned();
            self.world.tell(scene, Happened::StepUndone { reason });
        }
        for effect in &step.undo {
            crash::point();
            perform(effect, scene, self.world).await?;
        }
        self.write(Event::Undone {
            step: step.id.clone(),
        })
    }

    /// Opens what an earlier run left closed with nothing decided, and takes back no more than that.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) async fn open_again(&self, closed: &BTreeSet<StepId>) -> Result<()> {
        self.take_back(
            closed,
            "it held up the application when the earlier run ended",
        )
        .await
    }
}
