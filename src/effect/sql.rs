//! Performs SQL: each statement as it was printed, one after the other over one connection.
//! It adds nothing of its own to what is sent.

use std::time::Duration;

use tokio_postgres::Client;

use super::request::Request;
use super::world::{Act, Output, World};
use super::{Effect, Place, lines};
use crate::error::{Error, Result};
use crate::plan::Question;

/// How long a cancelled statement may take to notice.
const CANCEL_GRACE: Duration = Duration::from_secs(10);

/// Sends the statements, in order.
///
/// # Errors
/// The server's, with the statement's place; or that it was stopped.
pub(super) async fn run(
    world: &World,
    act: Act<'_>,
    place: Place,
    statements: &[String],
) -> Result<Output> {
    let client = world.session_for(act, place).await?;
    let printed = lines(&Effect::Sql {
        place,
        statements: statements.to_vec(),
    });
    let pid = pid(&client).await?;
    let mut printed = printed.into_iter();
    for group in statements.chunk_by(together()) {
        world.performed(act, printed.by_ref().take(group.len()));
        send_all(world, (place, pid), &client, group)
            .await
            .map_err(|(statement, error)| {
                error.at(format!(
                    "step {}, on {place}: {}",
                    act.step.id,
                    first_line(statement)
                ))
            })?;
    }
    Ok(Output::default())
}

/// Whether a statement travels with the one before it: both are in a transaction, which takes effect as a
/// whole or not at all, and none after an error in it.
fn together() -> impl FnMut(&String, &String) -> bool {
    let mut within = false;
    move |before, next| {
        within = match before.as_str() {
            "begin" => true,
            "commit" => false,
            _ => within,
        };
        within && next != "begin"
    }
}

/// Asks for one text and gives it as the output; no row is no output.
///
/// # Errors
/// The server's, or that it was stopped.
pub(super) async fn remember(
    world: &World,
    act: Act<'_>,
    place: Place,
    sql: &str,
) -> Result<Output> {
    let client = world.session_for(act, place).await?;
    world.performed(act, [format!("{place}: {sql}")]);
    let work = async { Ok(client.query_opt(sql, &[]).await?) };
    match world.unless_stopped(work).await? {
        Some(row) => Ok(Output::of(&row.try_get::<_, String>(0)?)),
        None => Ok(Output::default()),
    }
}

/// Asks a yes-or-no question.
///
/// # Errors
/// The server's.
pub async fn ask(world: &World, question: &Question) -> Result<bool> {
    let client = world.open(question.database).await?;
    Ok(client.query_one(&question.sql, &[]).await?.try_get(0)?)
}

/// The process that serves a session.
///
/// # Errors
/// The server's.
pub(super) async fn pid(client: &Client) -> Result<i32> {
    let row = client.query_one("select pg_backend_pid()", &[]).await?;
    Ok(row.try_get(0)?)
}

/// Sends one statement; a stop cancels it on the server and waits for the answer.
///
/// # Errors
/// The server's, or that it was stopped.
pub(super) async fn send(
    world: &World,
    whose: (Place, i32),
    client: &Client,
    statement: &str,
) -> Result<()> {
    let alone = [statement];
    let sent = send_all(world, whose, client, &alone).await;
    sent.map_err(|(_, error)| error)
}

/// Sends statements without waiting for the answer to each; a stop cancels the one that runs on the
/// server, and waits for the answer. An error comes with its statement.
async fn send_all<'s, S: AsRef<str>>(
    world: &World,
    (place, pid): (Place, i32),
    client: &Client,
    statements: &'s [S],
) -> Result<(), (&'s str, Error)> {
    let first = statements.first().map_or("", AsRef::as_ref);
    // What was never sent must not be while its answer is waited for.
    if let Some(reason) = world.stop.asked() {
        return Err((first, reason.error()));
    }
    let work = in_order(client, statements);
    tokio::pin!(work);
    tokio::select! {
        biased;
        reason = world.stop.wait() => {
            let cancel = async {
                let other = world.conninfo(place).connect().await?;
                other.query("select pg_cancel_backend($1)", &[&pid]).await?;
                Ok(())
            };
            let cancelled: Result<()> = cancel.await;
            let _ = tokio::time::timeout(CANCEL_GRACE, work).await;
            let stopped = reason.error();
            Err((first, match cancelled {
                Ok(()) => stopped,
                Err(error) => stopped.because(format!("not cancelled: {}", error.what())),
            }))
        }
        done = &mut work => done,
    }
}

async fn in_order<'s, S: AsRef<str>>(
    client: &Client,
    statements: &'s [S],
) -> Result<(), (&'s str, Error)> {
    let mut answers = Vec::new();
    for sql in statements.iter().map(AsRef::as_ref) {
        answers.push((sql, Request::begin(client.batch_execute(sql)).await));
    }
    for (sql, answer) in answers {
        let answer = answer.answer().await;
        answer.map_err(|error| (sql, error.into()))?;
    }
    Ok(())
}

/// Enough of a statement to recognise it: its first line, or the beginning of that.
fn first_line(statement: &str) -> String {
    const ENOUGH: usize = 72;
    let line = statement.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(ENOUGH).collect();
    if cut.len() < line.len() {
        format!("{cut}…")
    } else {
        cut
    }
}
