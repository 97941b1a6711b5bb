//! Whether a server can connect to another one for a subscription: it is asked to make one, in a
//! transaction that is rolled back. Nothing is left of it, and no password reaches its log.

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::replication::Reach;
use crate::error::Result;
use crate::postgres::{KEEP_OUT_OF_LOG, quote_identifier, quote_literal};
use crate::row_values::without_row_values;
use crate::secret::redact;

/// Long enough for a name service and a handshake far away, short enough to wait for. A network
/// that drops what it does not like answers nothing at all.
const PATIENCE_SECS: u32 = 20;

/// Who may create a subscription in the connected database: superusers before 16, members of
/// `pg_create_subscription` with CREATE since.
const MAY_ASK: &str = "
    select
        not pg_is_in_recovery()
        and (r.rolsuper or has_database_privilege(current_database(), 'create') and exists (
            select from pg_roles c
            where c.rolname = 'pg_create_subscription' and pg_has_role(r.oid, c.oid, 'usage')
        )),
        'pg_dbmigrator_probe_' || pg_backend_pid()
    from pg_roles r
    where r.rolname = current_user";

/// Asks the connected server to reach what `text` names. It connects, may say that there is no such
/// publication, and makes neither slot nor subscription.
///
/// # Errors
/// When the connected server itself does not answer; what it says of the other is no error.
pub async fn reach(client: &Client, text: &SecretString) -> Result<Reach> {
    let row = client.query_one(MAY_ASK, &[]).await?;
    if !row.try_get::<_, bool>(0)? {
        return Ok(Reach::Unasked);
    }
    let name: String = row.try_get(1)?;
    client.batch_execute("begin read write").await?;
    let asked = ask(client, &name, text).await;
    client.batch_execute("rollback").await?;
    let Err(error) = asked else {
        return Ok(Reach::Reached);
    };
    match error.as_db_error() {
        Some(refusal) if refusal.code() == &SqlState::QUERY_CANCELED => Ok(Reach::Unreachable(
            format!("no answer within {PATIENCE_SECS} seconds"),
        )),
        Some(refusal) => Ok(Reach::Unreachable(reason(refusal))),
        None => Err(error.into()),
    }
}

async fn ask(
    client: &Client,
    name: &str,
    text: &SecretString,
) -> Result<(), tokio_postgres::Error> {
    client
        .batch_execute(&format!(
            "set local statement_timeout to '{PATIENCE_SECS}s';
             set local client_min_messages to error;
             {KEEP_OUT_OF_LOG}"
        ))
        .await?;
    let statement = SecretString::from(format!(
        "create subscription {} connection {} publication pg_dbmigrator_probe \
         with (create_slot = false, enabled = false, copy_data = false)",
        quote_identifier(name),
        quote_literal(text.expose_secret())
    ));
    client.batch_execute(statement.expose_secret()).await
}

/// The server's own words, in one line, without the name of what was only a question.
fn reason(refusal: &tokio_postgres::error::DbError) -> String {
    const BEFORE: &str = "could not connect to the publisher: ";
    let message = refusal.message();
    let told = message
        .split_once(BEFORE)
        .map_or(message, |(_, reason)| reason);
    let parts = [Some(told), refusal.detail(), refusal.hint()];
    let words: Vec<&str> = parts
        .into_iter()
        .flatten()
        .flat_map(str::split_whitespace)
        .collect();
    redact(&without_row_values(&words.join(" "))).into_owned()
}
