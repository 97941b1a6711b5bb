//! Performs the export of a snapshot, and keeps the session that holds it.
//! It never reuses a snapshot of another run: that one died with its process.

use super::world::{Output, Scene, World};
use super::{Effect, lines};
use crate::error::Result;
use crate::snapshot::Snapshot;

/// Exports the snapshot and puts it into the world.
///
/// # Errors
/// The server's.
pub(super) async fn export(world: &World, scene: Scene<'_>) -> Result<Output> {
    for line in lines(&Effect::ExportSnapshot) {
        world.performed(scene, line);
    }
    let snapshot = world
        .unless_stopped(Snapshot::export(&world.source))
        .await?;
    *world.snapshot.lock().await = Some(snapshot);
    Ok(Output::default())
}
