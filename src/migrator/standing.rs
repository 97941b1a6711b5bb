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
const PATIENCE: Duration = Duration::from_secs(5);

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

    /// Adds to an error what frees the one side, where the other cannot be reached: it may be gone
    /// for good, and the WAL that is kept for it fills a disk.
    pub(super) async fn with_way_out(&self, error: Error) -> Error {
        let Some(online) = &self.resolved.online else {
            return error;
        };
        let mut next = error.next().to_owned();
        for side in Side::ALL {
            if self.answers(side.other()).await || !self.answers(side).await {
                continue;
            }
            next.push_str(&format!(
                "\nIf the {} is gone for good, free the {side} of what it keeps for it, then remove \
                 {} by hand:",
                side.other(),
                self.state.path().display()
            ));
            for statement in phases::by_hand(online, side) {
                next.push_str(&format!("\n  on the {side}: {statement};"));
            }
        }
        error.with_next(next)
    }

    async fn answers(&self, side: Side) -> bool {
        let asked = async { self.reachable(side)?.connect().await };
        matches!(tokio::time::timeout(PATIENCE, asked).await, Ok(Ok(_)))
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
