//! A migration between planning and running: locked, checked, planned, and not begun.
//! It changes nothing until it is told to run.

use std::convert::Infallible;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;

use crate::effect::{Effect, Tally, Tool, World};
use crate::ends::{Ends, TargetLock};
use crate::error::{Error, Exit, Result};
use crate::events::{Happened, Whence};
use crate::executor::Executor;
use crate::journal::{Event, FORMAT, Journal, Status};
use crate::outcome::MigrationOutcome;
use crate::phases::{self, DUMP};
use crate::plan::{Phase, Plan, Stage, StepId};
use crate::state::StateLock;
use crate::stop::{StopHandle, StopReason};

use super::{Migrator, Preview};

/// How often it is checked that the lock on the target is still held.
const LOCK_POLL: Duration = Duration::from_secs(1);

/// A migration that is ready to run: locked, checked and planned, nothing changed yet.
pub struct Prepared<'a> {
    pub(super) migrator: &'a Migrator,
    /// What will be done.
    pub preview: Preview,
    pub(super) ends: Ends,
    pub(super) journal: Mutex<Journal>,
    pub(super) migration: String,
    pub(super) _state_lock: StateLock,
    pub(super) target_lock: TargetLock,
}

impl Prepared<'_> {
    /// Whether every step is done already.
    pub fn is_complete(&self) -> bool {
        self.status().completed.is_some()
    }

    /// When every step was done, if it is.
    pub fn completed_at(&self) -> Option<Timestamp> {
        self.status().completed
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().expect("no holder of this lock panics")
    }

    fn status(&self) -> Status {
        self.journal().status().clone()
    }

    /// Performs what the plan says and is not done yet.
    ///
    /// # Errors
    /// The first failure. What was done until then is kept; run again, it goes on.
    pub async fn run(mut self) -> Result<MigrationOutcome> {
        let migrator = self.migrator;
        let resumed = self.preview.status.is_some();
        if let Some(stage) = self.half_rolled_back() {
            self.begin(true)?;
            self.perform(true, Work::TakeBack(&stage)).await?;
        }
        self.check_afterwards(None)?;
        if !self.is_complete() {
            self.begin(resumed)?;
            self.miss_dump()?;
            self.perform(resumed, Work::Apply).await?;
        }
        let outcome = MigrationOutcome::new(&migrator.resolved, &self.preview.plan, &self.status());
        migrator.state.write(&migrator.state.report(), &outcome)?;
        Ok(outcome)
    }

    /// A dump that somebody removed by hand, and that is still needed, was as good as interrupted.
    fn miss_dump(&self) -> Result<()> {
        let (dump, status) = (StepId::new(DUMP), self.status());
        let reads = |effect: &Effect| match effect {
            Effect::Program(program) => program.tool == Tool::PgRestore,
            Effect::Script(_) => true,
            _ => false,
        };
        let mut readers = self.preview.plan.steps();
        let is_read = readers.any(|s| s.effects.iter().any(reads) && !status.is_done(&s.id));
        let needed = status.is_done(&dump) && is_read;
        if !needed || self.migrator.state.dump_is_whole() {
            return Ok(());
        }
        tracing::warn!("the dump is gone from the state directory: it is made again");
        let lines = status.steps[&dump].lines.clone();
        self.journal().append(Event::Started { step: dump, lines })
    }

    /// Writes the facts before the journal says that there are any.
    fn begin(&self, resumed: bool) -> Result<()> {
        let state = &self.migrator.state;
        if !resumed {
            state.write(&state.facts(), &self.preview.facts)?;
            self.journal().append(Event::Begun {
                migration: self.migration.clone(),
                plan: self.preview.plan.name.clone(),
                format: FORMAT,
            })?;
        }
        self.journal().append(Event::Run {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            set: self.migrator.resolved.set.clone(),
        })
    }

    /// Performs what a command of its own does once the migration is complete.
    ///
    /// # Errors
    /// [`Exit::Refused`] when it is not complete, or has no such phase; else the first failure.
    pub(super) async fn afterwards(mut self, phase: Phase) -> Result<Status> {
        if !self.is_complete() && !phases::is_switched(&self.status()) {
            return Err(crate::history::incomplete(&self.migrator.resolved.path));
        }
        let plan = self.preview.plan.clone();
        let Some(stage) = plan.afterwards(phase).cloned() else {
            return Err(no_way_back());
        };
        self.check_afterwards(Some(phase))?;
        let stage = match phase {
            Phase::Finalize => phases::finalized(&plan, stage, &self.status()),
            _ => stage,
        };
        self.begin(true)?;
        self.perform(true, Work::Afterwards(&stage)).await?;
        let status = self.status();
        if phase == Phase::Rollback {
            self.journal().append(rolled_back(&plan))?;
        }
        Ok(status)
    }

    /// A rollback that was cut short before its decision: the target serves again without it.
    fn half_rolled_back(&self) -> Option<Stage> {
        let status = self.status();
        let stage = self.preview.plan.afterwards(Phase::Rollback)?;
        crate::resume::is_undecided(stage, &status).then(|| stage.clone())
    }

    /// Refuses to go on with a migration that went on to something else than `phase`.
    fn check_afterwards(&self, phase: Option<Phase>) -> Result<()> {
        let path = &self.migrator.resolved.path;
        crate::history::check_afterwards(path, &self.status(), phase)
    }

    async fn perform(&mut self, resumed: bool, work: Work<'_>) -> Result<()> {
        let migrator = self.migrator;
        let mut append = std::fs::OpenOptions::new();
        append.create(true).append(true).mode(0o600);
        if let Ok(file) = append.open(migrator.state.events()) {
            migrator.events.record_to(file);
        }
        let plan = self.preview.plan.name.clone();
        migrator
            .events
            .tell(Whence::default(), Happened::RunStarted { plan, resumed });
        let ends = self.ends.clone().past_event_triggers(&self.preview.facts);
        let world = World {
            tally: Tally::new(&self.preview.plan, &self.status()),
            ..migrator.world(ends, &self.status())
        };
        let executor = Executor {
            plan: &self.preview.plan,
            world: &world,
            journal: &self.journal,
        };
        let done = async {
            match work {
                Work::Apply => executor.apply(migrator.until()).await.map(|_| ()),
                Work::Afterwards(stage) => executor.afterwards(stage).await,
                Work::TakeBack(stage) => executor.take_back_undecided(stage).await,
            }
        };
        let done = tokio::select! {
            done = done => done,
            never = keep_lock(&self.ends, &mut self.target_lock, &migrator.stop_handle) => {
                match never {}
            }
        };
        match done {
            Ok(()) => Ok(()),
            Err(error) => Err(migrator.with_kept_snapshot(error, &world).await),
        }
    }
}

