//! Sessions that have to live as long as a migration does.
//! Nothing in here keeps one alive against a network or a server that goes away.

use tokio_postgres::Client;

use crate::error::Result;

use super::conninfo::Conninfo;

/// Switches off whatever could end a session that has to live long (`transaction_timeout` is there
/// from 17 on), or keep it from writing to a database that the migration itself has closed.
pub(crate) const NO_TIMEOUTS: &str = "select set_config(name, '0', false) from pg_settings where name in \
     ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout', \
     'idle_session_timeout', 'default_transaction_read_only')";

/// Has what is committed stay so: where commits do not wait for the disk, a crash could take back
/// that a side was opened or closed. Other values than `off` all wait for the server's own disk.
const DURABLE: &str = "select set_config('synchronous_commit', 'on', false) \
    where current_setting('synchronous_commit') = 'off'";

impl Conninfo {
    /// Connects, and sees to it that no timeout of the server's, the database's or the role's
    /// settings ends the session, and that what it commits outlives a crash.
    ///
    /// # Errors
    /// Those of [`Conninfo::connect`], or what the server says.
    pub async fn connect_untimed(&self) -> Result<Client> {
        let client = self.connect().await?;
        client
            .batch_execute(&format!("{NO_TIMEOUTS}; {DURABLE}"))
            .await?;
        Ok(client)
    }
}
