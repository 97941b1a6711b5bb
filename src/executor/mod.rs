//! The only loop that changes anything: performs the steps of a plan, a journal line before and
//! after each, and goes on where an earlier run stopped. It decides nothing the plan left open.

mod held;
mod losses;
mod switch;
mod take_back;

use std::sync::Mutex;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::crash;
use crate::effect::{Act, Effect, Output, World, lines, perform};
use crate::error::{Error, Exit, Result};
use crate::events::{Happened, Whence};
use crate::journal::{Event, Journal};
use crate::plan::{IfInterrupted, Phase, Plan, Stage, Step, StepId};
use crate::resume::to_be_watched;
use crate::snapshot::is_gone;

/// How often a copy starts over whose snapshot is lost, before somebody should look why.
const STARTS_OVER: usize = 2;

/// Performs plans; holds what one run needs.
pub(crate) struct Executor<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// What to do it to.
    pub world: &'a World,
    /// Where it is written down.
    pub journal: &'a Mutex<Journal>,
}

/// How far a run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Every step is done.
    Completed,
    /// PostgreSQL replicates by itself until another run goes on.
    Detached,
}

impl Executor<'_> {
    /// Performs everything that is not done yet; `until` a phase, where one is named.
    ///
    /// # Errors
    /// The first failure; with [`Exit::Different`], every difference that was found.
    pub(crate) async fn apply(&self, until: Option<Phase>) -> Result<Ended> {
        self.hold_kept_snapshot().await?;
        let mut ended = self.go_on(until).await;
        for _ in 0..STARTS_OVER {
            match &ended {
                Err(error) if is_gone(error) => self.tell_gone(error.what()),
                _ => break,
            }
            *self.world.snapshot.lock().await = None;
            ended = self.go_on(until).await;
        }
        ended
    }

    async fn go_on(&self, until: Option<Phase>) -> Result<Ended> {
        self.take_back_interrupted().await?;
        for step in self.to_be_watched() {
            self.write(Event::undone(step))?;
        }
        for stage in &self.plan.stages {
            match &stage.switch {
                Some(switch) => self.switch(stage, switch).await?,
                None => self.stage(stage).await?,
            }
            if until == Some(stage.phase) {
                return Ok(Ended::Detached);
            }
        }
        self.write(Event::Completed)?;
        self.world
            .events
            .tell(Whence::default(), Happened::Completed);
        Ok(Ended::Completed)
    }

    fn to_be_watched(&self) -> Vec<StepId> {
        let journal = self.journal.lock().expect("no holder of this lock panics");
        to_be_watched(self.plan, journal.status())
    }

    /// Performs a phase: every step as soon as those it waits for are done, in the order of the plan
    /// where not all can run at the same time.
    async fn stage(&self, stage: &Stage) -> Result<()> {
        let mut waiting = self.begin(stage);
        let jobs = stage.jobs.map_or(usize::MAX, |jobs| jobs as usize);
        let mut failures = Vec::new();
        let mut running = FuturesUnordered::new();
        loop {
            if self.may_go_on(&failures) {
                let mut free = jobs - running.len();
                let mut ready = |step: &&&Step| {
                    let ready = free > 0 && step.after.iter().all(|id| self.is_done(id));
                    free -= usize::from(ready);
                    ready
                };
                let (now, later): (Vec<&Step>, _) = waiting.iter().partition(|step| ready(step));
                waiting = later;
                running.extend(now.into_iter().map(|step| self.step(stage, step)));
            }
            match running.next().await {
                Some(Ok(())) => {}
                Some(Err(error)) => failures.push(error),
                None => break,
            }
        }
        combined(failures)?;
        if let Some(reason) = self.world.stop.asked() {
            return Err(reason.error());
        }
        if let Some(step) = waiting.first() {
            return Err(Error::failed(
                format!("step {} waits for a step that is not in its phase", step.id),
                "This is a bug in pg_dbmigrator: please report it with the plan.",
            ));
        }
        self.tell_of(stage, Happened::PhaseDone);
        Ok(())
    }

    /// Tells that a phase begins, and which of its steps are left to do.
    fn begin<'p>(&self, stage: &'p Stage) -> Vec<&'p Step> {
        let purpose = stage.purpose.to_owned();
        self.tell_of(stage, Happened::PhaseStarted { purpose });
        let mut waiting = Vec::new();
        for step in &stage.steps {
            let phase = stage.phase;
            match self.done_at(&step.id) {
                Some(done_at) => {
                    let skipped = Happened::StepSkipped { done_at };
                    self.world.tell(Act { phase, step }, skipped);
                }
                None => waiting.push(step),
            }
        }
        waiting
    }

    fn tell_of(&self, stage: &Stage, happened: Happened) {
        let whence = Whence {
            stage: Some(stage.phase),
            step: None,
        };
        self.world.events.tell(whence, happened);
    }

    /// Differences are all worth knowing; after any other failure nothing more is begun.
    fn may_go_on(&self, failures: &[Error]) -> bool {
        self.world.stop.asked().is_none()
            && failures.iter().all(|error| error.exit() == Exit::Different)
    }

    /// Performs one step, between its two journal lines.
    async fn step(&self, stage: &Stage, step: &Step) -> Result<()> {
        let act = Act {
            phase: stage.phase,
            step,
        };
        let began = Instant::now();
        let lines = step.effects.iter().flat_map(lines).collect();
        self.write(Event::Started {
            step: step.id.clone(),
            lines,
        })?;
        self.world.tell(
            act,
            Happened::StepStarted {
                summary: step.summary.clone(),
            },
        );
        let effects = match losses::may_start_over(act) {
            true => self.effects_in_spite_of_losses(act).await,
            false => self.effects(act).await,
        };
        match effects {
            Ok(output) => {
                for message in &output.warnings {
                    self.world.tell(
                        act,
                        Happened::Warning {
                            message: message.clone(),
                        },
                    );
                }
                self.keep(&step.id, &output);
                let Output { value, warnings } = output;
                self.write(Event::Done {
                    step: step.id.clone(),
                    output: value,
                    warnings,
                })?;
                self.release_snapshot().await?;
                let seconds = began.elapsed().as_secs_f64();
                self.world.tell(act, Happened::StepDone { seconds });
                Ok(())
            }
            Err(error) => Err(self.failed(act, error)),
        }
    }

    /// Writes a failure down, and says which step it was.
    fn failed(&self, act: Act<'_>, error: Error) -> Error {
        let step = &act.step.id;
        if matches!(error.exit(), Exit::Interrupted | Exit::Terminated) {
            self.world.tell(act, Happened::StepStopped);
            return error;
        }
        let text = error.to_string();
        self.world.tell(
            act,
            Happened::StepFailed {
                error: text.clone(),
            },
        );
        // A full disk stops the work and its record alike: the work's error is the one to show.
        let written = self.write(Event::Failed {
            step: step.clone(),
            error: text,
        });
        if written.is_ok() && had_no_effect(act.step, &error) {
            let _ = self.write(Event::undone(step.clone()));
        }
        match error.place() {
            Some(_) => error,
            None => error.at(format!("step {step}")),
        }
    }

    async fn effects(&self, act: Act<'_>) -> Result<Output> {
        let mut all = Output::default();
        for effect in &act.step.effects {
            if let Some(reason) = self.world.stop.asked() {
                return Err(reason.error());
            }
            crash::point();
            let output = perform(effect, act, self.world).await?;
            if !output.value.is_null() {
                all.value = output.value;
            }
            all.warnings.extend(output.warnings);
        }
        Ok(all)
    }

    fn keep(&self, step: &StepId, output: &Output) {
        let mut outputs = self
            .world
            .outputs
            .lock()
            .expect("no holder of this lock panics");
        outputs.insert(step.clone(), output.value.clone());
    }

    fn write(&self, event: Event) -> Result<()> {
        self.journal
            .lock()
            .expect("no holder of this lock panics")
            .append(event)
    }

    fn is_done(&self, step: &StepId) -> bool {
        self.journal
            .lock()
            .expect("no holder of this lock panics")
            .status()
            .is_done(step)
    }

    fn done_at(&self, step: &StepId) -> Option<jiff::Timestamp> {
        let journal = self.journal.lock().expect("no holder of this lock panics");
        journal
            .status()
            .steps
            .get(step)
            .and_then(|status| status.done)
    }

    fn is_begun(&self, step: &StepId) -> bool {
        self.is_done(step) || self.is_interrupted(step)
    }

    fn is_in_doubt(&self, step: &StepId) -> bool {
        self.journal
            .lock()
            .expect("no holder of this lock panics")
            .status()
            .is_in_doubt(step)
    }

    fn is_interrupted(&self, step: &StepId) -> bool {
        self.journal
            .lock()
            .expect("no holder of this lock panics")
            .status()
            .is_interrupted(step)
    }
}

