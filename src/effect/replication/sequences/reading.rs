//! Where sequences stand on a side, and which cannot be asked, or set, one by one.
//! It decides nothing about them.

use std::collections::BTreeMap;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::{DOWNWARDS, Name, measured};
use crate::error::{Error, Result};
use crate::measure::{self, SequenceState};
use crate::postgres::full_name;

/// Where each stands, by name.
pub(super) type States = BTreeMap<String, SequenceState>;

/// Why something cannot be done, by the name of the sequence.
pub(super) type Failed = BTreeMap<String, String>;

/// Where these stand, and why the others could not be read.
pub(super) async fn read(client: &Client, sequences: &[Name]) -> Result<(States, Failed)> {
    let mut all = States::new();
    let failed = narrowed(sequences, async |some| {
        for sql in measure::statements(&measured(some)) {
            for row in client.query(&sql, &[]).await? {
                let state = SequenceState {
                    last_value: row.try_get(1)?,
                    is_called: row.try_get(2)?,
                };
                all.insert(row.try_get(0)?, state);
            }
        }
        Ok(())
    });
    let failed = failed.await?;
    Ok((all, failed))
}

/// Does something with all of them; where the server refuses that, with one half and then the
/// other. What it refuses is left, each with its words.
pub(super) async fn narrowed(
    all: &[Name],
    mut work: impl AsyncFnMut(&[Name]) -> Result<(), tokio_postgres::Error>,
) -> Result<Failed> {
    let mut failed = Failed::new();
    let mut parts = vec![all];
    while let Some(part) = parts.pop() {
        match (work(part).await, part) {
            (Ok(()), _) => {}
            (Err(error), _) if !is_refusal(&error) => return Err(error.into()),
            (Err(error), [(schema, name)]) => {
                let error = Error::from(error);
                failed.insert(full_name(schema, name), error.causes().join("; "));
            }
            (Err(_), part) => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
        }
    }
    Ok(failed)
}

/// Whether the server refuses what was asked, and not to be asked: 22 is a value out of bounds, 42
/// a missing privilege or sequence.
fn is_refusal(error: &tokio_postgres::Error) -> bool {
    let class = |code: &SqlState| {
        ["22", "42"]
            .iter()
            .any(|class| code.code().starts_with(class))
    };
    error.code().is_some_and(class)
}

/// Which of all count downwards.
pub(super) async fn downwards(client: &Client) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for row in client.query(DOWNWARDS, &[]).await? {
        let (schema, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        names.push(full_name(&schema, &name));
    }
    Ok(names)
}
