//! The snapshot that steps are under: taken up again where it outlived its run, and let go once all of
//! them are done. It never mixes two: what was copied under a lost one is copied again.

use super::Executor;
use crate::effect::Effect;
use crate::error::Result;
use crate::events::{Happened, Whence};
use crate::keeper;
use crate::plan::Step;

impl Executor<'_> {
    /// Takes up the snapshot that an earlier run had kept in a process of its own.
    ///
    /// # Errors
    /// When it cannot be told whether it is still there.
    pub(super) async fn hold_kept_snapshot(&self) -> Result<()> {
        let kept = self.plan.steps().flat_map(|step| &step.effects);
        let mut kept = kept.filter_map(|effect| match effect {
            Effect::ExportSnapshot(wanted) if wanted.keep.is_some() => Some(wanted.lock_timeout),
            _ => None,
        });
        if let Some(lock_timeout) = kept.next() {
            let (state, source) = (&self.world.state, &self.world.source);
            let found = keeper::find(state, source, lock_timeout).await?;
            let is_missed = found.is_none() && self.misses_snapshot();
            *self.world.snapshot.lock().await = found;
            if is_missed {
                self.tell_gone("nobody holds the snapshot of the earlier run any more");
            }
        }
        Ok(())
    }

    /// Whether a snapshot was exported that steps still need.
    fn misses_snapshot(&self) -> bool {
        let needs = |step: &Step| {
            let holder = step.under.as_ref();
            holder.is_some_and(|holder| self.is_done(holder)) && !self.is_done(&step.id)
        };
        self.plan.steps().any(needs)
    }

    /// A copy under two snapshots would be of no moment at all: it starts over by itself.
    pub(super) fn tell_gone(&self, why: &str) {
        let message = format!("the copy starts over under a new snapshot: {why}");
        self.world
            .events
            .tell(Whence::default(), Happened::Warning { message });
    }

    /// Ends the session that holds the snapshot when no step needs it any more: it holds back
    /// vacuum on the source.
    pub(super) async fn release_snapshot(&self) -> Result<()> {
        let mut under = self.plan.steps().filter(|step| step.under.is_some());
        if under.all(|step| self.is_done(&step.id)) {
            let held = self.world.snapshot.lock().await.take();
            if held.is_some_and(|snapshot| snapshot.is_kept()) {
                keeper::end(&self.world.state).await?;
            }
        }
        Ok(())
    }
}
