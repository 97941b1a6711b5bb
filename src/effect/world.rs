//! What effects act on: both servers, the state directory, the snapshot, the stream of events.
//! It holds connections and results of this run, and nothing that has to outlive it: that is in
//! the journal.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::Client;

use super::{Effect, Place, Side, Tally};
use crate::cutover_request::CutoverRequests;
use crate::error::{Error, Exit, Result};
use crate::events::{Events, Happened, Whence};
use crate::plan::{Phase, Step, StepId};
use crate::postgres::{Conninfo, Session, subscription_string};
use crate::secret::Sealed;
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
    /// The program that can keep a snapshot, where this process is one.
    pub keeper: Option<std::path::PathBuf>,
    /// How much is streamed of each table.
    pub tally: Tally,
    /// What steps found out, in this run or an earlier one.
    pub outputs: Mutex<BTreeMap<StepId, Value>>,
    /// Sessions that are kept, where every millisecond counts.
    pub sessions: tokio::sync::Mutex<BTreeMap<Place, Arc<Client>>>,
    /// How each end is reached from the other, where the plan says so.
    pub links: Links,
    /// Who may ask for the cutover.
    pub(crate) cutover: CutoverRequests,
    /// Whether following ends once the target has caught up.
    pub until_caught_up: bool,
    /// What a step waits for at the moment, for whoever loses patience.
    pub waiting: Mutex<String>,
    /// The sessions that each step opened to change something.
    pub(crate) opened: Mutex<BTreeMap<StepId, Vec<(Place, Session)>>>,
}

/// How often it is looked whether a session has ended, and how long that may take: a backend in the
/// middle of a long operation looks up only now and then.
const LOOK: Duration = Duration::from_millis(20);
const ENDING: Duration = Duration::from_secs(60);

fn does_not_end(place: Place) -> Error {
    Error::failed(
        format!("a session that lost its connection does not end on the {place}"),
        "Look for the application_name of this migration in pg_stat_activity there, wait for it or \
         end it, then run the same command again.",
    )
}

/// Connection strings for subscriptions.
#[derive(Debug, Clone, Default)]
pub struct Links {
    /// How the target reaches the source.
    pub source: Option<Sealed>,
    /// How the source reaches the target.
    pub target: Option<Sealed>,
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
pub struct Act<'a> {
    /// Its phase.
    pub phase: Phase,
    /// The step.
    pub step: &'a Step,
}

