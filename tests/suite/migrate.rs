//! Whole migrations by the built program, each judged by the independent check.
//! Never trusts the program's own verification.

mod built;
mod filters;
mod ground;
mod leftovers;
mod losses;
mod pagila;
mod roles;
mod streamed;
mod unprivileged;
mod whole;
