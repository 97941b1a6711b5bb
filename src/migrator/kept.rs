//! The snapshot that a process of its own keeps on the source between two runs: since when, until when,
//! and what that costs. It takes no lock, and changes nothing.

use std::time::SystemTime;

use jiff::Timestamp;
use serde::Serialize;

use super::Migrator;
use super::standing::PATIENCE;
use crate::effect::World;
use crate::error::Error;
use crate::keeper;
use crate::report::duration;
use crate::side::Side;

/// A snapshot that is held on the source, so that a copy that was cut short goes on where it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptSnapshot {
    /// When the session began that holds it. Vacuum removes nothing on the source that was deleted or
    /// changed since then.
    pub since: Timestamp,
    /// When it is given up unless an `apply` takes it up, to within a few seconds; `None` while one
    /// runs.
    pub kept_until: Option<Timestamp>,
}

impl Migrator {
    /// The snapshot that is held on the source; `None` where there is none, or its server does not
    /// answer.
    pub async fn kept_snapshot(&self) -> Option<KeptSnapshot> {
        if !self.state.keeper().exists() {
            return None;
        }
        let asked = async {
            let source = self.reachable(Side::Source).ok()?;
            let lock_timeout = self.resolved.lock_timeout;
            let held = keeper::find(&self.state, &source, lock_timeout)
                .await
                .ok()??;
            held.session().await.ok()
        };
        let session = tokio::time::timeout(PATIENCE, asked).await.ok()??;
        let attached = self.state.is_locked();
        Some(KeptSnapshot {
            since: session.since(),
            kept_until: if attached { None } else { self.given_up_at() },
        })
    }

    /// As long after the last sign of life as the plan says; progress is told every few seconds.
    fn given_up_at(&self) -> Option<Timestamp> {
        let files = [self.state.events(), self.state.journal()];
        let written = |path| std::fs::metadata(path).ok()?.modified().ok();
        let last: SystemTime = files.into_iter().filter_map(written).max()?;
        let keep = self.resolved.copy.keep_snapshot;
        Timestamp::try_from(last.checked_add(keep)?).ok()
    }

    /// Adds to a failure what goes on after it: a snapshot that is still kept.
    pub(super) async fn with_kept_snapshot(&self, error: Error, world: &World) -> Error {
        let held = world.snapshot.lock().await;
        let Some(snapshot) = held.as_ref().filter(|snapshot| snapshot.is_kept()) else {
            return error;
        };
        let Ok(session) = snapshot.session().await else {
            return error;
        };
        let next = format!(
            "{}\nMeanwhile the snapshot is held on the source, as since {}, for {} at most \
             (copy.keep_snapshot), and holds back vacuum there. `pg_dbmigrator abort {}` lets it go.",
            error.next(),
            session.since().strftime("%F %T UTC"),
            duration(self.resolved.copy.keep_snapshot.as_secs_f64()),
            self.resolved.path.display()
        );
        error.with_next(next)
    }
}
