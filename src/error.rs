//! What went wrong, why, and what to do next: the one error type and the documented exit codes.
//! It never holds a secret: every text passes through [`crate::secret::redact`] on its way in.

use std::error::Error as StdError;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::secret::redact;

/// How the process ends. The numbers are a contract with scripts and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for is done and proven.
    Done = 0,
    /// Something failed; `apply` again resumes.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The plan file is invalid.
    PlanInvalid = 3,
    /// Refused before anything was changed: a finding, a changed history, a stale plan.
    Refused = 4,
    /// A human must decide.
    Undecided = 5,
    /// Verification found a difference.
    Different = 6,
    /// Verification could not be completed, which is never a pass.
    Unproven = 7,
    /// The cutover was taken back and the source serves, or a rollback, and the target does.
    RolledBack = 8,
    /// Another apply holds the lock.
    Locked = 9,
    /// Stopped by SIGINT; resumable.
    Interrupted = 130,
    /// Stopped by SIGTERM; resumable.
    Terminated = 143,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that says what happened, why, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    exit: Exit,
    what: String,
    causes: Vec<String>,
    at: Option<Box<str>>,
    next: String,
    /// What servers answered.
    sqlstates: Vec<String>,
    /// Whether a conversation with a server ended, or never began.
    lost: bool,
}

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// What happened, as far as it is known of every statement that a server refuses.
    pub(crate) const REFUSED: &str = "a server refused a statement";

    /// Makes an error from what happened and what to do next.
    pub fn new(exit: Exit, what: impl AsRef<str>, next: impl AsRef<str>) -> Self {
        Self {
            exit,
            what: redact(what.as_ref()).into_owned(),
            causes: Vec::new(),
            at: None,
            next: redact(next.as_ref()).into_owned(),
            sqlstates: Vec::new(),
            lost: false,
        }
    }

    /// Makes a resumable failure ([`Exit::Failed`]).
    pub fn failed(what: impl AsRef<str>, next: impl AsRef<str>) -> Self {
        Self::new(Exit::Failed, what, next)
    }

    /// Makes a refusal ([`Exit::Refused`]): nothing was changed.
    pub fn refused(what: impl AsRef<str>, next: impl AsRef<str>) -> Self {
        Self::new(Exit::Refused, what, next)
    }

    /// Adds the next deeper cause.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(redact(&cause.to_string()).into_owned());
        self
    }

    /// Adds another error and everything below it, a cause a line: the `Display` of a client
    /// library's error may say only "db error".
    #[must_use]
    pub fn because_of(mut self, source: &(dyn StdError + 'static)) -> Self {
        let mut error = Some(source);
        while let Some(cause) = error {
            let text = redact(&cause.to_string()).into_owned();
            if !self.causes.last().is_some_and(|last| last.contains(&text)) {
                self.causes.push(text);
            }
            error = cause.source();
        }
        self
    }

    /// Says where it happened: a place in the plan file, or a step.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.at = Some(redact(&place.to_string()).into_owned().into_boxed_str());
        self
    }

    /// Replaces what to do next, where the caller knows better than the place that failed.
    #[must_use]
    pub fn with_next(mut self, next: impl AsRef<str>) -> Self {
        self.next = redact(next.as_ref()).into_owned();
        self
    }

    /// Says what it was about, where a server only said that it refused a statement.
    #[must_use]
    pub fn about(mut self, what: impl AsRef<str>) -> Self {
        if self.what == Self::REFUSED {
            self.what = redact(what.as_ref()).into_owned();
        }
        self
    }

    /// Replaces the exit code, where the caller knows better what the failure means.
    #[must_use]
    pub fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Says what a server answered.
    #[must_use]
    pub(crate) fn with_sqlstate(mut self, code: &str) -> Self {
        self.sqlstates.push(code.to_owned());
        self
    }

    /// Says that a conversation with a server ended, or that none began.
    #[must_use]
    pub(crate) fn of_lost_connection(mut self) -> Self {
        self.lost = true;
        self
    }

    /// Whether a server answered with this SQLSTATE.
    pub fn has_sqlstate(&self, code: &str) -> bool {
        self.sqlstates.iter().any(|found| found == code)
    }

    fn has_sqlstate_of(&self, classes: &[&str]) -> bool {
        let of = |found: &String| classes.iter().any(|class| found.starts_with(class));
        self.sqlstates.iter().any(of)
    }

    /// Whether a server refused a statement for what it says (SQLSTATE classes 23 and 42): then
    /// the statement changed nothing.
    pub fn is_refusal_of_statement(&self) -> bool {
        self.has_sqlstate_of(&["23", "42"])
    }

    /// Whether a connection was lost or could not be made: another one may do.
    pub fn is_lost_connection(&self) -> bool {
        let ended = ["57P01", "57P02", "57P03", "08"];
        self.exit == Exit::Failed && (self.lost || self.has_sqlstate_of(&ended))
    }

    /// Whether a server answered a statement with an error by which its whole transaction changed
    /// nothing, and a session that was ended or a server that went away is not what it told of
    /// (SQLSTATE classes of what was asked and of what it met, none of 08, 53, 57, 58 and XX).
    pub fn is_refusal_of_transaction(&self) -> bool {
        self.has_sqlstate_of(&[
            "0A", "22", "23", "25", "28", "2B", "3D", "40", "42", "55", "P0", "0L",
        ])
    }

    /// How the process should end.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What happened, in one line or a few.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Why, from the nearest cause to the deepest.
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// What to do next.
    pub fn next(&self) -> &str {
        &self.next
    }

    /// Where it happened, if that is known.
    pub fn place(&self) -> Option<&str> {
        self.at.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        for cause in &self.causes {
            write!(f, "\n  caused by: {}", cause.replace('\n', "\n    "))?;
        }
        if let Some(at) = &self.at {
            write!(f, "\n  at: {at}")?;
        }
        write!(f, "\nnext: {}", self.next)
    }
}

impl StdError for Error {}
