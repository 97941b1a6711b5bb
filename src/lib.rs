//! Migrates PostgreSQL databases between two servers from a declarative plan, and proves that
//! nothing was lost. It never changes the source, and never reports a success it has not proven.

pub mod cli;
mod crash;
mod database_settings;
pub mod effect;
pub mod embedded;
mod ends;
pub mod error;
pub mod events;
mod executor;
pub mod fingerprint;
mod history;
pub mod inspect;
pub mod journal;
mod measure;
pub mod migrator;
pub mod outcome;
pub mod phases;
pub mod plan;
pub mod postgres;
pub mod preflight;
pub mod report;
pub mod resolve;
pub mod secret;
pub mod selection;
mod side;
mod snapshot;
pub mod spec;
pub mod state;
pub mod stop;
