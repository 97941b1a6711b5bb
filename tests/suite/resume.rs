//! Tests that a migration goes on where it stopped, however it stopped, and is never taken for
//! done when it is not. Each kills, cuts or edits, resumes, and asks the independent check.

pub(crate) mod ground;
mod kills;
