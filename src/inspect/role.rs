//! Roles of the source, as far as they can be made anew, which is without passwords, and what is
//! theirs.
//! It holds plain data alone, a part of the facts a plan is made from.

use serde::{Deserialize, Serialize};

use super::database::Setting;

/// A role, without its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// SUPERUSER.
    pub superuser: bool,
    /// INHERIT.
    pub inherit: bool,
    /// CREATEROLE.
    pub create_role: bool,
    /// CREATEDB.
    pub create_database: bool,
    /// LOGIN.
    pub login: bool,
    /// REPLICATION.
    pub replication: bool,
    /// BYPASSRLS.
    pub bypass_rls: bool,
    /// `-1` for no limit.
    pub connection_limit: i32,
    /// VALID UNTIL, in UTC, or `infinity`.
    pub valid_until: Option<String>,
    /// The comment.
    pub comment: Option<String>,
    /// Roles it is a member of, sorted by name.
    pub member_of: Vec<Membership>,
    /// `ALTER ROLE … SET` for every database, sorted by name.
    pub settings: Vec<Setting>,
}

/// Membership in a role, whoever granted it. A member by several grants has what any of them gives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Membership {
    /// The role that it is membership in.
    pub role: String,
    /// ADMIN OPTION.
    pub admin: bool,
    /// INHERIT OPTION; `None` before 16, where the member's own INHERIT decides.
    pub inherit: Option<bool>,
    /// SET OPTION; `None` before 16, where every member may SET ROLE.
    pub set: Option<bool>,
}

/// That a role owns objects of a kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// The role.
    pub role: String,
    /// The kind, such as `function`.
    pub kind: String,
    /// The schema they are in, for kinds that live in one.
    pub schema: Option<String>,
}
