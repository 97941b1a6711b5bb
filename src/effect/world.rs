//! What effects act on: both servers, the state directory, the snapshot, the stream of events.
//! It holds connections and results of this run, and nothing that has to outlive it: that is in
//! the journal.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::Client;

use super::{Effect, Place};
use crate::error::{Error, Exit, Result};
use crate::events::{Events, Happened, Whence};
use crate::plan::{Phase, Step, StepId};
use crate::postgres::Conninfo;
use crate::snapshot::Snapshot;
use crate::state::StateDir;
use crate::stop::Stop;

/// What effects act on.
pub struct World {
    /// The source database.
    pub source: Conninfo,
    /// The target database.
    pub target: Conninfo,
    /// A database on the target's server that is always there.
    pub maintenance: Conninfo,
    /// The state directory.
    pub state: StateDir,
    /// Who is told.
    pub events: Events,
    /// Who may ask to stop.
    pub stop: Stop,
    /// How often progress is asked for.
    pub poll: Duration,
    /// The snapshot, while it is held.
    pub snapshot: tokio::sync::Mutex<Option<Snapshot>>,
    /// What steps found out, in this run or an earlier one.
    pub outputs: Mutex<BTreeMap<StepId, Value>>,
}

/// What a step brought about, besides its effects.
#[derive(Debug, Default, PartialEq)]
pub struct Output {
    /// For later steps and for the report.
    pub value: Value,
    /// Shown now and again at the end.
    pub warnings: Vec<String>,
}

/// A step that is being performed, for events.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// Its phase.
    pub phase: Phase,
    /// The step.
    pub step: &'a Step,
}

impl World {
    /// The connection for a place.
    pub fn conninfo(&self, place: Place) -> &Conninfo {
        match place {
            Place::Source => &self.source,
            Place::Target => &self.target,
            Place::TargetMaintenance => &self.maintenance,
        }
    }

    /// Opens a session that no timeout of the database's own settings can end.
    ///
    /// # Errors
    /// When no connection can be made.
    pub async fn open(&self, place: Place) -> Result<Client> {
        self.conninfo(place).connect_untimed().await
    }

    /// Tells what is sent to a server or run here, just before it is.
    pub fn performed(&self, scene: Scene<'_>, line: impl Into<String>) {
        self.tell(scene, Happened::Performed { line: line.into() });
    }

    /// Tells something about a step.
    pub fn tell(&self, scene: Scene<'_>, happened: Happened) {
        let whence = Whence {
            stage: Some(scene.phase),
            step: Some(&scene.step.id),
        };
        self.events.tell(whence, happened);
    }

    /// What an earlier step found out.
    ///
    /// # Errors
    /// [`Exit::Unproven`] when that step left nothing that can be read.
    pub fn output<T: serde::de::DeserializeOwned>(&self, step: &StepId) -> Result<T> {
        let outputs = self.outputs.lock().expect("no holder of this lock panics");
        let value = outputs.get(step).cloned().unwrap_or_default();
        serde_json::from_value(value).map_err(|error| {
            Error::new(
                Exit::Unproven,
                format!("what step {step} measured is not in the journal"),
                "Start over with `pg_dbmigrator abort`, then `pg_dbmigrator apply`.",
            )
            .because_of(&error)
        })
    }

    /// Runs something that can be given up at any moment, until it ends or a stop is asked for.
    ///
    /// # Errors
    /// Its own, or that it was stopped.
    pub async fn unless_stopped<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            reason = self.stop.wait() => Err(reason.error()),
            done = work => done,
        }
    }
}

/// What a step that let errors through leaves in the journal: what they were about, owners,
/// privileges and comments, may then differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum LetThrough {
    /// `restore.allow_errors` turned errors into warnings.
    SomeErrors,
}

impl Output {
    /// An output that holds a value.
    pub fn of(value: &impl Serialize) -> Self {
        let value = serde_json::to_value(value).expect("what is measured is always JSON");
        Self {
            value,
            warnings: Vec::new(),
        }
    }
}

/// Performs one effect.
///
/// # Errors
/// What the servers, the programs or this machine say.
pub async fn perform(effect: &Effect, scene: Scene<'_>, world: &World) -> Result<Output> {
    match effect {
        Effect::Sql { place, statements } => {
            super::sql::run(world, scene, *place, statements).await
        }
        Effect::Remember { place, sql } => super::sql::remember(world, scene, *place, sql).await,
        Effect::ExportSnapshot {
            tables,
            lock_timeout,
        } => super::snapshot::export(world, scene, (tables, *lock_timeout)).await,
        Effect::Program(program) => super::program::run(world, scene, program).await,
        Effect::MeasureSource(measure) => {
            super::compare::measure_source(world, scene, measure).await
        }
        Effect::Compare(comparison) => super::compare::compare(world, scene, comparison).await,
        Effect::RemoveDump => super::dump_files::remove(world, scene),
    }
}
