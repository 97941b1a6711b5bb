//! One statement that holds a password, performed so that its text comes into no log of the server.
//! It never sends the text as a statement for a role that could not keep it out.

use std::io::Cursor;
use std::pin::pin;

use futures_util::SinkExt;
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::{Client, Error};

/// Keeps the statements that follow in a transaction out of the server's log, of
/// `pg_stat_activity` and of what the usual extensions write down. All are settings for superusers.
const KEEP_OUT_OF_LOG: &str = "
    select set_config(quiet.name, quiet.value, true)
    from
        (values
            ('log_statement', 'none'),
            ('log_min_error_statement', 'panic'),
            ('log_min_duration_statement', '-1'),
            ('log_min_duration_sample', '-1'),
            ('track_activities', 'off'),
            ('pg_stat_statements.track_utility', 'off'),
            ('pgaudit.log', 'none')
        ) quiet (name, value)
";

/// Where the text waits: what COPY brings is no statement, and is logged by no setting.
const PLACE: &str = "create temporary table pg_dbmigrator_statement (line text) on commit drop";

/// How it comes there.
const BRING: &str = "copy pg_temp.pg_dbmigrator_statement from stdin";

/// Performs it. An error that left the block would carry the statement as its context, and so into
/// the log: it is said again, in its own words alone. `others` leaves out cancellations.
const PERFORM: &str = "do $perform$
    declare
        statement text;
        said text;
        code text;
        detail text;
        hint text;
    begin
        select line into strict statement from pg_temp.pg_dbmigrator_statement;
        execute statement;
    exception when query_canceled or others then
        get stacked diagnostics
            code = returned_sqlstate,
            said = message_text,
            detail = pg_exception_detail,
            hint = pg_exception_hint;
        raise exception using
            errcode = code,
            message = concat_ws(': ', said, nullif(detail, ''), nullif(hint, ''));
    end
$perform$";

/// Performs a statement inside the transaction that the caller has begun. A superuser switches
/// logging off for that transaction, in a message of its own: a server logs the whole of one before
/// it performs any of it. Other roles hand the text over as data.
///
/// A warning about the statement would still be logged with its text, where it is handed over: it
/// must be one that gives none.
///
/// # Errors
/// What the server says of the statement.
pub(crate) async fn perform_unlogged(
    client: &Client,
    statement: &SecretString,
) -> Result<(), Error> {
    let rank = "select rolsuper from pg_roles where rolname = current_user";
    if client.query_one(rank, &[]).await?.try_get(0)? {
        client.batch_execute(KEEP_OUT_OF_LOG).await?;
        return client.batch_execute(statement.expose_secret()).await;
    }
    client.batch_execute(PLACE).await?;
    let mut sink = pin!(client.copy_in(BRING).await?);
    let line = as_copied(statement.expose_secret()) + "\n";
    sink.feed(Cursor::new(line.into_bytes())).await?;
    sink.finish().await?;
    client.batch_execute(PERFORM).await
}

/// A text as one value of COPY's text format.
fn as_copied(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
        .replace('\t', "\\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_copy_takes_for_its_own_is_escaped() {
        assert_eq!(as_copied("a\\b\tc\r\nd 'e'"), "a\\\\b\\tc\\r\\nd 'e'");
    }
}
