//! Performs a stage that is one decision: its steps in order, before a deadline, or none of them.
//! It decides nothing itself; the plan says which step is the decision.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Executor;
use crate::effect::Act;
use crate::effect::replication::end_in_flight;
use crate::error::{Error, Exit, Result};
use crate::events::Happened;
use crate::journal::Event;
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
        let mut waiting = self.begin(stage);
        // A plan may have been edited since, or a key set for one run: what was to be asked before
        // the decision is not asked after it, when applications write to the other side.
        if self.is_begun(&switch.decided_by) {
            let mut steps = stage.steps.iter();
            let before = steps.position(|step| step.id == switch.decided_by);
            let past = &stage.steps[..before.unwrap_or_default()];
            waiting.retain(|step| !past.iter().any(|gone| gone.id == step.id));
        }
        match self.in_order(stage, switch, waiting).await {
            Ok(()) => {
                self.tell_of(stage, Happened::PhaseDone);
                Ok(())
            }
            Err(error) if self.is_done(&switch.decided_by) => {
                let next = format!("{} serves now. {}", to(stage), error.next());
                Err(error.with_next(next))
            }
            Err(error) if self.is_begun(&switch.decided_by) => Err(error),
            Err(error) => Err(self.put_back((stage, switch), error).await),
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
            if step.id == switch.decided_by {
                self.decide(stage, step).await?;
                deadline = None;
                continue;
            }
            let work = self.step(stage, step);
            match deadline {
                Some(at) => timeout_at(at, work).await.unwrap_or_else(|_| {
                    let act = Act {
                        phase: stage.phase,
                        step,
                    };
                    Err(self.failed(act, self.late(step, switch)))
                })?,
                None => work.await?,
            }
        }
        Ok(())
    }

    /// Performs the decision until it is done: both sides are closed meanwhile, and whether a try
    /// that got no answer took effect nobody knows. A server that refuses it leaves no doubt: then
    /// nothing is decided.
    async fn decide(&self, stage: &Stage, step: &Step) -> Result<()> {
        let give_up = Instant::now() + PATIENCE;
        let mut in_doubt = self.is_interrupted(&step.id);
        loop {
            self.world.stop.ignore(true);
            let tried = timeout(ONE_TRY, self.step(stage, step)).await;
            self.world.stop.ignore(false);
            match tried.unwrap_or_else(|_| Err(silent())) {
                Err(error) if !in_doubt && error.is_refusal_of_transaction() => {
                    let step = step.id.clone();
                    return self.write(Event::undone(step)).and(Err(error));
                }
                Err(error) if Instant::now() < give_up => {
                    in_doubt = true;
                    tracing::warn!("{} is tried again: {}", step.id, error.what());
                    self.world.forget_sessions().await;
                    sleep(PAUSE).await;
                }
                ended => return ended.map_err(|error| decided_and_closed(stage, &error)),
            }
        }
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

    /// Takes every step of the stage back, and says why.
    async fn put_back(&self, (stage, switch): (&Stage, &Switch), error: Error) -> Error {
        let stopped = self.world.stop.asked();
        self.world.stop.ignore(true);
        let undone = self.until_taken_back(stage, error.what()).await;
        self.world.stop.ignore(false);
        let closed = self.is_begun(&switch.fence) || self.is_begun(&switch.from);
        let rest = match undone {
            Err(failure) if closed => return still_fenced(stage, &error, &failure),
            Err(failure) => format!(
                "{} is not fenced. Not all of the rest could be taken back ({}); the next run does.",
                from(stage),
                failure.what()
            ),
            // It waits for what has to be mended first.
            Ok(()) if error.exit() == Exit::Undecided => {
                format!("{} serves as before.", from(stage))
            }
            Ok(()) => format!("{} serves as before. Replication goes on.", from(stage)),
        };
        let exit = stopped.map_or(Exit::RolledBack, |reason| reason.error().exit());
        let next = format!(
            "{rest} {} To try again, run `pg_dbmigrator {}`.",
            error.next(),
            command(stage)
        );
        error.with_exit(exit).with_next(next)
    }

    async fn until_taken_back(&self, stage: &Stage, reason: &str) -> Result<()> {
        let all = stage.steps.iter().map(|step| step.id.clone()).collect();
        let give_up = Instant::now() + PATIENCE;
        let side = match stage.phase {
            Phase::Rollback => Side::Target,
            _ => Side::Source,
        };
        loop {
            // A session that was cut may still be waited on.
            self.world.forget_sessions().await;
            let attempt = async {
                let ended = timeout(ONE_TRY, end_in_flight(self.world, side)).await;
                ended.unwrap_or_else(|_| Err(silent()))?;
                self.take_back(&all, reason, ONE_TRY).await
            };
            match attempt.await {
                Err(error) if Instant::now() < give_up => {
                    tracing::warn!("taking the switch back is tried again: {}", error.what());
                    sleep(PAUSE).await;
                }
                ended => return ended,
            }
        }
    }
}

/// The side that serves before the switch of this stage.
fn from(stage: &Stage) -> &'static str {
    match stage.phase {
        Phase::Rollback => "The target",
        _ => "The source",
    }
}

/// The side that serves after it.
fn to(stage: &Stage) -> &'static str {
    match stage.phase {
        Phase::Rollback => "The source",
        _ => "The target",
    }
}

/// The command that switches.
fn command(stage: &Stage) -> &'static str {
    match stage.phase {
        Phase::Rollback => "rollback",
        _ => "cutover",
    }
}

pub(super) fn silent() -> Error {
    Error::failed(
        "a server does not answer",
        "Make it reachable, then run the same command again.",
    )
}

fn still_fenced(stage: &Stage, error: &Error, failure: &Error) -> Error {
    let what =
        "the switch failed, and could not be taken back: the application is STILL FENCED OFF";
    let next = match stage.phase {
        Phase::Rollback => "Make both servers reachable, then run `pg_dbmigrator rollback`",
        _ => "Make the source reachable, then run `pg_dbmigrator apply` or `abort`",
    };
    let next = format!("{next}: the first thing that does is to open what was closed.");
    let all = Error::new(Exit::Undecided, what, next).because(error.what());
    at_the_place_of(failure, all)
}

fn decided_and_closed(stage: &Stage, failure: &Error) -> Error {
    let what = "the switch is decided, and could not be finished: the application is STILL FENCED \
                OFF from both sides";
    let again = match stage.phase {
        Phase::Rollback => "rollback",
        _ => "apply",
    };
    let next = format!(
        "Make both servers reachable, then run `pg_dbmigrator {again}`: the first thing that does \
         is to open {}.",
        to(stage).to_lowercase()
    );
    at_the_place_of(failure, Error::new(Exit::Undecided, what, next))
}

/// The error, with what caused the failure and where.
fn at_the_place_of(failure: &Error, error: Error) -> Error {
    let error = error.because(failure.what());
    let all = failure.causes().iter().fold(error, Error::because);
    match failure.place() {
        Some(place) => all.at(place),
        None => all,
    }
}
