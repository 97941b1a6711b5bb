//! Every question asked in order to decide: the servers, the client programs, the disk.
//! It only reads; nothing here changes a server or a file.

mod catalog;
mod disk;
mod facts;
mod reach;
mod replication;
mod role;
mod source;
mod target;
mod tools;

pub use disk::free_bytes;
pub use facts::{
    ConnectedRole, Database, Dependent, Extension, Facts, Grant, LargeObjects, Locale, Relation,
    RelationKind, RowHash, Schema, Server, Setting, Source, Target, TargetDatabase, TargetTable,
    Toolset,
};
pub use reach::reach;
pub use replication::{Identity, IdentitySetting, Reach, Replication, Share, Streams};
pub use role::{Membership, Owner, Role};
pub use source::{database, source};
pub use target::{TargetNames, target};
pub use tools::tools;
pub(crate) use tools::versioned_folders;
