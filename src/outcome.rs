//! What came of a migration: what was proven, and what went otherwise than one would wish.
//! It is made from the journal alone, so that a resumed run tells the whole story.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::journal::Status;
use crate::measure::Measured;
use crate::phases::{self, COMPARED, GUARD, MEASURE};
use crate::plan::{Plan, StepId};
use crate::resolve::Resolved;
use crate::spec::Verify;

/// The version of the JSON form of [`MigrationOutcome`].
pub const REPORT_VERSION: u32 = 1;

/// What came of a migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MigrationOutcome {
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// The plan's name.
    pub plan: String,
    /// The migration's own name.
    pub migration: String,
    /// When it began.
    pub begun: Option<Timestamp>,
    /// When its last step was done.
    pub completed: Option<Timestamp>,
    /// When the target took over; an offline copy has no such moment.
    pub switched: Option<Timestamp>,
    /// From the fence around the source to that moment, in milliseconds.
    pub write_outage_ms: Option<u64>,
    /// What was proven.
    pub proof: Proof,
    /// What went otherwise than one would wish, with reasons.
    pub warnings: Vec<String>,
    /// What was left behind, as planned.
    pub left_behind: Vec<String>,
}

/// What was proven, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Proof {
    /// How hard it was looked at.
    pub verify: Verify,
    /// Tables whose rows were compared.
    pub tables: u64,
    /// Their rows.
    pub rows: u64,
    /// Sequences that were compared.
    pub sequences: u64,
    /// Large objects that were compared; none at a switch, because no stream carries them.
    pub large_objects: Option<u64>,
    /// Differences of the schema that were there at the switch, and that the plan accepts.
    #[serde(default)]
    pub accepted_differences: u64,
}

impl MigrationOutcome {
    /// Adds up a journal.
    pub(crate) fn new(resolved: &Resolved, plan: &Plan, status: &Status) -> Self {
        let warnings = plan.steps().filter_map(|step| status.steps.get(&step.id));
        let switched = phases::switched(status);
        let measured = measured(status, switched.is_some());
        let count = |rows: i64| u64::try_from(rows).unwrap_or(0);
        Self {
            version: REPORT_VERSION,
            plan: plan.name.clone(),
            migration: status.migration.clone().unwrap_or_default(),
            begun: status.begun,
            completed: status.completed,
            switched: switched.map(|(at, _)| at),
            write_outage_ms: switched
                .and_then(|(_, outage)| u64::try_from(outage.as_millis()).ok()),
            proof: Proof {
                verify: verify(resolved, switched.is_some()),
                tables: measured.tables.len() as u64,
                rows: measured
                    .tables
                    .values()
                    .map(|table| count(table.rows))
                    .sum(),
                sequences: measured.sequences.len() as u64,
                large_objects: measured.large_objects.map(|objects| count(objects.rows)),
                accepted_differences: accepted_differences(status),
            },
            warnings: warnings.flat_map(|step| step.warnings.clone()).collect(),
            left_behind: plan.left_behind.clone(),
        }
    }

    /// Whether the switch from source to target was made; an offline copy has none.
    pub fn cutover_triggered(&self) -> bool {
        self.switched.is_some()
    }
}

/// What was compared last: at the cutover, or else of the copy, which proves nothing of what the
/// application wrote since.
fn measured(status: &Status, switched: bool) -> Measured {
    let id = if switched { COMPARED } else { MEASURE };
    let step = status.steps.get(&StepId::new(id));
    step.and_then(|step| serde_json::from_value(step.output.clone()).ok())
        .unwrap_or_default()
}

fn accepted_differences(status: &Status) -> u64 {
    let guard = status.steps.get(&StepId::new(GUARD));
    guard.and_then(|step| step.output.as_u64()).unwrap_or(0)
}

fn verify(resolved: &Resolved, switched: bool) -> Verify {
    match &resolved.online {
        Some(online) if switched => online.cutover.verify,
        _ => resolved.verify,
    }
}
