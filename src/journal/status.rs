//! Where a migration stands: the sum of its journal, line by line. It asks no server, and writes
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Entry, Event};
use crate::plan::StepId;
use crate::side::Side;

/// Where a step stands.
#[derive(Debug, Clone, PartialEq)]
pub struct StepStatus {
    /// When it was started.
    pub started: Timestamp,
    /// When it was done, or `None` while it is only started.
    pub done: Option<Timestamp>,
    /// What was planned when it was started.
    pub lines: Vec<String>,
    /// What it found out.
    pub output: serde_json::Value,
    /// Its warnings.
    pub warnings: Vec<String>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// Where a migration stands: the sum of its journal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Status {
    /// The migration's own name.
    pub migration: Option<String>,
    /// When it began.
    pub begun: Option<Timestamp>,
    /// Every step that was started and not undone.
    pub steps: BTreeMap<StepId, StepStatus>,
    /// Those of them that are being taken back: until that is through, nobody knows what is left of
    /// them.
    pub taking_back: BTreeSet<StepId>,
    /// Every step that was ever taken back. What it had removed is not there again.
    pub taken_back: BTreeSet<StepId>,
    /// When it was completed.
    pub completed: Option<Timestamp>,
    /// Why the last run failed, if it did.
    pub failure: Option<String>,
    /// Whether an abort began.
    pub aborting: bool,
    /// The side that the abort which began has to do without.
    pub aborting_without: Option<Side>,
    /// Every step that was started and not undone when that abort began.
    pub before_abort: BTreeSet<StepId>,
    /// Whether an abort has nothing left to take back on the target.
    pub aborted: bool,
}

impl Status {
    /// The status after one more line: the same function on writing and on reading.
    #[must_use]
    pub fn after(mut self, entry: &Entry) -> Self {
        match &entry.event {
            Event::Begun {
                migration,
                plan: _,
                format: _,
            } => {
                self.migration = Some(migration.clone());
                self.begun = Some(entry.at);
            }
            Event::Run { version: _, set: _ } => self.failure = None,
            Event::Started { step, lines } => {
                let status = StepStatus {
                    started: entry.at,
                    done: None,
                    lines: lines.clone(),
                    output: serde_json::Value::Null,
                    warnings: Vec::new(),
                    error: None,
                };
                self.steps.insert(step.clone(), status);
            }
            Event::Done {
                step,
                output,
                warnings,
            } => {
                if let Some(status) = self.steps.get_mut(step) {
                    status.done = Some(entry.at);
                    status.output = output.clone();
                    status.warnings.clone_from(warnings);
                    status.error = None;
                }
            }
            Event::Failed { step, error } => {
                self.failure = Some(error.clone());
                if let Some(status) = self.steps.get_mut(step) {
                    status.error = Some(error.clone());
                }
            }
            Event::TakingBack { steps } => self.taking_back = steps.iter().cloned().collect(),
            Event::Undone { step, with } => {
                for step in with.iter().chain([step]) {
                    self.steps.remove(step);
                    self.taking_back.remove(step);
                    self.taken_back.insert(step.clone());
                }
            }
            Event::Completed => self.completed = Some(entry.at),
            Event::RolledBack { steps } => {
                self.completed = None;
                for step in steps {
                    self.steps.remove(step);
                }
            }
            Event::Aborting { without } => {
                if !self.aborting || self.aborting_without != *without {
                    self.before_abort = self.steps.keys().cloned().collect();
                }
                self.taking_back.clear();
                self.aborting = true;
                self.aborting_without = *without;
            }
            Event::Aborted => self.aborted = true,
        }
        self
    }

    /// Whether a step is done.
    pub fn is_done(&self, step: &StepId) -> bool {
        self.steps
            .get(step)
            .is_some_and(|status| status.done.is_some())
    }

    /// Whether nobody knows whether a step took effect: it was started, not done, and nobody began to
    /// take it back.
    pub fn is_in_doubt(&self, step: &StepId) -> bool {
        self.is_interrupted(step) && !self.taking_back.contains(step)
    }

    /// Whether a step is done, and nobody began to take it back.
    pub fn stands(&self, step: &StepId) -> bool {
        self.is_done(step) && !self.taking_back.contains(step)
    }

    /// Whether a step was started and not done.
    pub fn is_interrupted(&self, step: &StepId) -> bool {
        self.steps
            .get(step)
            .is_some_and(|status| status.done.is_none())
    }
}