impl Act<'_> {
    /// Where events of it belong.
    fn whence(&self) -> Whence<'_> {
        Whence {
            stage: Some(self.phase),
            step: Some(&self.step.id),
        }
    }
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

    /// The same, for a step that changes something, and may lose the connection on the way.
    ///
    /// # Errors
    /// When no connection can be made.
    pub(super) async fn open_for(&self, act: Act<'_>, place: Place) -> Result<Client> {
        let client = self.open(place).await?;
        let session = Session::of(&client).await?;
        let mut opened = self.opened.lock().expect("no holder of this lock panics");
        let of_step = opened.entry(act.step.id.clone()).or_default();
        of_step.push((place, session));
        Ok(client)
    }

    /// Ends the sessions that a step opened, of those that the servers still have.
    ///
    /// # Errors
    /// When a server does not answer, or one does not end.
    pub async fn end_sessions_of(&self, step: &StepId) -> Result<()> {
        let take = || {
            let mut opened = self.opened.lock().expect("no holder of this lock panics");
            opened.get_mut(step).and_then(Vec::pop)
        };
        while let Some((place, session)) = take() {
            let ended = self.end_session(place, session).await;
            if ended.is_err() {
                let mut opened = self.opened.lock().expect("no holder of this lock panics");
                opened
                    .entry(step.clone())
                    .or_default()
                    .push((place, session));
            }
            ended?;
        }
        Ok(())
    }

    async fn end_session(&self, place: Place, session: Session) -> Result<()> {
        let client = self.open(place).await?;
        let end = async {
            while session.ask_to_end(&client).await? {
                tokio::time::sleep(LOOK).await;
            }
            Ok(())
        };
        let ended = tokio::time::timeout(ENDING, self.unless_stopped(end)).await;
        ended.unwrap_or_else(|_| Err(does_not_end(place)))
    }

    /// Opens a session of the source that sees the exported snapshot.
    ///
    /// # Errors
    /// When no connection can be made, or the snapshot is gone.
    pub(super) async fn under_snapshot(&self) -> Result<Client> {
        self.under_snapshot_from(&self.source).await
    }

    /// The same, and counts the rows that COPY sends over it.
    ///
    /// # Errors
    /// The same.
    pub(super) async fn counting_under_snapshot(&self, rows: &Arc<AtomicU64>) -> Result<Client> {
        self.under_snapshot_from(&self.source.counting(rows)).await
    }

    async fn under_snapshot_from(&self, source: &Conninfo) -> Result<Client> {
        let held = self.snapshot.lock().await;
        let snapshot = held
            .as_ref()
            .expect("a step under a snapshot runs after its export");
        snapshot.join(source).await
    }

    /// A session that later steps use again; opened anew when it was lost.
    ///
    /// # Errors
    /// When no connection can be made.
    pub async fn session(&self, place: Place) -> Result<Arc<Client>> {
        let mut sessions = self.sessions.lock().await;
        if let Some(client) = sessions.get(&place).filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(self.open(place).await?);
        sessions.insert(place, Arc::clone(&client));
        Ok(client)
    }

    /// Says what a step waits for; nothing, once it does not.
    pub(super) fn waits_for(&self, what: String) {
        *self.waiting.lock().expect("no holder of this lock panics") = what;
    }

    /// What a step waits for.
    pub fn waiting(&self) -> String {
        let waiting = self.waiting.lock().expect("no holder of this lock panics");
        waiting.clone()
    }

    /// Ends the kept sessions: whoever still waits for one gets an error.
    pub async fn forget_sessions(&self) {
        self.sessions.lock().await.clear();
    }

    /// A kept session in the phases that hold up the application, else one of the step's own.
    ///
    /// # Errors
    /// When no connection can be made.
    pub(super) async fn session_for(&self, act: Act<'_>, place: Place) -> Result<Arc<Client>> {
        match act.phase {
            Phase::Cutover | Phase::Rollback => self.session(place).await,
            _ => Ok(Arc::new(self.open_for(act, place).await?)),
        }
    }

    /// How a server reaches the end on `side`, for its subscription.
    ///
    /// # Errors
    /// When a secret cannot be revealed, or the connection cannot be put into one string.
    pub(super) fn link(&self, side: Side) -> Result<SecretString> {
        let (key, given, own) = match side {
            Side::Source => (
                "online.subscription_source",
                &self.links.source,
                &self.source,
            ),
            Side::Target => (
                "online.subscription_target",
                &self.links.target,
                &self.target,
            ),
        };
        match given {
            Some(given) => subscription_string(key, given),
            None => own.for_subscription(),
        }
    }

    /// Tells what is sent to a server or run here, just before it is.
    pub fn performed(&self, act: Act<'_>, lines: impl IntoIterator<Item = String>) {
        let performed = |line| Happened::Performed { line };
        self.events
            .tell_all(act.whence(), lines.into_iter().map(performed));
    }

    /// Tells something about a step.
    pub fn tell(&self, act: Act<'_>, happened: Happened) {
        self.events.tell(act.whence(), happened);
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
pub async fn perform(effect: &Effect, act: Act<'_>, world: &World) -> Result<Output> {
    match effect {
        Effect::Sql { place, statements } => super::sql::run(world, act, *place, statements).await,
        Effect::Remember { place, sql } => super::sql::remember(world, act, *place, sql).await,
        Effect::ExportSnapshot(wanted) => super::snapshot::export(world, act, wanted).await,
        Effect::AsPlanned(planned) => super::as_planned::prove(world, act, planned).await,
        Effect::Program(program) => super::program::run(world, act, program).await,
        Effect::CopyRows(what) => super::copy_rows::copy(world, act, what).await,
        Effect::CopyLargeObjects(what) => super::large_objects::copy(world, act, *what).await,
        Effect::Script(script) => super::script::make(world, act, script).await,
        Effect::MeasureSource(measure) => super::compare::measure_source(world, act, measure).await,
        Effect::Compare(comparison) => super::compare::compare(world, act, comparison).await,
        Effect::RemoveDump => super::dump_files::remove(world, act),
        Effect::Replication(effect) => super::replication::perform(world, act, effect).await,
    }
}
