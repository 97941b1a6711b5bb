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

impl Conninfo {
    /// Connects, and sees to it that no timeout of the server's, the database's or the role's
    /// settings ends the session.
    ///
    /// # Errors
    /// Those of [`Conninfo::connect`], or what the server says.
    pub async fn connect_untimed(&self) -> Result<Client> {
        let client = self.connect().await?;
        client.batch_execute(NO_TIMEOUTS).await?;
        Ok(client)
    }
}
