//! Performs the carrying of sequences: where they stand, and whether that value was given out.
//! It never moves one backwards.

mod carrying;
mod reading;

use serde::{Deserialize, Serialize};

use carrying::Carrying;

use super::by_now;
use crate::effect::world::{Act, Output, World};
use crate::effect::{Measure, Side};
use crate::error::Result;
use crate::measure;
use crate::plan::StepId;
use crate::resolve::SequenceErrors;
use crate::selection::Patterns;

/// A sequence, as (schema, name).
type Name = (String, String);

fn measured(sequences: &[Name]) -> Measure {
    Measure {
        sequences: sequences.to_vec(),
        ..Measure::default()
    }
}

/// Which sequences count downwards.
const DOWNWARDS: &str = "select n.nspname, c.relname from pg_sequence s join pg_class c on \
    c.oid = s.seqrelid join pg_namespace n on n.oid = c.relnamespace where s.seqincrement < 0";

/// What came of it.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Carried {
    /// How many were moved.
    moved: usize,
    /// Those that could not be, by name.
    not_carried: Vec<String>,
}

/// The sequences that a step could not carry, by name.
///
/// # Errors
/// When the step left nothing that can be read.
pub(in crate::effect) fn not_carried(world: &World, step: &StepId) -> Result<Vec<String>> {
    let carried: Carried = world.output(step)?;
    Ok(carried.not_carried)
}

/// What is read on both sides, and what is set on the other.
pub(super) fn lines(from: Side, sequences: &[Name], errors: SequenceErrors) -> Vec<String> {
    let questions = measure::statements(&measured(sequences));
    let read = |side: Side| crate::effect::lines::on(side, questions.clone());
    let which = by_now::relations_question(by_now::Kind::Sequence);
    let mut lines = crate::effect::lines::on(from, [which.clone(), DOWNWARDS.to_owned()]);
    lines.extend(crate::effect::lines::on(from.other(), [which]));
    lines.extend(read(from));
    lines.extend(read(from.other()));
    let unless = match errors {
        SequenceErrors::Stop => "",
        SequenceErrors::Warn => ", or a warning where that fails",
    };
    lines.push(format!(
        "{}: select setval(<sequence>, <last_value>, <is_called>) for each that is behind{unless}",
        from.other()
    ));
    lines.extend(read(from.other()));
    lines
}

/// Moves every sequence that is behind.
///
/// # Errors
/// What a server says; where the plan has it so, every sequence that could not be moved, with the
/// reason; or that it was stopped.
pub(super) async fn carry(
    world: &World,
    act: Act<'_>,
    (from, (planned, patterns), errors): (Side, (&[Name], &Patterns), SequenceErrors),
) -> Result<Output> {
    let here = world.session_for(act, from.into()).await?;
    let there = world.session_for(act, from.other().into()).await?;
    let work = async {
        let (sides, which) = ((&*here, &*there), by_now::Kind::Sequence);
        let sequences = by_now::relations(sides, which, (planned, patterns)).await?;
        let mut carrying = Carrying::begin(sides, &sequences).await?;
        carrying.set(&there).await?;
        carrying.check(&there).await?;
        match errors {
            SequenceErrors::Stop if !carrying.failed.is_empty() => Err(carrying.error(from)),
            SequenceErrors::Stop | SequenceErrors::Warn => Ok(carrying.output(from)),
        }
    };
    world.unless_stopped(work).await
}
