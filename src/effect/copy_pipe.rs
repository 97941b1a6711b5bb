//! Moves rows from server to server, table after table over one pair of connections: what comes next is
//! asked for before what is there has come to its end. It begins no transaction, and ends none.

use futures_util::future::try_join_all;
use futures_util::{SinkExt, StreamExt};
use tokio_postgres::{Client, Statement};

use super::TableCopy;
use super::copy_rows::{copy_in, copy_out, not_given, not_taken};
use super::request::Request;
use crate::error::{Error, Result};

/// What went wrong on the way.
pub(super) enum Broken<'a> {
    /// The source would not begin to send a table.
    AtSource(&'a TableCopy, Error),
    /// Anything else.
    Anywhere(Error),
}

impl<E: Into<Error>> From<E> for Broken<'_> {
    fn from(error: E) -> Self {
        Self::Anywhere(error.into())
    }
}

/// Moves the rows of all the tables, and returns how many the target took. `moved` is told of which
/// table how many bytes came, and how many rows of those before it the target took.
pub(super) async fn pipe<'a>(
    (source, target): (&Client, &Client),
    tables: &'a [TableCopy],
    moved: impl Fn(&TableCopy, (u64, u64)),
) -> Result<u64, Broken<'a>> {
    let sending = tables.iter().map(copy_out);
    let taking = tables.iter().map(copy_in);
    let (sending, taking) = tokio::try_join!(prepared(source, sending), prepared(target, taking))?;
    let mut rows_out = Vec::new();
    let mut sink = None;
    let mut taken = 0;
    for (number, table) in tables.iter().enumerate() {
        for next in sending
            .iter()
            .take(number + 2)
            .skip(number + rows_out.len())
        {
            rows_out.push(Request::begin(source.copy_out(next)).await);
        }
        let rows = rows_out.remove(0).answer().await;
        let rows = rows.map_err(|error| Broken::AtSource(table, error.into()))?;
        let mut rows = Box::pin(rows);
        let name = table.full_name();
        let refused = |error| Error::from(error).about(not_taken(&name));
        let mut filling = match sink.take() {
            Some(sink) => sink,
            None => Box::pin(target.copy_in(&taking[number]).await.map_err(refused)?),
        };
        while let Some(some) = rows.next().await {
            let some = some.map_err(|error| Error::from(error).about(not_given(&name)))?;
            moved(table, (some.len() as u64, taken));
            // Not `send`, which would flush every piece.
            filling.feed(some).await.map_err(refused)?;
        }
        let ended = async { filling.as_mut().finish().await.map_err(refused) };
        let next = async {
            let Some(next) = tables.get(number + 1) else {
                return Ok(None);
            };
            let sink = target.copy_in(&taking[number + 1]).await;
            let refused = |error| Error::from(error).about(not_taken(&next.full_name()));
            sink.map(|sink| Some(Box::pin(sink))).map_err(refused)
        };
        // Of two errors the first is the cause: after it, the transaction takes nothing.
        let (ended, next) = tokio::join!(ended, next);
        taken += ended?;
        sink = next?;
    }
    Ok(taken)
}

/// All of them in one round trip.
async fn prepared(
    client: &Client,
    statements: impl Iterator<Item = String>,
) -> Result<Vec<Statement>, tokio_postgres::Error> {
    let prepare = statements.map(|sql| async move { client.prepare(&sql).await });
    try_join_all(prepare).await
}
