//! What came of a migration: what was proven, and what went otherwise than one would wish.
//! It is made from the journal alone, so that a resumed run tells the whole story.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::journal::Status;
use crate::measure::{Measured, Rows};
use crate::phases::{self, COMPARED, GUARD, MEASURE, SEQUENCES};
use crate::plan::{Phase, Plan, Stage, StepId};
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
    /// How long each phase was thought to take, and took; without those that have nothing to do.
    #[serde(default)]
    pub phases: Vec<PhaseTime>,
}

/// How long a phase was thought to take, and took, in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PhaseTime {
    /// The phase.
    pub phase: Phase,
    /// What the plan said, for a machine like the one that its rates were measured on; `None` where
    /// nobody can tell.
    pub estimated_seconds: Option<f64>,
    /// The time in which at least one of its steps ran, over all runs; `None` while not all are
    /// done. What was done in vain, and done again, does not count.
    pub taken_seconds: Option<f64>,
}

/// What was proven, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Proof {
    /// How hard it was looked at.
    pub verify: Verify,
    /// Whether the definitions of all objects were compared: `copy.scope: data` moves none.
    #[serde(default)]
    pub definitions: bool,
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
        Self {
            version: REPORT_VERSION,
            plan: plan.name.clone(),
            migration: status.migration.clone().unwrap_or_default(),
            begun: status.begun,
            completed: status.completed,
            switched: switched.map(|(at, _)| at),
            write_outage_ms: switched
                .and_then(|(_, outage)| u64::try_from(outage.as_millis()).ok()),
            proof: proof(resolved, status, switched.is_some()),
            warnings: warnings.flat_map(|step| step.warnings.clone()).collect(),
            left_behind: plan.left_behind.clone(),
            phases: phase_times(plan, status),
        }
    }

    /// Whether the switch from source to target was made; an offline copy has none.
    pub fn cutover_triggered(&self) -> bool {
        self.switched.is_some()
    }
}

/// What was compared last: at the cutover, or else of the copy, which proves nothing of what the
/// application wrote since.
fn proof(resolved: &Resolved, status: &Status, switched: bool) -> Proof {
    let compared_by = |of_the_copy| if switched { COMPARED } else { of_the_copy };
    let measured = output(status, compared_by(MEASURE));
    let count = |rows: i64| u64::try_from(rows).unwrap_or(0);
    let rows = measured.tables.values().map(|table| count(table.rows));
    Proof {
        verify: match status.is_done(&StepId::new(compared_by(MEASURE))) {
            true => verify(&measured).unwrap_or_else(|| planned(resolved, switched)),
            false => Verify::Off,
        },
        definitions: phases::compared_schemas(status),
        tables: measured.tables.len() as u64,
        rows: rows.sum(),
        sequences: output(status, compared_by(SEQUENCES)).sequences.len() as u64,
        large_objects: measured.large_objects.map(|objects| count(objects.rows)),
        accepted_differences: accepted_differences(status),
    }
}

fn phase_times(plan: &Plan, status: &Status) -> Vec<PhaseTime> {
    let stages = plan.stages.iter().filter(|stage| !stage.steps.is_empty());
    let time = |stage: &Stage| PhaseTime {
        phase: stage.phase,
        estimated_seconds: stage.estimate.map(|estimate| estimate.as_secs_f64()),
        taken_seconds: taken(stage, status),
    };
    stages.map(time).collect()
}

/// The time covered by a phase's steps, which may run beside each other, and in several runs.
fn taken(stage: &Stage, status: &Status) -> Option<f64> {
    let steps = stage.steps.iter();
    let times = steps.map(|step| {
        let step = status.steps.get(&step.id)?;
        Some((step.started, step.done?))
    });
    let mut times: Vec<(Timestamp, Timestamp)> = times.collect::<Option<_>>()?;
    times.sort();
    let mut covered = Timestamp::MIN;
    let mut seconds = 0.0;
    for (started, done) in times {
        let from = started.max(covered);
        if done > from {
            seconds += done.duration_since(from).as_secs_f64();
            covered = done;
        }
    }
    Some((seconds * 1000.0).round() / 1000.0)
}

/// What a step measured.
fn output(status: &Status, id: &str) -> Measured {
    let step = status.steps.get(&StepId::new(id));
    step.and_then(|step| serde_json::from_value(step.output.clone()).ok())
        .unwrap_or_default()
}

fn accepted_differences(status: &Status) -> u64 {
    let guard = status.steps.get(&StepId::new(GUARD));
    guard.and_then(|step| step.output.as_u64()).unwrap_or(0)
}

/// How rows were compared, by what was measured of them: the plan may have been edited since. Of no
/// table there is nothing to tell it by.
fn verify(measured: &Measured) -> Option<Verify> {
    let hashed = |table: &Rows| table.hash.is_some();
    let tables = &measured.tables;
    (!tables.is_empty()).then(|| match tables.values().any(hashed) {
        true => Verify::Rows,
        false => Verify::Counts,
    })
}

/// What the plan says of it.
fn planned(resolved: &Resolved, switched: bool) -> Verify {
    match &resolved.online {
        Some(online) if switched => online.cutover.verify,
        _ => resolved.verify,
    }
}
