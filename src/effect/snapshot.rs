//! Performs the export of a snapshot, and keeps the session that holds it.
//! It never reuses a snapshot of another run: that one died with its process.

use std::time::Duration;

use super::world::{Output, Scene, World};
use crate::error::Result;
use crate::snapshot::Snapshot;

/// Locks, exports the snapshot and puts it into the world.
///
/// # Errors
/// The server's.
pub(super) async fn export(
    world: &World,
    scene: Scene<'_>,
    (tables, lock_timeout): (&[(String, String)], Duration),
) -> Result<Output> {
    for sql in crate::snapshot::statements(tables, lock_timeout) {
        world.performed(scene, format!("source: {sql}"));
    }
    let snapshot = world
        .unless_stopped(Snapshot::export(&world.source, tables, lock_timeout))
        .await?;
    *world.snapshot.lock().await = Some(snapshot);
    Ok(Output::default())
}
