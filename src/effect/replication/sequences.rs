//! Performs the carrying of sequences: where they stand, and whether that value was given out.
//! It never moves one backwards.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use crate::effect::world::{Output, Scene, World};
use crate::effect::{Measure, Side};
use crate::error::{Error, Exit, Result};
use crate::measure::{self, SequenceState};
use crate::postgres::{full_name, qualified, quote_literal};
use crate::report::some_of;

/// How many are set by one statement.
const PER_STATEMENT: usize = 200;

fn measured(sequences: &[(String, String)]) -> Measure {
    Measure {
        sequences: sequences.to_vec(),
        ..Measure::default()
    }
}

/// Which sequences count downwards.
const DOWNWARDS: &str = "select n.nspname, c.relname from pg_sequence s join pg_class c on \
    c.oid = s.seqrelid join pg_namespace n on n.oid = c.relnamespace where s.seqincrement < 0";

/// What is read on both sides, and what is set on the other.
pub(super) fn lines(from: Side, sequences: &[(String, String)]) -> Vec<String> {
    let questions = measure::statements(&measured(sequences));
    let read = |side: Side| crate::effect::lines::on(side, questions.clone());
    let mut lines = crate::effect::lines::on(from, [DOWNWARDS.to_owned()]);
    lines.extend(read(from));
    lines.extend(read(from.other()));
    lines.push(format!(
        "{}: select setval(<sequence>, <last_value>, <is_called>) for each that is behind",
        from.other()
    ));
    lines.extend(read(from.other()));
    lines
}

/// Moves every sequence that is behind.
///
/// # Errors
/// What a server says, with the sequence; or that it was stopped.
pub(super) async fn carry(
    world: &World,
    scene: Scene<'_>,
    (from, sequences): (Side, &[(String, String)]),
) -> Result<Output> {
    let here = world.session_for(scene, from.into()).await?;
    let there = world.session_for(scene, from.other().into()).await?;
    let work = async {
        let (ahead, behind, downwards) = tokio::try_join!(
            read(&here, sequences),
            read(&there, sequences),
            downwards(&here)
        )?;
        let mut set = Vec::new();
        for (schema, name) in sequences {
            let label = full_name(schema, name);
            let (Some(is), Some(was)) = (ahead.get(&label), behind.get(&label)) else {
                return Err(missing(&label));
            };
            if leads(*is, *was, downwards.contains(&label)) {
                set.push(setval(schema, name, *is));
            }
        }
        for some in set.chunks(PER_STATEMENT) {
            let all = format!("select {}", some.join(", "));
            there.batch_execute(&all).await?;
        }
        let now = read(&there, sequences).await?;
        let behind = ahead.iter().filter(|(label, is)| {
            let counts_down = downwards.contains(label);
            now.get(*label)
                .is_none_or(|now| leads(**is, *now, counts_down))
        });
        let behind: Vec<&str> = behind.map(|(label, _)| label.as_str()).collect();
        if behind.is_empty() {
            return Ok(Output::of(&set.len()));
        }
        Err(still_behind(from.other(), &behind))
    };
    world.unless_stopped(work).await
}

async fn read(
    client: &Client,
    sequences: &[(String, String)],
) -> Result<BTreeMap<String, SequenceState>> {
    let mut all = BTreeMap::new();
    for sql in measure::statements(&measured(sequences)) {
        for row in client.query(&sql, &[]).await? {
            let state = SequenceState {
                last_value: row.try_get(1)?,
                is_called: row.try_get(2)?,
            };
            all.insert(row.try_get(0)?, state);
        }
    }
    Ok(all)
}

async fn downwards(client: &Client) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for row in client.query(DOWNWARDS, &[]).await? {
        let (schema, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        names.push(full_name(&schema, &name));
    }
    Ok(names)
}

/// Whether a sequence gave out more here than there.
fn leads(here: SequenceState, there: SequenceState, downwards: bool) -> bool {
    let given = |state: SequenceState| {
        let value = if downwards {
            -i128::from(state.last_value)
        } else {
            i128::from(state.last_value)
        };
        (value, state.is_called)
    };
    given(here) > given(there)
}

fn setval(schema: &str, name: &str, state: SequenceState) -> String {
    let SequenceState {
        last_value,
        is_called,
    } = state;
    let sequence = quote_literal(&qualified(schema, name));
    format!("setval({sequence}, {last_value}, {is_called})")
}

fn still_behind(side: Side, names: &[&str]) -> Error {
    Error::new(
        Exit::Different,
        format!(
            "sequences of the {side} are behind after they were set: {}",
            some_of(names, 10)
        ),
        "Somebody moved them back meanwhile: find out who, then try again.",
    )
}

fn missing(name: &str) -> Error {
    Error::failed(
        format!("sequence {name} is not on both sides"),
        "Make it where it is missing, or drop it on the other side; then try again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(last_value: i64, is_called: bool) -> SequenceState {
        SequenceState {
            last_value,
            is_called,
        }
    }

    #[test]
    fn a_sequence_is_never_moved_backwards() {
        assert!(leads(state(2, true), state(1, true), false));
        assert!(leads(state(1, true), state(1, false), false));
        assert!(!leads(state(1, false), state(1, true), false));
        assert!(!leads(state(1, true), state(5, true), false));
        assert!(leads(state(-2, true), state(-1, true), true));
        assert!(!leads(state(-1, true), state(-2, true), true));
    }
}
