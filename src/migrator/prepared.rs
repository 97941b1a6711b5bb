//! A migration between planning and running: locked, checked, planned, and not begun.
//! It changes nothing until it is told to run.

use std::sync::Mutex;

use crate::ends::{Ends, TargetLock};
use crate::error::Result;
use crate::events::{Happened, Whence};
use crate::executor::Executor;
use crate::journal::{Event, Journal};
use crate::outcome::MigrationOutcome;
use crate::state::StateLock;

use super::{Migrator, Preview};

/// A migration that is ready to run: locked, checked and planned, nothing changed yet.
pub struct Prepared<'a> {
    pub(super) migrator: &'a Migrator,
    /// What will be done.
    pub preview: Preview,
    pub(super) ends: Ends,
    pub(super) journal: Journal,
    pub(super) migration: String,
    pub(super) _state_lock: StateLock,
    pub(super) _target_lock: TargetLock,
}

impl Prepared<'_> {
    /// Whether every step is done already.
    pub fn is_complete(&self) -> bool {
        self.journal.status().completed.is_some()
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
        let status = Journal::read(&migrator.state)?.unwrap_or_default();
        let outcome = MigrationOutcome::new(&migrator.resolved, &self.preview.plan, &status);
        migrator.state.write(&migrator.state.report(), &outcome)?;
        Ok(outcome)
    }

    /// Writes the facts before the journal says that there are any.
    fn begin(&mut self, resumed: bool) -> Result<()> {
        let state = &self.migrator.state;
        if !resumed {
            state.write(&state.facts(), &self.preview.facts)?;
            self.journal.append(Event::Begun {
                migration: self.migration.clone(),
                plan: self.preview.plan.name.clone(),
                facts: "facts.json".to_owned(),
            })?;
        }
        self.journal.append(Event::Run {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            set: self.migrator.resolved.set.clone(),
        })
    }

    async fn perform(&mut self, resumed: bool) -> Result<()> {
        let migrator = self.migrator;
        let mut append = std::fs::OpenOptions::new();
        append.create(true).append(true);
        if let Ok(file) = append.open(migrator.state.events()) {
            migrator.events.record_to(file);
        }
        let plan = self.preview.plan.name.clone();
        migrator
            .events
            .tell(Whence::default(), Happened::RunStarted { plan, resumed });
        let world = migrator.world(self.ends.clone(), self.journal.status());
        let journal = Journal::open(&migrator.state)?;
        let journal = Mutex::new(std::mem::replace(&mut self.journal, journal));
        let executor = Executor {
            plan: &self.preview.plan,
            world: &world,
            journal: &journal,
        };
        executor.apply().await
    }
}
