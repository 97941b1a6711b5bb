//! Sequences on their way to the other side: which are behind, what became of each, and how that is
//! told. It never moves one backwards.

use tokio_postgres::Client;

use super::reading::{Failed, States, downwards, narrowed, read};
use super::{Carried, Name};
use crate::effect::Side;
use crate::effect::world::Output;
use crate::error::{Error, Result};
use crate::measure::SequenceState;
use crate::postgres::{full_name, qualified, quote_literal};
use crate::report::some_of;

/// How many are set by one statement.
const PER_STATEMENT: usize = 200;

/// How many reasons an error gives.
const TOLD: usize = 10;

/// Sequences on their way.
pub(super) struct Carrying {
    /// Those that were read on both sides.
    names: Vec<Name>,
    /// Where they stand on the side that they come from.
    here: States,
    downwards: Vec<String>,
    moved: usize,
    /// Why each of the others cannot be carried.
    pub(super) failed: Failed,
}

impl Carrying {
    /// Reads both sides.
    pub(super) async fn begin(
        (here, there): (&Client, &Client),
        sequences: &[Name],
    ) -> Result<Self> {
        let ((is, not_here), (was, not_there), downwards) = tokio::try_join!(
            read(here, sequences),
            read(there, sequences),
            downwards(here)
        )?;
        let mut failed = not_there;
        failed.extend(not_here);
        let behind = |(schema, name): &&Name| {
            let label = full_name(schema, name);
            let both = is.get(&label).zip(was.get(&label));
            both.is_some_and(|(is, was)| leads(*is, *was, downwards.contains(&label)))
        };
        let names = sequences.iter().filter(behind).cloned().collect();
        Ok(Self {
            names,
            here: is,
            downwards,
            moved: 0,
            failed,
        })
    }

    /// Sets those that are behind.
    pub(super) async fn set(&mut self, there: &Client) -> Result<()> {
        let setval = |(schema, name): &Name| {
            let state = self.here[&full_name(schema, name)];
            setval(schema, name, state)
        };
        for some in self.names.chunks(PER_STATEMENT) {
            let refused = narrowed(some, async |some| {
                let all: Vec<String> = some.iter().map(setval).collect();
                let sql = format!("select {}", all.join(", "));
                there.batch_execute(&sql).await
            });
            self.failed.extend(refused.await?);
        }
        let failed = |(schema, name): &&Name| self.failed.contains_key(&full_name(schema, name));
        self.moved = self.names.len() - self.names.iter().filter(failed).count();
        Ok(())
    }

    /// Somebody may have moved one back meanwhile.
    pub(super) async fn check(&mut self, there: &Client) -> Result<()> {
        let (now, gone) = read(there, &self.names).await?;
        for (schema, name) in &self.names {
            let label = full_name(schema, name);
            let counts_down = self.downwards.contains(&label);
            let behind = now
                .get(&label)
                .is_some_and(|now| leads(self.here[&label], *now, counts_down));
            if behind {
                let why = "it is behind after it was set: somebody moved it back meanwhile";
                self.failed.entry(label).or_insert_with(|| why.to_owned());
            }
        }
        for (label, why) in gone {
            self.failed.entry(label).or_insert(why);
        }
        Ok(())
    }

    /// Every sequence that is left, if any is.
    pub(super) fn error(&self, from: Side) -> Error {
        let names: Vec<&str> = self.failed.keys().map(String::as_str).collect();
        let error = Error::failed(
            format!(
                "sequences cannot be carried to the {}: {}",
                from.other(),
                some_of(&names, TOLD)
            ),
            "Mend what each is refused for; or set `cutover.sequence_errors: warn`, and move them \
             by hand.",
        );
        let reasons = self.failed.iter().take(TOLD);
        reasons.fold(error, |error, (label, why)| {
            error.because(format!("{label}: {why}"))
        })
    }

    /// What came of it, with a warning for each that is left.
    pub(super) fn output(self, from: Side) -> Output {
        let stands = |label: &String| {
            let state = self.here.get(label);
            state.map_or(String::new(), |state| {
                format!(
                    "; on the {from} it stands at {} (is_called {})",
                    state.last_value, state.is_called
                )
            })
        };
        let warning = |(label, why): (&String, &String)| {
            let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
            format!(
                "sequence {label} was NOT carried to the {}, and has to be set by hand: {why}{}",
                from.other(),
                stands(label)
            )
        };
        let carried = Carried {
            moved: self.moved,
            not_carried: self.failed.keys().cloned().collect(),
        };
        Output {
            warnings: self.failed.iter().map(warning).collect(),
            ..Output::of(&carried)
        }
    }
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
