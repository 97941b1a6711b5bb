//! Tests that a migration goes on where it stopped, however it stopped, and is never taken for
//! done when it is not. Each kills, cuts or edits, resumes, and asks the independent check.

mod demo;
mod edits;
pub(crate) mod ground;
mod journal;
mod kills;
mod stream;
