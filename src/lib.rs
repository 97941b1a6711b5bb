//! Migrates PostgreSQL databases between two servers from a declarative plan, and proves that
//! nothing was lost. It never changes the source, and never reports a success it has not proven.

pub mod error;
pub mod fingerprint;
pub mod inspect;
pub mod secret;
pub mod spec;
