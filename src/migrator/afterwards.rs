//! What can be done once a migration is complete: to go back, or to make it final.
//! It never takes a migration back that was not switched: `abort` does.

use std::time::Duration;

use super::Migrator;
use crate::error::{Error, Exit, Result};
use crate::phases;
use crate::plan::Phase;
use crate::resolve::Fence;

impl Migrator {
    /// Goes back to the source after a cutover, through the stream back; then the target follows
    /// the source as before. Says how long nobody could write.
    ///
    /// # Errors
    /// [`crate::error::Exit::RolledBack`] when that was taken back, and the target serves.
    pub async fn rollback(&self) -> Result<Duration> {
        let done = async {
            let status = self.prepare().await?.afterwards(Phase::Rollback).await?;
            Ok(phases::switched_back(&status))
        };
        let done = done.await;
        self.tell_end(done.as_ref().map(|_| None));
        self.close_events();
        let outage = done?.map(|(_, outage)| outage.unsigned_abs());
        Ok(outage.unwrap_or_default())
    }

    /// After the migration: removes what it made for its streams on both sides, stops and removes
    /// its throwaway servers, and forgets its state. The target is left as it is, and the source
    /// fenced.
    ///
    /// # Errors
    /// When the migration is not complete, or something cannot be removed yet.
    pub async fn finalize(&self) -> Result<Vec<String>> {
        let done = self.make_final().await;
        self.close_events();
        match done {
            Err(error) if error.exit() == Exit::Failed => {
                Err(self.with_way_out(error, "finalize").await)
            }
            done => done,
        }
    }

    async fn make_final(&self) -> Result<Vec<String>> {
        if !self.state.exists() {
            return Ok(Vec::new());
        }
        let status = self.status()?.unwrap_or_default();
        if let Some(gone) = status.aborting_without {
            return Err(crate::history::aborting_without(&self.resolved.path, gone));
        }
        if status.completed.is_none() && !phases::is_switched(&status) {
            return Err(crate::history::incomplete(&self.resolved.path));
        }
        // Once that is proven, the facts may be gone: the removal of the state was cut short.
        if self.resolved.online.is_some() && !phases::is_finalized(&status) {
            self.prepare().await?.afterwards(Phase::Finalize).await?;
        }
        let _lock = self.state.lock().await?;
        let mut said = self.remove_state().await?;
        if let Some(online) = &self.resolved.online {
            said.insert(
                0,
                "removed publications, slots and subscriptions on both sides".into(),
            );
            said.insert(1, stays_closed(&online.cutover.fence));
        }
        Ok(said)
    }

    /// What keeps applications from the source after an online migration.
    pub(super) fn stays_closed(&self) -> Option<String> {
        let online = self.resolved.online.as_ref();
        online.map(|online| stays_closed(&online.cutover.fence))
    }

    /// Refuses to go back where there is nothing to go back from.
    ///
    /// # Errors
    /// [`crate::error::Exit::Refused`].
    pub fn check_that_it_switched(&self) -> Result<()> {
        let status = self.status()?.unwrap_or_default();
        if phases::is_switched(&status) && self.resolved.online.is_some() {
            return Ok(());
        }
        Err(Error::refused(
            "there was no cutover that could be rolled back",
            format!(
                "`pg_dbmigrator status {}` shows where the migration stands.",
                self.resolved.path.display()
            ),
        ))
    }
}

/// What is left of the fence around the source.
fn stays_closed(fence: &Fence) -> String {
    let Fence {
        roles,
        connect,
        read_only,
        terminate: _,
    } = fence;
    let mut parts = Vec::new();
    if *read_only {
        parts.push("read-only".to_owned());
    }
    if *connect {
        parts.push("CONNECT for the migration alone".to_owned());
    }
    if !roles.is_empty() {
        parts.push(format!("NOLOGIN for: {}", roles.join(", ")));
    }
    match parts.is_empty() {
        true => "nothing keeps applications from the source".to_owned(),
        false => format!("the source stays closed: {}", parts.join(", and ")),
    }
}
