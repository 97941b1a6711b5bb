//! Performs a stage that is one decision: its steps in order, before a deadline, or none of them.
//! It decides nothing itself; the plan says which step is the decision.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Executor;
use crate::effect::Scene;
use crate::error::{Error, Exit, Result};
use crate::events::Happened;
use crate::plan::{Phase, Stage, Step, Switch};
use crate::resume::is_undecided;
use crate::side::Side;

/// How long it is tried to take a switch back: a server that restarts is there again by then.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long one try may take: a connection that was cut without a word answers never.
const ONE_TRY: Duration = Duration::from_secs(30);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

impl Executor<'_> {
    /// Performs what a command of its own does once the migration is complete.
    ///
    /// # Errors
    /// The first failure; the same command again goes on from there.
    pub(crate) async fn afterwards(&self, stage: &Stage) -> Result<()> {
        match &stage.switch {
            Some(switch) => {
                self.take_back_undecided(stage).await?;
                self.switch(stage, switch).await
            }
            None => self.stage(stage).await,
        }
    }

    /// Performs the stage as a whole, or not at all.
    ///
    /// # Errors
    /// [`Exit::RolledBack`] when everything was taken back, with the reason; [`Exit::Undecided`]
    /// when that was not possible; after the decision, the first failure.
    pub(super) async fn switch(&self, stage: &Stage, switch: &Switch) -> Result<()> {
        let waiting = self.begin(stage);
        match self.in_order(stage, switch, waiting).await {
            Ok(()) => {
                self.tell_of(stage, Happened::PhaseDone);
                Ok(())
            }
            Err(error) if self.is_begun(&switch.decided_by) => Err(error),
            Err(error) => Err(self.put_back(stage, error).await),
        }
    }

    /// Takes back a switch that a killed run left half-way.
    ///
    /// # Errors
    /// When a server cannot be reached.
    pub(crate) async fn take_back_undecided(&self, stage: &Stage) -> Result<()> {
        let undecided = {
            let journal = self.journal.lock().expect("no holder of this lock panics");
            is_undecided(stage, journal.status())
        };
        if undecided {
            self.until_taken_back(stage, "it was interrupted").await?;
        }
        Ok(())
    }

    async fn in_order(&self, stage: &Stage, switch: &Switch, steps: Vec<&Step>) -> Result<()> {
        let mut deadline = None;
        for step in steps {
            if step.id == switch.from {
                deadline = Some(Instant::now() + switch.deadline);
            }
            let decides = step.id == switch.decided_by;
            if decides {
                deadline = None;
            }
            // From here on, to stop half-way would leave both sides closed.
            self.world.stop.ignore(decides);
            let work = self.step(stage.phase, step);
            let done = match deadline {
                Some(at) => timeout_at(at, work).await.unwrap_or_else(|_| {
                    let scene = Scene {
                        phase: stage.phase,
                        step,
                    };
                    Err(self.failed(scene, self.late(step, switch)))
                }),
                None => work.await,
            };
            self.world.stop.ignore(false);
            done?;
        }
        Ok(())
    }

    fn late(&self, step: &Step, switch: &Switch) -> Error {
        let error = Error::failed(
            format!(
                "the switch was not done within {} s (thresholds.write_outage): it was at {}",
                switch.deadline.as_secs_f64(),
                step.id
            ),
            "See what held it up, or give it more time.",
        );
        match self.world.waiting() {
            nothing if nothing.is_empty() => error,
            what => error.because(format!("it waited for: {what}")),
        }
    }

    /// Takes every step of the stage back, last first, and says why.
    async fn put_back(&self, stage: &Stage, error: Error) -> Error {
        let stopped = self.world.stop.asked();
        self.world.stop.ignore(true);
        let undone = self.until_taken_back(stage, error.what()).await;
        self.world.stop.ignore(false);
        if let Err(failure) = undone {
            return still_fenced(&error, &failure);
        }
        let exit = stopped.map_or(Exit::RolledBack, |reason| reason.error().exit());
        let (serves, command) = match stage.phase {
            Phase::Rollback => (Side::Target, "rollback"),
            _ => (Side::Source, "cutover"),
        };
        let next = format!(
            "The {serves} serves as before, and replication goes on. {} To try again, run \
             `pg_dbmigrator {command}`.",
            error.next()
        );
        error.with_exit(exit).with_next(next)
    }

    async fn until_taken_back(&self, stage: &Stage, reason: &str) -> Result<()> {
        let all = stage.steps.iter().map(|step| step.id.clone()).collect();
        let give_up = Instant::now() + PATIENCE;
        loop {
            // A session that was cut may still be waited on.
            self.world.forget_sessions().await;
            let attempt = timeout(ONE_TRY, self.take_back(&all, reason)).await;
            let attempt = attempt.unwrap_or_else(|_| {
                Err(Error::failed(
                    "a server does not answer",
                    "Make it reachable, then run the same command again.",
                ))
            });
            match attempt {
                Err(error) if Instant::now() < give_up => {
                    tracing::warn!("taking the switch back is tried again: {}", error.what());
                    sleep(PAUSE).await;
                }
                ended => return ended,
            }
        }
    }
}

fn still_fenced(error: &Error, failure: &Error) -> Error {
    let what =
        "the switch failed, and could not be taken back: the application is STILL FENCED OFF";
    let next = "Make both servers reachable, then run `pg_dbmigrator apply` or `abort`: the first \
                thing they do is to open what was closed.";
    let all = failure.causes().iter().fold(
        Error::new(Exit::Undecided, what, next)
            .because(error.what())
            .because(failure.what()),
        Error::because,
    );
    match failure.place() {
        Some(place) => all.at(place),
        None => all,
    }
}
