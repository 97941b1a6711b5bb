//! Performs SQL: each statement as it was printed, one after the other over one connection.
//! It adds nothing of its own to what is sent.

use std::time::Duration;

use tokio_postgres::Client;

use super::world::{Output, Scene, World};
use super::{Effect, Place, lines};
use crate::error::Result;
use crate::plan::Question;

/// How long a cancelled statement may take to notice.
const CANCEL_GRACE: Duration = Duration::from_secs(10);

/// Sends the statements, in order.
///
/// # Errors
/// The server's, with the statement's place; or that it was stopped.
pub(super) async fn run(
    world: &World,
    scene: Scene<'_>,
    place: Place,
    statements: &[String],
) -> Result<Output> {
    let client = world.session_for(scene, place).await?;
    let printed = lines(&Effect::Sql {
        place,
        statements: statements.to_vec(),
    });
    let pid = pid(&client).await?;
    for (statement, line) in statements.iter().zip(printed) {
        world.performed(scene, line);
        send(world, (place, pid), &client, statement)
            .await
            .map_err(|error| {
                error.at(format!(
                    "step {}, on {place}: {}",
                    scene.step.id,
                    first_line(statement)
                ))
            })?;
    }
    Ok(Output::default())
}

/// Asks for one text and gives it as the output; no row is no output.
///
/// # Errors
/// The server's, or that it was stopped.
pub(super) async fn remember(
    world: &World,
    scene: Scene<'_>,
    place: Place,
    sql: &str,
) -> Result<Output> {
    let client = world.session_for(scene, place).await?;
    world.performed(scene, format!("{place}: {sql}"));
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
    (place, pid): (Place, i32),
    client: &Client,
    statement: &str,
) -> Result<()> {
    let work = client.batch_execute(statement);
    tokio::pin!(work);
    tokio::select! {
        biased;
        reason = world.stop.wait() => {
            let other = world.conninfo(place).connect().await?;
            other.query("select pg_cancel_backend($1)", &[&pid]).await?;
            let _ = tokio::time::timeout(CANCEL_GRACE, work).await;
            Err(reason.error())
        }
        done = &mut work => Ok(done?),
    }
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
