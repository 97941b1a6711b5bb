//! One lane of the application: a connection at a time, a transaction at a time, until told to stop.
//! Never waits for anything but an answer: where one side refuses, it tries the other.

use super::choice::{Choice, Key};
use super::connection::{Connection, Failure};
use super::record::{Commit, Record};
use super::transaction::{End, attempt};
use super::{Shared, Side};
use std::time::Duration;

/// A pause after a refusal. A refused connection costs a server about a millisecond: all lanes
/// together must leave two cores something to do besides refusing them, and still find out within
/// a few milliseconds that a side is open. So lanes pause for different times.
const BACK_OFF_MS: u64 = 40;
/// For how many commits of others a long transaction stays open, and for how long at most.
const OPEN_ACROSS: usize = 20;
const OPEN_AT_MOST: Duration = Duration::from_millis(30);

/// A lane before it runs.
pub(super) struct Lane {
    pub(super) client: i32,
    /// Whether its transactions stay open across others' commits.
    pub(super) long: bool,
    pub(super) seed: u64,
}

impl Lane {
    /// Runs until told to stop; what it has noted.
    pub(super) async fn run(self, shared: &Shared) -> Record {
        let mut noted = Record::default();
        let mut side = Side::Source;
        let mut connection = None;
        let mut number = 1;
        while !shared.is_stopping() {
            let taken = match connection.take() {
                Some(kept) => Ok(kept),
                None => Connection::open(shared.url(side)).await,
            };
            let key = Key {
                client: self.client,
                number,
            };
            let end = match taken {
                Ok(opened) => {
                    let choice = Choice::of(self.seed, key);
                    let end = attempt(&opened, key, choice, self.pause(shared)).await;
                    connection = kept(opened, &end).await;
                    end
                }
                Err(failure) => End::Refused(failure),
            };
            if !matches!(end, End::Refused(_)) {
                number += 1;
            }
            note(&mut noted, shared, (key, side), end);
            if connection.is_none() {
                side = side.other();
                tokio::time::sleep(self.back_off()).await;
            }
        }
        noted
    }

    fn back_off(&self) -> Duration {
        Duration::from_millis(BACK_OFF_MS + u64::from(self.client.unsigned_abs()))
    }

    async fn pause(&self, shared: &Shared) {
        if !self.long {
            return;
        }
        let until = shared.acknowledged() + OPEN_ACROSS;
        let enough = async {
            while shared.acknowledged() < until {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        // Others may be refused just now.
        tokio::time::timeout(OPEN_AT_MOST, enough).await.ok();
    }
}

/// The connection, where the application would go on with it.
async fn kept(connection: Connection, end: &End) -> Option<Connection> {
    match end {
        End::Acknowledged(_) => Some(connection),
        End::InDoubt(_) => None,
        End::Refused(failure) if failure.is_worth_repeating() => {
            connection.say("rollback").await.ok().map(|_| connection)
        }
        End::Refused(_) => None,
    }
}

fn note(noted: &mut Record, shared: &Shared, (key, side): (Key, Side), end: End) {
    match end {
        End::Acknowledged(given) => {
            let at = shared.acknowledge(side);
            noted.commits.push(Commit {
                key,
                side,
                at,
                entry_id: given.entry,
                mark_id: given.mark,
            });
        }
        End::InDoubt(failure) => {
            noted.in_doubt.insert(key);
            count(noted, side, &failure);
            shared.report(&failure);
        }
        End::Refused(failure) => {
            shared.report(&failure);
            if failure.is_duplicate() {
                noted
                    .duplicates
                    .push(format!("{side:?}: {}", failure.message));
            }
            count(noted, side, &failure);
        }
    }
}

fn count(noted: &mut Record, side: Side, failure: &Failure) {
    let refusals = noted.refusals.entry((side, failure.code.clone()));
    refusals.or_insert((0, failure.message.clone())).0 += 1;
}
