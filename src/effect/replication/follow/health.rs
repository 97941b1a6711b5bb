//! Whether replication is well. It goes by the slot on the source first: the subscription may say
//! nothing of a slot that is lost. It mends nothing.

use super::Follow;
use crate::effect::Side;
use crate::effect::replication::apply_failure::ApplyWatch;
use crate::effect::world::{Act, World};
use crate::error::Result;
use crate::events::Happened;
use crate::inspect::{Standing, lost};

/// What was said already, so that it is said once.
#[derive(Debug)]
pub(super) struct Health {
    subscription: String,
    apply: ApplyWatch,
    removable: bool,
    idle: u32,
    /// How far the target was when it last got on.
    got_on: String,
}

/// A slot without a reader is worth a word after so many looks: a worker takes some seconds to
/// start (up to 4 s on 15).
const IDLE_LOOKS: u32 = 3;

impl Health {
    pub(super) fn new(what: &Follow) -> Self {
        Self {
            subscription: what.subscription.clone(),
            apply: ApplyWatch::new(Side::Target, &what.slot),
            removable: false,
            idle: 0,
            got_on: String::new(),
        }
    }

    /// Warns, or fails where replication cannot go on.
    ///
    /// # Errors
    /// That the slot is lost, that a change cannot be applied, or that the subscription is disabled.
    pub(super) async fn check(
        &mut self,
        world: &World,
        act: Act<'_>,
        standing: &Standing,
    ) -> Result<()> {
        if standing.is_lost() {
            return Err(lost(Side::Source));
        }
        self.apply.begin(world).await?;
        if self.got_on != standing.applied_lsn {
            self.got_on.clone_from(&standing.applied_lsn);
            self.apply.got_on(standing.apply_errors);
        }
        if !(standing.enabled && standing.active) {
            self.apply.check(world).await?;
        }
        self.idle = if standing.active { 0 } else { self.idle + 1 };
        if self.idle == IDLE_LOOKS {
            let message = format!(
                "nobody reads the slot: the apply worker of subscription {} does not run; the \
                 target's server log says why (for one: online.subscription_source leads to \
                 another server, which has no such slot)",
                self.subscription
            );
            world.tell(act, Happened::Warning { message });
        }
        let removable = standing.wal_status == "unreserved";
        if removable && !self.removable {
            let message = "the source may remove WAL that the slot still needs at its next \
                           checkpoint: it is past max_slot_wal_keep_size; raise that setting, or \
                           the copy may have to start over"
                .to_owned();
            world.tell(act, Happened::Warning { message });
        }
        self.removable = removable;
        Ok(())
    }
}
