//! What no stream carries, on its way to the other side of a switch: sequences, the rows of some tables,
//! materialized views. It carries nothing while somebody may write.

use super::{Scene, step, table_rows};
use crate::effect::replication::Replication;
use crate::effect::{Effect, Side};
use crate::plan::Step;
use crate::report::counted;
use crate::spec::Verify;
use crate::streamed::Streamed;

/// What no stream carries, from one side to the other.
pub(super) fn steps(scene: &Scene<'_>, streamed: &Streamed, from: Side, phase: &str) -> Vec<Step> {
    let (online, _) = scene.stream.as_ref().expect("only asked for online");
    let patterns = || scene.resolved.patterns();
    let mut steps = Vec::new();
    if online.cutover.sequences {
        let sequences = scene.measure_now(Verify::Off).sequences;
        steps.push(Step {
            summary: so_far(sequences.len(), "sequence"),
            effects: vec![Effect::Replication(Replication::CarrySequences {
                from,
                sequences,
                patterns: patterns(),
                errors: online.cutover.sequence_errors,
            })],
            ..step(&sequences_step(phase), "")
        });
    }
    let tables = table_rows(scene, &streamed.at_cutover);
    if !tables.is_empty() {
        let summary = format!(
            "{} not in the stream",
            counted(tables.len() as u64, "table")
        );
        steps.push(Step {
            effects: vec![Effect::Replication(Replication::CopyRows { from, tables })],
            ..step(&format!("{phase}.copy"), summary)
        });
    }
    steps.push(Step {
        effects: vec![Effect::Replication(Replication::Refresh {
            from,
            views: streamed.refreshed.clone(),
            patterns: patterns(),
        })],
        ..step(
            &format!("{phase}.refresh"),
            so_far(streamed.refreshed.len(), "materialized view"),
        )
    });
    steps
}

/// There may be others by then.
fn so_far(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what} so far"),
        number => counted(number as u64, what),
    }
}

/// The step that carries the sequences.
pub(super) fn sequences_step(phase: &str) -> String {
    format!("{phase}.sequences")
}
