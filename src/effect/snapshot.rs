//! Performs the export of a snapshot, and keeps the session that holds it.
//! It never takes over one of an earlier run: `executor/held.rs` does.

use super::SnapshotWanted;
use super::world::{Act, Output, World};
use crate::error::Result;
use crate::keeper;
use crate::snapshot::Snapshot;

/// Locks, exports the snapshot and puts it into the world; what is known of the slot is the
/// output.
///
/// # Errors
/// The server's.
pub(super) async fn export(world: &World, act: Act<'_>, wanted: &SnapshotWanted) -> Result<Output> {
    let statements = crate::snapshot::statements(wanted).into_iter();
    world.performed(act, statements.map(|sql| format!("source: {sql}")));
    let work = async {
        match (wanted.keep, &world.keeper) {
            (Some(keep), Some(program)) => {
                let (state, source) = (&world.state, &world.source);
                keeper::start(program, (state, source), (wanted, keep)).await
            }
            _ => Snapshot::export(&world.source, wanted).await,
        }
    };
    let (snapshot, slot) = world.unless_stopped(work).await?;
    *world.snapshot.lock().await = Some(snapshot);
    Ok(slot.map_or_else(Output::default, |slot| Output::of(&slot)))
}
