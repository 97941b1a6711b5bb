//! The library's front door: a plan file in, a dry run, a migration or its undoing out.
//! It puts the rooms together; it knows neither SQL nor the terminal.

mod abort;
mod afterwards;
mod closed;
mod kept;
mod prepared;
mod standing;
mod switching;
mod taken_back;
mod without;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::sync::Mutex;

use tokio::sync::mpsc::UnboundedReceiver;

use crate::crash;
use crate::cutover_request::{self, CutoverHandle, CutoverRequests};
use crate::effect::{Links, Tally, World};
use crate::embedded;
use crate::ends::Ends;
use crate::error::{Error, Result};
use crate::events::{Events, Happened, ProgressEvent, Whence};
use crate::inspect::Facts;
use crate::journal::{Journal, Status};
use crate::outcome::MigrationOutcome;
use crate::phases;
use crate::plan::{self, Phase, Plan};
use crate::preflight::{Finding, preflight, refuse};
use crate::resolve::{Resolved, resolve};
use crate::side::Side;
use crate::spec::{self, Inputs};
use crate::state::StateDir;
use crate::stop::{self, Stop, StopHandle};

pub(crate) use closed::still_closed;
pub use kept::KeptSnapshot;
pub use prepared::Prepared;
pub use switching::Asked;

/// What a migration is made from.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The plan file.
    pub plan: PathBuf,
    /// Values for `{{ var('NAME') }}`.
    pub vars: BTreeMap<String, String>,
    /// Keys that override the plan file's, as in `copy.jobs` and `8`.
    pub set: Vec<(String, String)>,
    /// Whether [`Migrator::run`] ends once the target has caught up, and leaves the rest to
    /// PostgreSQL until it is called again.
    pub until_caught_up: bool,
    /// The `pg_dbmigrator` program, to keep the snapshot of a streamed copy in a process of its own,
    /// so that a copy that was killed goes on where it was. Without, it starts over.
    pub keeper: Option<PathBuf>,
}

/// A migration.
#[derive(Debug)]
pub struct Migrator {
    resolved: Resolved,
    state: StateDir,
    events: Events,
    stop_handle: StopHandle,
    stop: Stop,
    cutover_handle: CutoverHandle,
    cutover: CutoverRequests,
    until_caught_up: bool,
    keeper: Option<PathBuf>,
}

/// A plan, with what it was made from and what speaks against it.
#[derive(Debug)]
pub struct Preview {
    /// The plan, or why there can be none.
    pub plan: Plan,
    /// What was found.
    pub facts: Facts,
    /// Everything worth knowing before it begins.
    pub findings: Vec<Finding>,
    /// Where an earlier run stopped, if there was one.
    pub status: Option<Status>,
}

impl Migrator {
    /// Reads and settles the plan file.
    ///
    /// # Errors
    /// [`crate::error::Exit::PlanInvalid`], with every problem and its place.
    pub fn new(config: Config) -> Result<Self> {
        let inputs = Inputs {
            vars: config.vars,
            sets: config.set,
            ..Inputs::default()
        };
        let resolved = resolve(spec::read(&config.plan, &inputs)?)?;
        let state = StateDir::of_plan(&resolved.path);
        let (stop_handle, stop) = stop::channel();
        let (cutover_handle, cutover) = cutover_request::channel();
        Ok(Self {
            resolved,
            state,
            events: Events::new(&random_name()),
            stop_handle,
            stop,
            cutover_handle,
            cutover,
            until_caught_up: config.until_caught_up,
            keeper: config.keeper,
        })
    }

    /// Every event from now on; the stream ends with [`Migrator::run`].
    pub fn events(&self) -> UnboundedReceiver<ProgressEvent> {
        self.events.subscribe()
    }

    /// Ends every stream of events; [`Migrator::run`] does so by itself.
    pub fn close_events(&self) {
        self.events.close();
    }

    /// Tells how a run ended; a human who said no is no event.
    pub(crate) fn tell_end(&self, done: Result<Option<&MigrationOutcome>, &Error>) {
        let last = match done {
            Ok(None) => return,
            Ok(Some(outcome)) => Happened::Outcome {
                outcome: Box::new(outcome.clone()),
            },
            Err(error) => Happened::RunFailed {
                exit: error.exit() as u8,
                error: error.to_string(),
            },
        };
        self.events.tell(Whence::default(), last);
    }

