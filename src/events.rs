//! What happens while it happens: one stream, read by progress bars, JSON lines and the library's
//! users. It decides nothing; losing a listener loses no work.

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::outcome::MigrationOutcome;
use crate::plan::{Phase, StepId};
use crate::secret::redact;

/// The version of the JSON form; raised when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// An event, with where it belongs: one line of `--json` and of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProgressEvent {
    /// [`SCHEMA_VERSION`].
    pub schema: u32,
    /// The process that did it, unique among runs.
    pub run: String,
    /// When.
    pub at: Timestamp,
    /// The phase it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Phase>,
    /// The step it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// What happened.
    #[serde(flatten)]
    pub happened: Happened,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Happened {
    /// `apply` took up the work.
    RunStarted {
        /// The plan's name.
        plan: String,
        /// Whether an earlier run left something to resume.
        resumed: bool,
    },
    /// A phase began.
    PhaseStarted {
        /// What the phase is for.
        purpose: String,
    },
    /// Every step of a phase is done.
    PhaseDone,
    /// A step was done by an earlier run.
    StepSkipped {
        /// When it was done.
        done_at: Timestamp,
    },
    /// A step of an earlier run is taken back, because it has to be done again.
    StepUndone {
        /// Why.
        reason: String,
    },
    /// A step is about to have its first effect.
    StepStarted {
        /// What it does.
        summary: String,
    },
    /// Something is about to be sent to a server, or run on this machine: alone, or with what follows
    /// it at once.
    Performed {
        /// What, as the plan prints it.
        line: String,
    },
    /// How far a step is.
    Progress {
        /// Bytes done so far.
        bytes_done: u64,
        /// Bytes to do.
        bytes_total: u64,
        /// Bytes a second, measured over the last minute or since the start.
        bytes_per_second: u64,
        /// Seconds left at this rate; `None` while nobody can tell.
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds_left: Option<u64>,
        /// What is being worked on.
        message: String,
        /// The table, where all of this is about one; parts of it are summed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        table: Option<String>,
        /// Rows done so far, where they are counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rows_done: Option<u64>,
        /// Rows to do, as far as the source's statistics know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rows_total: Option<u64>,
    },
    /// How far behind the target is.
    Lag {
        /// The distance between `source_lsn` and `applied_lsn`, in bytes of WAL.
        lag_bytes: u64,
        /// Where the source's WAL ends (`pg_current_wal_insert_lsn`).
        source_lsn: String,
        /// What the target received (`pg_stat_subscription`).
        received_lsn: Option<String>,
        /// What the target flushed (`confirmed_flush_lsn` of the slot).
        applied_lsn: String,
        /// Bytes of WAL that the target applies in a second, over the last minute.
        bytes_per_second: u64,
        /// Seconds until it has caught up at this rate; `None` while nobody can tell, or never.
        seconds_left: Option<u64>,
        /// Whether it will never catch up at this rate.
        never: bool,
        /// WAL that the source keeps for the slot, in bytes.
        retained_bytes: u64,
    },
    /// The target came near enough to the source: ready for the cutover.
    CaughtUp {
        /// The lag, in bytes of WAL.
        lag_bytes: u64,
    },
    /// The schema of source and target differ, because somebody changed one of them; empty once
    /// they do not any more.
    SchemaDrift {
        /// Object by object.
        differences: Vec<String>,
    },
    /// Somebody asked for the cutover.
    CutoverRequested,
    /// Something went otherwise than one would wish.
    Warning {
        /// What, and why.
        message: String,
    },
    /// A step had its last effect.
    StepDone {
        /// How long it took, in seconds.
        seconds: f64,
    },
    /// A step was stopped safely, because somebody asked for it.
    StepStopped,
    /// A step failed.
    StepFailed {
        /// Why.
        error: String,
    },
    /// Everything is done, and proven as the plan asked.
    Completed,
    /// The last event of a run that succeeded.
    Outcome {
        /// What came of it.
        outcome: Box<MigrationOutcome>,
    },
    /// The last event of a run that did not.
    RunFailed {
        /// The exit code.
        exit: u8,
        /// What happened, why, and what to do next.
        error: String,
    },
}

