//! One file per phase: each says which steps its phase has. A phase returns data; it asks nobody
//! and does nothing.

mod act_as;
mod complete;
mod cutover;
mod dump;
mod left_behind;
mod prepare_snapshot;
mod restore;
mod restore_runs;
mod roles;
mod stream_apply;
mod verify;

pub use left_behind::left_behind;

use crate::database_settings;
use crate::effect::{
    Effect, Fence, LargeObjectMeasure, Measure, Place, READ_ONLY, TableRows, TableSize,
};
