//! Migrates PostgreSQL databases between two servers from a declarative plan, and proves that
//! nothing was lost. It never reports a success it has not proven.
//!
//! [`Migrator::new`] reads a plan file, [`Migrator::preview`] is the dry run, [`Migrator::run`]
//! carries the plan out, and goes on where an earlier run was stopped or killed. What happens
//! meanwhile is told by [`Migrator::events`].
//!
//! ```no_run
//! use pg_dbmigrator::{Config, Happened, Migrator, Result};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! let migrator = Migrator::new(Config {
//!     plan: "migrate.yaml".into(),
//!     ..Config::default()
//! })?;
//! let mut events = migrator.events();
//! let show = async {
//!     while let Some(event) = events.recv().await {
//!         if let (Some(step), Happened::StepDone { seconds }) = (event.step, event.happened) {
//!             println!("{step} took {seconds:.1} s");
//!         }
//!     }
//! };
//! let (outcome, ()) = tokio::join!(migrator.run(), show);
//! println!("{} rows are the same on both sides", outcome?.proof.rows);
//! # Ok(())
//! # }
//! ```
//!
//! `examples/offline_migration.rs` is a complete program. Everything runs on one thread of a tokio
//! runtime with its clock and its I/O enabled. The rest of the modules is the program's own: they
//! may change in any release.

#[cfg(not(target_os = "linux"))]
compile_error!(
    "pg_dbmigrator runs on Linux: it ends what a killed run left by way of /proc and pidfd"
);

// One picture: plan file → spec → resolve → (with what inspect found) plan → executor → outcome.
// `inspect` asks, `effect` does, and nothing else touches a server.
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod spec;

#[doc(hidden)]
pub mod resolve;
#[doc(hidden)]
pub mod selection;

mod ends;
#[doc(hidden)]
pub mod inspect;
#[doc(hidden)]
pub mod preflight;

mod estimate;
#[doc(hidden)]
pub mod phases;
pub mod plan;

mod crash;
mod cutover_request;
#[doc(hidden)]
pub mod effect;
mod executor;
mod history;
#[doc(hidden)]
pub mod journal;
mod keeper;
mod leftovers;
mod measure;
mod resume;
mod snapshot;
pub mod streamed;

#[doc(hidden)]
pub mod events;
#[doc(hidden)]
pub mod outcome;
#[doc(hidden)]
pub mod report;

mod database_settings;
#[doc(hidden)]
pub mod embedded;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod fingerprint;
#[doc(hidden)]
pub mod migrator;
#[doc(hidden)]
pub mod postgres;
mod row_values;
#[doc(hidden)]
pub mod secret;
mod side;
#[doc(hidden)]
pub mod state;
#[doc(hidden)]
pub mod stop;

pub use cutover_request::CutoverHandle;
pub use error::{Error, Exit, Result};
pub use events::{Happened, ProgressEvent};
pub use inspect::Facts;
pub use journal::Status;
pub use migrator::{Config, Migrator, Prepared, Preview};
pub use outcome::{MigrationOutcome, PhaseTime, Proof};
pub use preflight::{Finding, Level};
pub use stop::{StopHandle, StopReason};

/// Has `cargo test` compile what the README shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
