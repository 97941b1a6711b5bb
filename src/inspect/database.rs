//! A database's own properties, which `pg_dump` keeps only with `--create`.
//! It holds plain data alone, a part of the facts a plan is made from.

use serde::{Deserialize, Serialize};

/// A database's properties, those that `pg_dump` keeps only with `--create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// Its owner.
    pub owner: String,
    /// `pg_database_size`, in bytes.
    pub bytes: u64,
    /// Encoding and locale.
    pub locale: Locale,
    /// `-1` for no limit.
    pub connection_limit: i32,
    /// The comment.
    pub comment: Option<String>,
    /// Privileges, `None` when they are PostgreSQL's default.
    pub privileges: Option<Vec<Grant>>,
    /// `ALTER DATABASE … SET` and `ALTER ROLE … IN DATABASE … SET`, sorted.
    pub settings: Vec<Setting>,
    /// Security labels: provider and label.
    pub security_labels: Vec<(String, String)>,
    /// Its tablespace.
    pub tablespace: String,
}

/// How a database stores and sorts text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locale {
    /// `UTF8`, `LATIN1`, ….
    pub encoding: String,
    /// `libc`, `icu` or `builtin`.
    pub provider: String,
    /// `LC_COLLATE`.
    pub collate: String,
    /// `LC_CTYPE`.
    pub ctype: String,
    /// The ICU or builtin locale (`daticulocale` on 15 and 16, `datlocale` on 17+).
    pub locale: Option<String>,
    /// ICU rules (16+).
    pub icu_rules: Option<String>,
}

/// One privilege on the database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// Who gave it.
    pub grantor: String,
    /// Who has it; `None` is PUBLIC.
    pub grantee: Option<String>,
    /// `CONNECT`, `CREATE`, `TEMPORARY`.
    pub privilege: String,
    /// WITH GRANT OPTION.
    pub grantable: bool,
}

/// One setting kept for a database, or for a role in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Setting {
    /// The role, or `None` for every role.
    pub role: Option<String>,
    /// The setting's name.
    pub name: String,
    /// Its value as `pg_db_role_setting` holds it: a list setting such as `search_path` is already
    /// quoted.
    pub value: String,
}
