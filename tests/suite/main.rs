//! Every test that needs a server or the program itself: one binary, so that linking is paid once
//! and clusters are shared. Never holds a test of its own: each topic is a module.

#[path = "../support/mod.rs"]
mod support;

mod fingerprint;
mod ground;
mod the_check;
