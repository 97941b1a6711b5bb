//! Performs the export of a snapshot, and keeps the session that holds it.
//! It never takes over one of an earlier run: `executor/held.rs` does.

use super::SnapshotWanted;
use super::world::{Output, Scene, World};
use crate::error::Result;
use crate::keeper;
use crate::snapshot::Snapshot;

/// Locks, exports the snapshot and puts it into the world; what is known of the slot is the
/// output.
///
/// # Errors
/// The server's.
pub(super) async fn export(
    world: &World,
    scene: Scene<'_>,
    wanted: &SnapshotWanted,
) -> Result<Output> {
    for sql in crate::snapshot::statements(wanted) {
        world.performed(scene, format!("source: {sql}"));
    }
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
