//! How replication stands now, as both servers say. It starts no server, and takes no lock.

use std::time::Duration;

use super::Migrator;
use crate::embedded;
use crate::ends::embedded_conninfo;
use crate::error::{Error, Result};
use crate::inspect::{Standing, standing};
use crate::phases::{self, Serving};
use crate::postgres::{Conninfo, Environment};
use crate::resolve::Endpoint;
use crate::side::Side;

/// Whoever asks where a migration stands does not want to wait for a server that is away.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

impl Migrator {
    /// How the stream stands that runs now, forth or back; `None` where there is none.
    ///
    /// # Errors
    /// What a server says, or that it does not answer.
    pub async fn standing(&self) -> Result<Option<Standing>> {
        let Some((from, slot, subscription)) = self.stream()? else {
            return Ok(None);
        };
        let asked = async {
            let publisher = self.reachable(from)?.connect().await?;
            let subscriber = self.reachable(from.other())?.connect().await?;
            standing((&publisher, &slot), (&subscriber, &subscription)).await
        };
        let answer = tokio::time::timeout(PATIENCE, asked).await;
        answer.unwrap_or_else(|_| Err(silent())).map(Some)
    }

    /// The stream that runs: the side it comes from, its slot and its subscription.
    fn stream(&self) -> Result<Option<(Side, String, String)>> {
        let (Some(online), Some(status)) = (&self.resolved.online, self.status()?) else {
            return Ok(None);
        };
        let back = || (Side::Target, online.reverse_name(), online.reverse_name());
        Ok(match phases::serving(&status) {
            _ if !phases::is_streaming(&status) => None,
            Serving::Target => online.cutover.reverse.then(back),
            Serving::Neither(Side::Target) => Some(back()),
            Serving::Source | Serving::Neither(Side::Source) => Some((
                Side::Source,
                online.slot.clone(),
                online.subscription.clone(),
            )),
        })
    }

    /// Adds to an error how the migration ends where a server cannot be reached: it may be gone for
    /// good, and the WAL that the other keeps for it fills a disk.
    pub(super) async fn with_way_out(&self, error: Error, command: &str) -> Error {
        let mut next = error.next().to_owned();
        for side in Side::ALL {
            if self.answers(side).await || !self.answers(side.other()).await {
                continue;
            }
            next.push_str(&format!(
                "\nIf the {side} is gone for good, `pg_dbmigrator {command} --without {side} {}` \
                 removes what is on the {}, and says what is left on the {side}.",
                self.resolved.path.display(),
                side.other(),
            ));
        }
        error.with_next(next)
    }

    async fn answers(&self, side: Side) -> bool {
        let asked = async { self.reachable(side)?.connect().await };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(_)) => true,
            // An abort may have dropped its database already.
            Ok(Err(error)) => error.has_sqlstate("3D000"),
            Err(_) => false,
        }
    }

    /// The connection to a side, if its server runs.
    pub(super) fn reachable(&self, side: Side) -> Result<Conninfo> {
        let endpoint = match side {
            Side::Source => &self.resolved.source,
            Side::Target => &self.resolved.target,
        };
        if let Endpoint::Url(url) = endpoint {
            return Conninfo::resolve(&side.to_string(), url, &Environment::of_process());
        }
        let listed = embedded::list(self.state.path())?;
        let mut running = listed.into_iter().filter(|listed| listed.running);
        let Some(listed) = running.find(|listed| listed.server.side == side) else {
            return Err(silent());
        };
        Ok(embedded_conninfo(&listed.server))
    }
}

fn silent() -> Error {
    Error::failed(
        "a server does not answer",
        "Make it reachable; replication goes on by itself when both are.",
    )
}
