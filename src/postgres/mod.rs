//! The rooms that know the client library: connection strings, TLS, connecting, quoting.
//! Nothing in here decides what to migrate, and nothing outside opens a connection.

mod child;
mod connect;
mod connect_error;
mod conninfo;
mod environment;
mod hosts;
mod keyword;
mod parameters;
mod parse;
mod password_file;
mod quote;
mod service_file;
mod session_attrs;
mod stream;
mod tls;
mod tls_parameters;
mod verifier;

pub use child::ChildFiles;
pub use conninfo::Conninfo;
pub use environment::Environment;
pub use quote::{qualified, quote_identifier, quote_literal};
