//! Every question asked in order to decide: the servers, the client programs, the disk.
//! It only reads; nothing here changes a server or a file.

mod facts;

pub use facts::{
    ConnectedRole, Database, Dependent, Extension, Facts, Grant, LargeObjects, Locale, Relation,
    RelationKind, Role, RowHash, Schema, Server, Setting, Source, Target, TargetDatabase,
    TargetTable, Toolset,
};