/// The migration streams as it did before its cutover.
fn rolled_back(plan: &Plan) -> Event {
    let undone = [Phase::Cutover, Phase::Complete, Phase::Rollback];
    let stages = plan.stages.iter().chain(&plan.afterwards);
    let stages = stages.filter(|stage| undone.contains(&stage.phase));
    let steps = stages.flat_map(|stage| stage.steps.iter().map(|step| step.id.clone()));
    Event::RolledBack {
        steps: steps.collect(),
    }
}

fn no_way_back() -> Error {
    Error::refused(
        "this migration has no such way: it is offline, or `cutover.reverse` is false",
        "To go back, migrate from the target to the source with a plan of its own.",
    )
}

/// What a run does.
#[derive(Clone, Copy)]
enum Work<'a> {
    /// Everything that is not done yet.
    Apply,
    /// What a command of its own does once that is complete.
    Afterwards(&'a Stage),
    /// The same, taken back.
    TakeBack(&'a Stage),
}

/// Takes the lock on the target again whenever the session that held it ends, for as long as it
/// is awaited; when another migration was quicker, asks for a safe stop.
async fn keep_lock(ends: &Ends, lock: &mut TargetLock, stop: &StopHandle) -> Infallible {
    let mut told = String::new();
    loop {
        tokio::time::sleep(LOCK_POLL).await;
        if lock.is_held() {
            told.clear();
            continue;
        }
        match ends.lock().await {
            Ok(again) => *lock = again,
            Err(error) if error.exit() == Exit::Locked => stop.request(StopReason::LockLost),
            // Whatever keeps us from the target keeps the steps from it, and they say so.
            Err(error) if told == error.to_string() => {}
            Err(error) => {
                tracing::warn!("the lock on the target is not held: {error}");
                told = error.to_string();
            }
        }
    }
}