/// Whether a failed step left nothing behind: it changes one thing, as a whole or not at all, and the
/// server refused it, or a lock for it was not to be had (SQLSTATE 55P03), after which one may want to
/// wait longer. Whatever is there under that name now is somebody else's.
fn had_no_effect(step: &Step, error: &Error) -> bool {
    let single = matches!(step.if_interrupted, IfInterrupted::Ask(_))
        || matches!(step.effects[..], [Effect::ExportSnapshot { .. }]);
    let statement = matches!(&step.effects[..], [Effect::Sql { place: _, statements }] if statements.len() == 1);
    single && error.is_refusal_of_statement() || statement && error.has_sqlstate("55P03")
}

/// One error of many: a failure comes before differences, and differences add up. A comparison that
/// could not be made hides no difference that another one found: a table that is not there cannot
/// be counted either.
fn combined(failures: Vec<Error>) -> Result<()> {
    let with = |exit: Exit| move |error: &Error| error.exit() == exit;
    let (different, rest): (Vec<_>, Vec<_>) = failures.into_iter().partition(with(Exit::Different));
    let (unproven, failed): (Vec<_>, Vec<_>) = rest.into_iter().partition(with(Exit::Unproven));
    if let Some(error) = failed.into_iter().next() {
        return Err(error);
    }
    let mut different = different.into_iter();
    let Some(first) = different.next() else {
        return unproven.into_iter().next().map_or(Ok(()), Err);
    };
    let all = different.flat_map(|error| error.causes().to_vec());
    let open = unproven.iter().map(|error| {
        let place = error.place().unwrap_or_default();
        format!("not compared: {place}: {}", error.causes().join("; "))
    });
    Err(all.chain(open).fold(first, Error::because))
}
