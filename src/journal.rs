//! The checkpoints: an append-only file, a JSON line per event, each on disk before the next
//! thing happens. It keeps what was printed, never a secret, and never rewrites a line.

mod status;

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::crash;
use crate::error::{Error, Exit, Result};
use crate::plan::StepId;
use crate::secret::redact;
use crate::side::Side;
use crate::state::StateDir;

pub use status::{Status, StepStatus};

/// The version of the journal and of the facts; raised when a line changes its meaning.
pub const FORMAT: u32 = 1;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    #[serde(flatten)]
    pub event: Event,
}

/// What a line of the journal says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first line: a migration began, from the facts in `facts.json`.
    Begun {
        /// The migration's own name, unique among all: part of every connection's
        /// `application_name`.
        migration: String,
        /// The plan's name.
        plan: String,
        /// [`FORMAT`], as it was then.
        format: u32,
    },
    /// A process took up the work.
    Run {
        /// The version of this program.
        version: String,
        /// What `--set` overrode.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        set: Vec<String>,
    },
    /// A step is about to have its first effect.
    Started {
        /// The step.
        step: StepId,
        /// What was planned, line by line.
        lines: Vec<String>,
    },
    /// A step had its last effect.
    Done {
        /// The step.
        step: StepId,
        /// What it found out, for later steps and for the report.
        #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
        output: serde_json::Value,
        /// What went otherwise than one would wish, shown again at the end.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
    },
    /// A step failed.
    Failed {
        /// The step.
        step: StepId,
        /// Why.
        error: String,
    },
    /// What was cut short is about to be taken back, with all that stands on it, to be done again.
    TakingBack {
        /// Every step of it that was started.
        steps: Vec<StepId>,
    },
    /// A step was taken back.
    Undone {
        /// The step.
        step: StepId,
        /// Those that went with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        with: Vec<StepId>,
    },
    /// Every step is done, and what was to be proven is proven.
    Completed,
    /// The source serves again after a cutover, and the target follows it as before that.
    RolledBack {
        /// The steps that count as not done any more.
        steps: Vec<StepId>,
    },
    /// An abort began: from here on only abort goes on.
    Aborting {
        /// The side whose server was gone for good: nothing is taken back there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        without: Option<Side>,
    },
    /// Everything was taken back from the target; only throwaway servers and the state are left.
    Aborted,
}

impl Event {
    /// A step was taken back, and nothing went with it.
    pub fn undone(step: StepId) -> Self {
        Self::Undone {
            step,
            with: Vec::new(),
        }
    }

    /// The event with every text for people redacted. Ids and outputs stay as they are: they hold
    /// names and numbers that a later run goes by, and a password may be any word.
    fn redacted(self) -> Self {
        let shown = |text: String| redact(&text).into_owned();
        let all = |texts: Vec<String>| texts.into_iter().map(shown).collect();
        match self {
            Self::Run { version, set } => Self::Run {
                version,
                set: all(set),
            },
            Self::Started { step, lines } => Self::Started {
                step,
                lines: all(lines),
            },
            Self::Done {
                step,
                output,
                warnings,
            } => Self::Done {
                step,
                output,
                warnings: all(warnings),
            },
            Self::Failed { step, error } => Self::Failed {
                step,
                error: shown(error),
            },
            Self::Begun { .. }
            | Self::TakingBack { .. }
            | Self::Undone { .. }
            | Self::Completed
            | Self::RolledBack { .. }
            | Self::Aborting { without: _ }
            | Self::Aborted => self,
        }
    }
}

/// The journal, open for appending.
#[derive(Debug)]
pub struct Journal {
    state: StateDir,
    file: File,
    status: Status,
}

impl Journal {
    /// Opens the journal and cuts off a torn last line.
    ///
    /// # Errors
    /// [`Exit::Undecided`] when a line in the middle cannot be read.
    pub fn open(state: &StateDir) -> Result<Self> {
        let path = state.journal();
        let trouble = |error: std::io::Error| state.trouble("cannot open the journal", &error);
        let mut options = OpenOptions::new();
        options
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600);
        let mut file = options.open(&path).map_err(trouble)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(trouble)?;
        let (status, whole) = replay(state, &bytes)?;
        file.set_len(whole as u64).map_err(trouble)?;
        file.seek(SeekFrom::End(0)).map_err(trouble)?;
        file.sync_all().map_err(trouble)?;
        File::open(state.path())
            .and_then(|dir| dir.sync_all())
            .map_err(trouble)?;
        Ok(Self {
            state: state.clone(),
            file,
            status,
        })
    }

    /// Reads where a migration stands without changing anything; `None` when nothing began.
    ///
    /// # Errors
    /// [`Exit::Undecided`] when a line in the middle cannot be read.
    pub fn read(state: &StateDir) -> Result<Option<Status>> {
        match std::fs::read(state.journal()) {
            Ok(bytes) => replay(state, &bytes).map(|(status, _)| Some(status)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(state.trouble("cannot read the journal", &error)),
        }
    }

    /// Where the migration stands.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Writes one line; when it returns, the line is on disk.
    ///
    /// # Errors
    /// When the disk is full: then the line does not count, and nothing after it may happen.
    pub fn append(&mut self, event: Event) -> Result<()> {
        crash::point();
        let entry = Entry {
            at: Timestamp::now(),
            event: event.redacted(),
        };
        let text = serde_json::to_string(&entry).expect("a journal entry is always JSON");
        let line = format!("{text}\n");
        let before = self.file.stream_position().unwrap_or(0);
        let written = self
            .file
            .write_all(line.as_bytes())
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            let _ = self
                .file
                .set_len(before)
                .and_then(|()| self.file.seek(SeekFrom::End(0)));
            return Err(self.state.trouble("cannot write the journal", &error));
        }
        self.status = std::mem::take(&mut self.status).after(&entry);
        Ok(())
    }
}

/// Adds up every whole line; returns the status and how many bytes those lines are.
///
/// In bytes, because a line may be torn in the middle of a character.
fn replay(state: &StateDir, bytes: &[u8]) -> Result<(Status, usize)> {
    let newline = bytes.iter().rposition(|byte| *byte == b'\n');
    let whole = newline.map_or(0, |end| end + 1);
    let mut status = Status::default();
    for (number, line) in bytes[..whole].split_inclusive(|b| *b == b'\n').enumerate() {
        let entry: Entry = serde_json::from_slice(line).map_err(|error| {
            Error::new(
                Exit::Undecided,
                format!(
                    "line {} of {} is not a journal entry",
                    number + 1,
                    state.journal().display()
                ),
                "The journal was changed by hand or by another version. Put it back as it was; \
                 without it nobody can say what was done on the target.",
            )
            .because_of(&error)
        })?;
        if let Event::Begun { format, .. } = &entry.event
            && *format > FORMAT
        {
            return Err(Error::new(
                Exit::Undecided,
                "this migration was begun by a later version of pg_dbmigrator",
                "Go on with that version.",
            ));
        }
        status = status.after(&entry);
    }
    Ok((status, whole))
}
