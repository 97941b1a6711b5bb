//! What will be done, as plain data: `plan` prints it, `apply` performs it, resume compares it.
//! It makes no choice of its own and asks nobody: [`plan`] is a pure function of what was meant
//! and what was found.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::effect::Effect;
use crate::error::Result;
use crate::estimate::Estimates;
use crate::inspect::Facts;
use crate::phases;
use crate::resolve::Resolved;

/// The parts of a migration, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Phase {
    /// Both servers are asked, and everything that speaks against the plan is found.
    Validate,
    /// One snapshot of the source is exported, for all who read it.
    PrepareSnapshot,
    /// `pg_dump` writes the database to a directory beside the plan.
    Dump,
    /// The target database is made and filled.
    Restore,
    /// The target database is made, with everything that comes before rows.
    Schema,
    /// Rows are streamed from source to target, and indexes and keys built.
    Copy,
    /// What comes after rows and keys: foreign keys, triggers, materialized views, statistics.
    Build,
    /// Source and target are compared.
    Verify,
    /// PostgreSQL's own subscription pulls every later change from the slot.
    StreamApply,
    /// The source is fenced, drained and proven, and the target opened.
    Cutover,
    /// What was only needed on the way is removed.
    Complete,
    /// After the cutover: back to the source, through the stream back.
    Rollback,
    /// After the cutover: the streams are removed, and with them the way back.
    Finalize,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Self; 11] = [
        Self::Validate,
        Self::PrepareSnapshot,
        Self::Dump,
        Self::Restore,
        Self::Schema,
        Self::Copy,
        Self::Build,
        Self::Verify,
        Self::StreamApply,
        Self::Cutover,
        Self::Complete,
    ];

    /// What commands of their own do once an online migration is complete.
    pub const AFTERWARDS: [Self; 2] = [Self::Rollback, Self::Finalize];
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The name of a step, for instance `restore.data`: the same in the plan, the journal and every
/// event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// Makes a step id from its text.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The whole migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The plan's name.
    pub name: String,
    /// One stage per phase, in order; a stage without steps only says that its phase is there.
    pub stages: Vec<Stage>,
    /// What can be done once it is complete, each by a command of its own; nothing offline.
    pub afterwards: Vec<Stage>,
    /// What this migration leaves behind, each a sentence.
    pub left_behind: Vec<String>,
}

impl Plan {
    /// Every step, in the order of the plan.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = &Step> {
        let stages = self.stages.iter().chain(&self.afterwards);
        stages.flat_map(|stage| &stage.steps)
    }

    /// What a command of its own does afterwards, if this migration has that.
    pub fn afterwards(&self, phase: Phase) -> Option<&Stage> {
        let mut stages = self.afterwards.iter();
        stages.find(|stage| stage.phase == phase && !stage.steps.is_empty())
    }
}

/// The steps of one phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The phase.
    pub phase: Phase,
    /// What it is for, in a few words.
    pub purpose: &'static str,
    /// Its steps. Those that do not wait for each other run side by side.
    pub steps: Vec<Step>,
    /// Whether, and until when, it is done as a whole or not at all.
    pub switch: Option<Switch>,
    /// How many steps run at the same time, in the order of the plan, where that is limited. A step
    /// of such a stage that loses its connection is done again, as a later run would do it.
    pub jobs: Option<u32>,
    /// How long it takes on a machine like the one that the rates were measured on; `None` where there
    /// is nothing to do, or it lasts for as long as somebody likes.
    pub estimate: Option<Duration>,
}

/// What makes a stage one decision: its steps run one after the other, and until the decision any
/// failure, and the deadline, take all of them back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// How long the steps between `from` and `decided_by` may take.
    pub deadline: Duration,
    /// The step that begins to hold up the application.
    pub from: StepId,
    /// The step that closes the side that serves; taken back before all others, and with it `from`,
    /// so that the application waits for no other server.
    pub fence: StepId,
    /// The first step after which there is only one way, forward.
    pub decided_by: StepId,
}

/// The smallest thing that is journalled: started before its first effect, done after its last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub id: StepId,
    /// What it does, in a few words for people: `42 tables, 1.2 GiB`.
    pub summary: String,
    /// Steps of the same stage that have to be done before.
    pub after: Vec<StepId>,
    /// The step whose session this one needs. A session may die with its process, or with
    /// the one that keeps it: when this step has to run and the session is gone, that step and all that stand on it start over.
    pub under: Option<StepId>,
    /// What it does, in order.
    pub effects: Vec<Effect>,
    /// What a later run does when it finds this step started and not done.
    pub if_interrupted: IfInterrupted,
    /// What takes it back: before it is redone, and in `abort`.
    pub undo: Vec<Effect>,
    /// The step that takes this one back as well when it is taken back itself: what fills a database
    /// goes with all that is in it.
    pub goes_with: Option<StepId>,
    /// Whether it only watches what the servers do by themselves: every run performs it anew, until
    /// a later phase has begun.
    pub standing: bool,
}

/// How a later run goes on with a step that was started and not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfInterrupted {
    /// Ask the server whether it took effect; if not, undo and do it again.
    Ask(Question),
    /// Undo this step and all that stands on it, then do those again.
    RedoFrom(StepId),
}

/// A question with the answer yes or no: SQL that returns one boolean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Where it is asked.
    pub database: crate::effect::Place,
    /// The SQL.
    pub sql: String,
}

/// Makes the plan.
///
/// # Errors
/// Refuses where the facts leave no way to do what was meant.
pub fn plan(resolved: &Resolved, facts: &Facts) -> Result<Plan> {
    let scene = phases::Scene::new(resolved, facts)?;
    let estimates = Estimates::new(&scene);
    let stages = phases::phases(&scene).map(|phase| phases::stage(phase, &scene));
    Ok(Plan {
        name: resolved.name.clone(),
        stages: stages
            .map(|stage| Stage {
                estimate: estimates.of(&stage),
                ..stage
            })
            .collect(),
        afterwards: phases::afterwards(&scene),
        left_behind: phases::left_behind(&scene),
    })
}
