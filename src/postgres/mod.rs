//! The rooms that know the client library: connection strings, TLS, connecting, quoting.
//! Nothing in here decides what to migrate, and nothing outside opens a connection.
//!
//! Connections behave as libpq's do, by the manual of its newest version. Where they differ, they
//! are stricter, and say so in the error:
//!
//! - a certificate that names its host in the common name alone does not pass verify-full;
//! - a certificate, key or revocation list that is named but missing is an error in every sslmode
//!   that may use TLS, where libpq silently goes on without some of them;
//! - TLS is at least version 1.2, verified certificates are X.509 version 3;
//! - without `connect_timeout`, an address is given up after 30 s; `connect_timeout=0` waits;
//! - GSSAPI, OAuth, `require_auth`, `requirepeer`, `sslpassword`, `sslcrldir`,
//!   `sslcertmode=require` and `load_balance_hosts=random` are refused.

mod child;
mod connect;
mod connect_error;
mod conninfo;
mod copy_frames;
mod environment;
mod hosts;
mod keyword;
mod parameters;
mod parse;
mod password_file;
mod quote;
mod replication;
mod server_error;
mod service_file;
mod session;
mod session_attrs;
mod stream;
mod subscription;
mod tls;
mod tls_parameters;
mod unlogged;
mod untimed;
mod verifier;

pub use child::ChildFiles;
pub use conninfo::Conninfo;
pub use environment::Environment;
pub use quote::{full_name, qualified, quote_identifier, quote_literal};
pub(crate) use session::Session;
pub use subscription::{subscription_string, subscription_user};
pub(crate) use unlogged::perform_unlogged;
pub(crate) use untimed::NO_TIMEOUTS;
