//! Every test that needs a server or the program itself: one binary, so that linking is paid once
//! and clusters are shared. Never holds a test of its own: each topic is a module.

#[path = "../support/mod.rs"]
mod support;

mod bad_luck;
mod connections;
mod embedded;
mod fingerprint;
mod ground;
mod house_rules;
mod inspect;
mod ledger;
mod library;
mod migrate;
mod online;
mod online_checks;
mod plan_output;
mod proxy;
mod readme;
mod resume;
mod secrets;
mod signals;
mod the_check;
mod watching;