impl Happened {
    /// The same with every text for people redacted.
    fn redacted(self) -> Self {
        let shown = |text: String| match redact(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(redacted) => redacted,
        };
        match self {
            Self::RunStarted { plan, resumed } => Self::RunStarted {
                plan: shown(plan),
                resumed,
            },
            Self::StepUndone { reason } => Self::StepUndone {
                reason: shown(reason),
            },
            Self::StepStarted { summary } => Self::StepStarted {
                summary: shown(summary),
            },
            Self::Performed { line } => Self::Performed { line: shown(line) },
            Self::Progress {
                bytes_done,
                bytes_total,
                bytes_per_second,
                seconds_left,
                message,
                table,
                rows_done,
                rows_total,
            } => Self::Progress {
                bytes_done,
                bytes_total,
                bytes_per_second,
                seconds_left,
                message: shown(message),
                table,
                rows_done,
                rows_total,
            },
            Self::Warning { message } => Self::Warning {
                message: shown(message),
            },
            Self::StepFailed { error } => Self::StepFailed {
                error: shown(error),
            },
            Self::RunFailed { exit, error } => Self::RunFailed {
                exit,
                error: shown(error),
            },
            Self::SchemaDrift { differences } => Self::SchemaDrift {
                differences: differences.into_iter().map(shown).collect(),
            },
            // What an outcome tells was redacted when the journal took it in.
            Self::Outcome { outcome: _ }
            | Self::PhaseStarted { purpose: _ }
            | Self::PhaseDone
            | Self::StepStopped
            | Self::Lag { .. }
            | Self::CaughtUp { .. }
            | Self::CutoverRequested
            | Self::StepSkipped { done_at: _ }
            | Self::StepDone { seconds: _ }
            | Self::Completed => self,
        }
    }
}

/// Where events go: the state directory's file, and whoever subscribed.
#[derive(Debug, Clone)]
pub struct Events(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    run: String,
    file: Option<File>,
    listeners: Vec<UnboundedSender<ProgressEvent>>,
}

/// Where in the plan an event belongs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Whence<'a> {
    /// The phase.
    pub stage: Option<Phase>,
    /// The step.
    pub step: Option<&'a StepId>,
}

impl Events {
    /// Makes a stream for one run.
    pub fn new(run: &str) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            run: run.to_owned(),
            file: None,
            listeners: Vec::new(),
        })))
    }

    /// Also writes every event to a file, a line each.
    pub fn record_to(&self, file: File) {
        self.lock().file = Some(file);
    }

    /// A receiver that gets every event from now on; it ends with the run.
    pub fn subscribe(&self) -> UnboundedReceiver<ProgressEvent> {
        let (sender, receiver) = unbounded_channel();
        self.lock().listeners.push(sender);
        receiver
    }

    /// Ends every subscription.
    pub fn close(&self) {
        self.lock().listeners.clear();
    }

    /// Tells everyone.
    pub fn tell(&self, whence: Whence<'_>, happened: Happened) {
        self.tell_all(whence, [happened]);
    }

    /// Tells everyone of what happens at once: a line each, and one write for all of them.
    pub fn tell_all(&self, whence: Whence<'_>, all: impl IntoIterator<Item = Happened>) {
        let mut inner = self.lock();
        let at = Timestamp::now();
        let mut lines = Vec::new();
        for happened in all {
            let event = ProgressEvent {
                schema: SCHEMA_VERSION,
                run: inner.run.clone(),
                at,
                stage: whence.stage,
                step: whence.step.cloned(),
                happened: happened.redacted(),
            };
            if inner.file.is_some() {
                serde_json::to_writer(&mut lines, &event).expect("an event is always JSON");
                lines.push(b'\n');
            }
            inner
                .listeners
                .retain(|listener| listener.send(event.clone()).is_ok());
        }
        if let Some(file) = &mut inner.file {
            // A full disk must not stop the work for want of a record of it: the journal does.
            let _ = file.write_all(&lines);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().expect("no holder of this lock panics")
    }
}
