//! Every question asked in order to decide: the servers, the client programs, the disk.
//! It only reads; nothing here changes a server or a file.

mod catalog;
mod database;
mod disk;
mod facts;
mod foreign_key;
mod index;
mod lock_holders;
mod mark;
mod reach;
mod replication;
mod role;
mod source;
mod standing;
mod target;
mod tools;

pub use database::{Database, Grant, Locale, Setting};
pub use disk::free_bytes;
pub use facts::{
    ConnectedRole, Dependent, Extension, Facts, LargeObjects, Relation, RelationKind, RowHash,
    Schema, Server, Source, Target, TargetDatabase, TargetTable, Toolset,
};
pub use foreign_key::ForeignKey;
pub use index::{Index, IndexConstraint};
pub use lock_holders::named as who_locks;
pub(crate) use mark::SCHEMA;
pub use reach::reach;
pub use replication::{
    FiringTrigger, Identity, IdentitySetting, Reach, Replication, Share, Streams,
};
pub use role::{Membership, Owner, Role};
pub use source::{Built, built, database, source, tables};
pub(crate) use standing::{LOST, errors_question, slot_question, subscription_question};
pub use standing::{Standing, kept, lost, standing};
pub use target::{TargetNames, target};
pub use tools::tools;
pub(crate) use tools::versioned_folders;
