//! A migration between planning and running: locked, checked, planned, and not begun.
//! It changes nothing until it is told to run.

use std::convert::Infallible;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::ends::{Ends, TargetLock};
use crate::error::{Exit, Result};
use crate::events::{Happened, Whence};
use crate::executor::Executor;
use crate::journal::{Event, FORMAT, Journal, Status};
use crate::outcome::MigrationOutcome;
use crate::plan::Phase;
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
        if !self.is_complete() {
            self.begin(resumed)?;
            self.perform(resumed).await?;
        }
        let outcome = MigrationOutcome::new(&migrator.resolved, &self.preview.plan, &self.status());
        migrator.state.write(&migrator.state.report(), &outcome)?;
        Ok(outcome)
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

    async fn perform(&mut self, resumed: bool) -> Result<()> {
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
        let world = migrator.world(self.ends.clone(), &self.status());
        let executor = Executor {
            plan: &self.preview.plan,
            world: &world,
            journal: &self.journal,
        };
        let online = migrator.resolved.online.is_some();
        let until = (online && migrator.until_caught_up).then_some(Phase::StreamApply);
        tokio::select! {
            done = executor.apply(until) => done.map(|_| ()),
            never = keep_lock(&self.ends, &mut self.target_lock, &migrator.stop_handle) => {
                match never {}
            }
        }
    }
}

/// Takes the lock on the target again whenever the session that held it ends, for as long as it
/// is awaited; when another migration was quicker, asks for a safe stop.
async fn keep_lock(ends: &Ends, lock: &mut TargetLock, stop: &StopHandle) -> Infallible {
    loop {
        tokio::time::sleep(LOCK_POLL).await;
        if lock.is_held() {
            continue;
        }
        match ends.lock().await {
            Ok(again) => *lock = again,
            Err(error) if error.exit() == Exit::Locked => stop.request(StopReason::LockLost),
            // Whatever keeps us from the target keeps the steps from it, and they say so.
            Err(error) => tracing::warn!("the lock on the target is not held: {error}"),
        }
    }
}
