//! Performs SQL: each statement as it was printed, one after the other over one connection.
//! It adds nothing of its own to what is sent.

use tokio_postgres::Client;

use super::world::{Output, Scene, World};
use super::{Effect, Place, lines};
use crate::error::Result;
use crate::plan::Question;

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
    let client = world.open(place).await?;
    let printed = lines(&Effect::Sql {
        place,
        statements: statements.to_vec(),
    });
    for (statement, line) in statements.iter().zip(printed) {
        world.performed(scene, line);
        send(world, &client, statement).await.map_err(|error| {
            error.at(format!(
                "step {}, on {place}: {}",
                scene.step.id,
                first_line(statement)
            ))
        })?;
    }
    Ok(Output::default())
}

/// Asks a yes-or-no question.
///
/// # Errors
/// The server's.
pub async fn ask(world: &World, question: &Question) -> Result<bool> {
    let client = world.open(question.database).await?;
    Ok(client.query_one(&question.sql, &[]).await?.try_get(0)?)
}

/// Sends one statement; a stop cancels it on the server and waits for the answer.
async fn send(world: &World, client: &Client, statement: &str) -> Result<()> {
    let work = client.batch_execute(statement);
    tokio::pin!(work);
    tokio::select! {
        biased;
        reason = world.stop.wait() => {
            // The session ends with the client either way; cancelling spares the server the rest.
            let _ = client.cancel_token().cancel_query(tokio_postgres::NoTls).await;
            let _ = tokio::time::timeout(std::time::Duration::from_secs(10), work).await;
            Err(reason.error())
        }
        done = &mut work => Ok(done?),
    }
}

/// Enough of a statement to recognise it.
fn first_line(statement: &str) -> &str {
    statement.lines().next().unwrap_or_default()
}
