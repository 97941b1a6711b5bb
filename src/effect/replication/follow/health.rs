//! Whether replication is well, and the safety valve for the source's disk.
//! It goes by the slot on the source first: the subscription may say nothing of a slot that is lost.

use super::{Follow, Standing};
use crate::effect::world::{Scene, World};
use crate::error::{Error, Exit, Result};
use crate::events::Happened;
use crate::report::bytes;

/// What was said already, so that it is said once.
#[derive(Debug)]
pub(super) struct Health {
    limit: u64,
    subscription: String,
    warned: bool,
    idle: u32,
    /// How far the target was when it last got on, and how often the worker had failed by then.
    got_on: Option<(String, u64)>,
}

/// A slot without a reader is worth a word after so many looks: a worker takes some seconds to
/// start (up to 4 s on 15).
const IDLE_LOOKS: u32 = 3;

/// So many failures without any progress in between are not lost connections: PostgreSQL tries
/// again every five seconds (`wal_retrieve_retry_interval`), and fails at the same change.
const FAILURES: u64 = 3;

impl Health {
    pub(super) fn new(what: &Follow) -> Self {
        Self {
            limit: what.retained_wal_bytes,
            subscription: what.subscription.clone(),
            warned: false,
            idle: 0,
            got_on: None,
        }
    }

    /// Warns, or fails where replication cannot go on.
    ///
    /// # Errors
    /// That the slot is lost, that the subscription was disabled, that a change cannot be applied,
    /// or that the source keeps more WAL than the plan allows.
    pub(super) fn check(
        &mut self,
        world: &World,
        scene: Scene<'_>,
        standing: &Standing,
    ) -> Result<()> {
        if standing.wal_status == "lost" {
            return Err(lost());
        }
        if !standing.enabled {
            return Err(self.disabled());
        }
        self.check_progress(standing)?;
        self.idle = if standing.active { 0 } else { self.idle + 1 };
        if self.idle == IDLE_LOOKS {
            let message = format!(
                "nobody reads the slot: the apply worker of subscription {} does not run; the \
                 target's server log says why",
                self.subscription
            );
            world.tell(scene, Happened::Warning { message });
        }
        self.check_retained(world, scene, standing.retained_bytes)
    }

    fn check_progress(&mut self, standing: &Standing) -> Result<()> {
        let now = (&standing.applied_lsn, standing.apply_errors);
        match &self.got_on {
            Some((lsn, errors)) if lsn == now.0 => match now.1.saturating_sub(*errors) {
                0..FAILURES => Ok(()),
                failures => Err(self.stuck(failures)),
            },
            _ => {
                self.got_on = Some((now.0.clone(), now.1));
                Ok(())
            }
        }
    }

    fn check_retained(&mut self, world: &World, scene: Scene<'_>, retained: u64) -> Result<()> {
        if retained >= self.limit {
            return Err(too_much(retained, self.limit));
        }
        let high = retained >= self.limit / 2;
        if high && !self.warned {
            let message = format!(
                "the source keeps {} of WAL for the slot; at {} (thresholds.retained_wal) \
                 streaming stops",
                bytes(retained),
                bytes(self.limit)
            );
            world.tell(scene, Happened::Warning { message });
        }
        self.warned = high;
        Ok(())
    }

    fn disabled(&self) -> Error {
        Error::new(
            Exit::Undecided,
            format!("the subscription {} is disabled", self.subscription),
            format!(
                "Somebody disabled it. Run `alter subscription {} enable` on the target and \
                 `pg_dbmigrator apply` again; nothing is lost meanwhile, the source keeps its WAL.",
                self.subscription
            ),
        )
    }

    fn stuck(&self, failures: u64) -> Error {
        Error::new(
            Exit::Undecided,
            format!(
                "a change cannot be applied on the target: subscription {} failed {failures} \
                 times at the same place",
                self.subscription
            ),
            "The target's server log says which change and why. Mend it there: PostgreSQL goes on \
             by itself. Then run `pg_dbmigrator apply` again; nothing is lost meanwhile, the source \
             keeps its WAL.",
        )
    }
}

fn lost() -> Error {
    Error::new(
        Exit::Undecided,
        "the source removed WAL that the slot needs (max_slot_wal_keep_size): the target cannot \
         catch up any more",
        "Start over with `pg_dbmigrator abort`, then `pg_dbmigrator apply`.",
    )
}

fn too_much(retained: u64, limit: u64) -> Error {
    Error::new(
        Exit::Undecided,
        format!(
            "the source keeps {} of WAL for the slot, more than thresholds.retained_wal ({}) allows",
            bytes(retained),
            bytes(limit)
        ),
        "Find out why the target falls behind, or raise the limit if the source's disk has the \
         room, and run `pg_dbmigrator apply` again; or free the WAL with `pg_dbmigrator abort`.",
    )
}
