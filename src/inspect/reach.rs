//! Whether a server can connect to another one for a subscription: it is asked to make one, in a
//! transaction that is rolled back. Nothing is left of it, and no password reaches its log.

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::replication::Reach;
use crate::error::Result;
use crate::postgres::{perform_unlogged, quote_identifier, quote_literal};
use crate::row_values::without_row_values;
use crate::secret::redact;

/// Long enough for a name service and a handshake far away, short enough to wait for. A network
/// that drops what it does not like answers nothing at all.
const PATIENCE_SECS: u32 = 20;

/// Who may create a subscription in the connected database: superusers before 16, members of
/// `pg_create_subscription` with CREATE since. Whoever is no superuser has to understand what the
/// server says besides.
const MAY_ASK: &str = "
    select
        not pg_is_in_recovery() and (r.rolsuper or subscribes
            and has_database_privilege(current_database(), 'create')
            and current_setting('lc_messages') ~ '^(C|POSIX|en)'),
        'pg_dbmigrator_probe_' || pg_backend_pid(),
        r.rolsuper,
        subscribes
    from pg_roles r, lateral (
        select exists (
            select from pg_roles c
            where c.rolname = 'pg_create_subscription' and pg_has_role(r.oid, c.oid, 'usage')
        ) as subscribes
    ) predefined
    where r.rolname = current_user";

/// For a role that cannot keep a warning, with the password, out of the log: that there is no such
/// publication would be one. So it asks for a standby, which the other server is not, and is told so
/// once it is in; and it must have been asked for a password (libpq of 16 and later).
const TO_THE_DOOR: &str =
    " require_auth='password,md5,scram-sha-256' target_session_attrs='standby'";

/// What is said then.
const AT_THE_DOOR: &str = "server is not in hot standby mode";

/// Why that is not enough.
const UNASKED_FOR: &str = "it is not asked for a password, and a role that is no superuser may \
    subscribe only where it is";

/// What a server says of a connection string without one.
const NO_PASSWORD_GIVEN: &str = "password is required: Non-superusers must provide a password in \
    the connection string.";

/// What is said where no password was asked for: a role that is no superuser may not come in.
const NO_PASSWORD_ASKED: &str = "authentication method requirement";

/// Asks the connected server to reach what `text` names. It connects, may say that there is no such
/// publication, and makes neither slot nor subscription.
///
/// # Errors
/// When the connected server itself does not answer; what it says of the other is no error.
pub async fn reach(client: &Client, text: &SecretString) -> Result<Reach> {
    let row = client.query_one(MAY_ASK, &[]).await?;
    let (name, superuser): (String, bool) = (row.try_get(1)?, row.try_get(2)?);
    if !row.try_get::<_, bool>(0)? {
        let refused = row.try_get(3)? && !superuser && !names_password(text);
        return Ok(match refused {
            true => Reach::Unreachable(NO_PASSWORD_GIVEN.to_owned()),
            false => Reach::Unasked,
        });
    }
    let end = if superuser { "" } else { TO_THE_DOOR };
    let text = SecretString::from(format!("{}{end}", text.expose_secret()));
    client.batch_execute("begin read write").await?;
    let asked = ask(client, &name, &text).await;
    client.batch_execute("rollback").await?;
    let Err(error) = asked else {
        return Ok(Reach::Reached);
    };
    match error.as_db_error() {
        Some(refusal) if refusal.code() == &SqlState::QUERY_CANCELED => Ok(Reach::Unreachable(
            format!("no answer within {PATIENCE_SECS} seconds"),
        )),
        Some(refusal) if !superuser && refusal.message().contains(AT_THE_DOOR) => {
            Ok(Reach::Reached)
        }
        Some(refusal) if !superuser && refusal.message().contains(NO_PASSWORD_ASKED) => {
            Ok(Reach::Unreachable(UNASKED_FOR.to_owned()))
        }
        Some(refusal) => Ok(Reach::Unreachable(reason(refusal))),
        None => Err(error.into()),
    }
}

/// In pairs of `key='value'`, every quote within a value is escaped.
fn names_password(text: &SecretString) -> bool {
    let text = text.expose_secret();
    text.starts_with("password='") || text.contains(" password='")
}

async fn ask(
    client: &Client,
    name: &str,
    text: &SecretString,
) -> Result<(), tokio_postgres::Error> {
    client
        .batch_execute(&format!(
            "set local statement_timeout to '{PATIENCE_SECS}s';
             set local client_min_messages to error"
        ))
        .await?;
    let statement = SecretString::from(format!(
        "create subscription {} connection {} publication pg_dbmigrator_probe \
         with (create_slot = false, enabled = false, copy_data = false)",
        quote_identifier(name),
        quote_literal(text.expose_secret())
    ));
    perform_unlogged(client, &statement).await
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
