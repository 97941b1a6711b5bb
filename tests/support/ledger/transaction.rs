//! One transaction of the application, from `begin` to the answer to `commit`.
//! Never says "acknowledged" before that answer, and never "refused" once `commit` was sent and the
//! session did not survive it.

use super::book::{DETAILS, RATE};
use super::choice::{Choice, Key, MARKS_REACH};
use super::connection::{Connection, Failure};

/// How a transaction ended, as far as the application can know.
#[derive(Debug)]
pub(super) enum End {
    /// The server has answered `commit`.
    Acknowledged(Given),
    /// Whether it is committed nobody has said.
    InDoubt(Failure),
    /// It is surely not committed.
    Refused(Failure),
}

/// The ids that sequences have given to the transaction's rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    pub(super) entry: i64,
    pub(super) mark: Option<i64>,
}

/// Does the transaction of `key`, whose content is `choice`; `pause` is where a long one stays
/// open, with its first rows written and no account locked.
pub(super) async fn attempt(
    connection: &Connection,
    key: Key,
    choice: Choice,
    pause: impl Future<Output = ()>,
) -> End {
    match write(connection, key, choice, pause).await {
        Err(failure) => End::Refused(failure),
        Ok(given) => match connection.say("commit").await {
            Ok(_) => End::Acknowledged(given),
            Err(failure) if failure.alive => End::Refused(failure),
            Err(failure) => End::InDoubt(failure),
        },
    }
}

async fn write(
    connection: &Connection,
    key: Key,
    choice: Choice,
    pause: impl Future<Output = ()>,
) -> Result<Given, Failure> {
    let Choice {
        account_from,
        account_to,
        amount,
    } = choice;
    let entry = insert_entry(key, choice);
    let entry = connection.say(&format!("begin; {entry}")).await?;
    if key.stumbles() {
        connection.say(&stumble(key, choice)).await?;
    }
    pause.await;
    let mark = if key.marks() {
        connection.say(&mark(key)).await?
    } else {
        None
    };
    let Key { client, number } = key;
    let lines = format!(
        "insert into lines (client, number, account, amount)
         values ({client}, {number}, {account_from}, -{amount}),
                ({client}, {number}, {account_to}, {amount})"
    );
    connection.say(&lines).await?;
    // In the order of their ids, so that two transactions never wait for each other.
    let mut moves = [(account_from, -amount), (account_to, amount)];
    moves.sort_unstable();
    for (account, by) in moves {
        let update = format!("update accounts set balance = balance + {by} where id = {account}");
        connection.say(&update).await?;
    }
    Ok(Given {
        entry: entry.ok_or_else(no_id)?,
        mark,
    })
}

fn insert_entry(key: Key, choice: Choice) -> String {
    let Key { client, number } = key;
    let Choice {
        account_from,
        account_to,
        amount,
    } = choice;
    format!(
        "insert into entries (client, number, account_from, account_to, amount, rate, details)
         select client, number, {account_from}, {account_to}, {amount}, {RATE}, {DETAILS}
         from (values ({client}, {number}::bigint)) keys (client, number)
         returning id"
    )
}

/// An entry with a number that no entry may have, taken back.
fn stumble(key: Key, choice: Choice) -> String {
    let Key { client, number } = key;
    let never = Key {
        client,
        number: -number,
    };
    format!(
        "savepoint stumble; {}; rollback to stumble; release stumble",
        insert_entry(never, choice)
    )
}

/// The entry's mark: every mark of the client that stays has been seen by the newest.
fn mark(key: Key) -> String {
    let Key { client, number } = key;
    format!(
        "update marks set seen_by = {number} where client = {client};
         delete from marks where client = {client} and number <= {number} - {MARKS_REACH};
         insert into marks (client, number, seen_by) values ({client}, {number}, {number})
         returning id"
    )
}

fn no_id() -> Failure {
    Failure {
        code: "no id".to_owned(),
        message: "an insert returned no id".to_owned(),
        alive: false,
    }
}
