//! Removes the directory that `pg_dump` wrote.
//! It touches nothing else in the state directory.

use std::io::ErrorKind;

use super::world::{Act, Output, World};
use super::{Effect, lines};
use crate::error::Result;

/// Removes the dump; one that is not there is fine.
///
/// # Errors
/// The file system's.
pub(super) fn remove(world: &World, act: Act<'_>) -> Result<Output> {
    world.performed(act, lines(&Effect::RemoveDump));
    match std::fs::remove_dir_all(world.state.dump()) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(world.state.trouble("cannot remove the dump", &error))
        }
        _ => Ok(Output::default()),
    }
}