    /// Asks a run to stop safely; `run` again goes on.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop_handle.clone()
    }

    /// Asks an online run for its cutover; it begins as soon as the target is near enough.
    pub fn cutover_handle(&self) -> CutoverHandle {
        self.cutover_handle.clone()
    }

    /// What the plan file means.
    pub fn resolved(&self) -> &Resolved {
        &self.resolved
    }

    /// The state directory.
    pub fn state(&self) -> &StateDir {
        &self.state
    }

    /// Where the migration stands, without asking a server; `None` when nothing began.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn status(&self) -> Result<Option<Status>> {
        Journal::read(&self.state)
    }

    /// Asks both servers and makes the plan, as [`Migrator::run`] would; changes nothing. The plan
    /// of a migration that began is made from the facts it began with.
    ///
    /// # Errors
    /// What the servers say, or that no plan is possible.
    pub async fn preview(&self) -> Result<Preview> {
        let ends = Ends::reach(&self.resolved, self.state.path(), "pg_dbmigrator plan").await?;
        let status = self.status()?.filter(|status| status.begun.is_some());
        self.preview_from(&ends, status).await
    }

    async fn preview_from(&self, ends: &Ends, status: Option<Status>) -> Result<Preview> {
        let known = match &status {
            Some(_) => self.state.read::<Facts>(&self.state.facts())?,
            None => None,
        };
        let (facts, findings) = match known {
            Some(facts) => {
                ends.are_the_databases_of(&facts)?;
                ends.still_are(&facts, &Side::ALL).await?;
                let status = status.as_ref().expect("facts are read for a status");
                if phases::leaves_target_as_found(status) {
                    let emptied = phases::may_have_emptied_target(status);
                    ends.target_still_is_as_found(&facts.target, emptied)
                        .await?;
                } else {
                    let made = phases::made_database(status);
                    ends.target_is_ours(&facts.target, made).await?;
                    if phases::leaves_marks(status) {
                        ends.marks_are_there(&facts.target).await?;
                    }
                }
                (facts, Vec::new())
            }
            None => {
                let facts = ends.facts(&self.resolved, self.state.path()).await?;
                let source = &facts.source;
                let selection = self
                    .resolved
                    .selection(&source.relations, &source.schemas)?;
                self.resolved.check_identities(&facts, &selection)?;
                let findings = preflight(&facts, &self.resolved.choices(), &selection);
                (facts, findings)
            }
        };
        let plan = plan::plan(&self.resolved, &facts)?;
        Ok(Preview {
            plan,
            facts,
            findings,
            status,
        })
    }

    /// Locks the plan and the target, asks both servers, makes the plan and holds it against what
    /// an earlier run did. Nothing is changed yet.
    ///
    /// # Errors
    /// Findings that refuse, a changed history, a held lock, and what the servers say.
    pub async fn prepare(&self) -> Result<Prepared<'_>> {
        let prepared = tokio::select! {
            biased;
            reason = self.stop.wait() => Err(reason.error()),
            prepared = self.get_ready() => prepared,
        };
        if prepared.is_err() {
            self.forget_unless_begun().await;
        }
        prepared
    }

    async fn get_ready(&self) -> Result<Prepared<'_>> {
        self.state.create()?;
        let state_lock = self.state.lock().await?;
        let journal = Journal::open(&self.state)?;
        let status = journal.status().clone();
        if let Some(gone) = status.aborting_without {
            return Err(crate::history::aborting_without(&self.resolved.path, gone));
        }
        if status.aborting {
            return Err(Error::refused(
                "an abort of this migration began and did not end",
                format!(
                    "Run `pg_dbmigrator abort {}`.",
                    self.resolved.path.display()
                ),
            ));
        }
        let migration = status.migration.clone().unwrap_or_else(random_name);
        let name = application_name(&migration);
        let journal = self.open_what_is_closed(&name, journal).await?;
        let status = journal.status().clone();
        let ends = Ends::reach(&self.resolved, self.state.path(), &name).await?;
        ends.end_leftovers(&name, &Side::ALL).await?;
        let target_lock = ends.lock().await?;
        let begun = status.begun.is_some().then_some(status);
        let preview = self.preview_from(&ends, begun).await?;
        if let Some(status) = &preview.status {
            crate::history::check(&preview.plan, status)?;
        }
        refuse(&preview.findings)?;
        Ok(Prepared {
            migrator: self,
            preview,
            ends,
            journal: Mutex::new(journal),
            migration,
            _state_lock: state_lock,
            target_lock,
        })
    }

    /// Carries the migration out, from where an earlier run stopped.
    ///
    /// # Errors
    /// The first failure. What was done until then is kept; run again, it goes on.
    pub async fn run(&self) -> Result<MigrationOutcome> {
        let done = async { self.prepare().await?.run().await }.await;
        self.tell_end(done.as_ref().map(Some));
        self.events.close();
        done
    }

    /// Removes throwaway servers and the state directory.
    async fn remove_state(&self) -> Result<Vec<String>> {
        crash::point();
        let mut said = embedded::stop_and_remove(self.state.path()).await?;
        crash::point();
        self.state.remove()?;
        said.push(format!("removed {}", self.state.path().display()));
        Ok(said)
    }

    /// Where an online run ends before its cutover, if it does.
    fn until(&self) -> Option<Phase> {
        let online = self.resolved.online.is_some();
        (online && self.until_caught_up).then_some(Phase::StreamApply)
    }

    fn links(&self) -> Links {
        let online = self.resolved.online.as_ref();
        online.map_or_else(Links::default, |online| Links {
            source: online.subscription_source.clone(),
            target: online.subscription_target.clone(),
        })
    }

    fn world(&self, ends: Ends, status: &Status) -> World {
        let Ends {
            source,
            target,
            maintenance,
        } = ends;
        let outputs = status
            .steps
            .iter()
            .map(|(id, step)| (id.clone(), step.output.clone()));
        World {
            source,
            target,
            maintenance,
            state: self.state.clone(),
            events: self.events.clone(),
            stop: self.stop.clone(),
            poll: self.resolved.poll,
            snapshot: tokio::sync::Mutex::new(None),
            keeper: self.keeper.clone(),
            tally: Tally::default(),
            outputs: Mutex::new(outputs.collect()),
            sessions: tokio::sync::Mutex::default(),
            links: self.links(),
            cutover: self.cutover.clone(),
            until_caught_up: self.until_caught_up,
            waiting: Mutex::default(),
            opened: Mutex::default(),
        }
    }
}

/// What every session of a migration is called: it tells ours from all others, and one
/// migration's from another's. At most 63 bytes count.
fn application_name(migration: &str) -> String {
    format!("pg_dbmigrator {migration}")
}

/// Eight random hexadecimal digits.
fn random_name() -> String {
    format!(
        "{:08x}",
        RandomState::new().build_hasher().finish() & 0xffff_ffff
    )
}
