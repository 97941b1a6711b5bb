//! The schema of a database, object by object, in a form that two servers of different majors can
//! be compared by. It reads catalogs alone: it changes nothing and never looks at a row.

mod deparsed;
mod difference;
mod queries;
mod take;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

pub use difference::{Change, Difference};
pub use take::{take, take_both};

/// What an object is called, in PostgreSQL's own words (`pg_identify_object`): `table
/// public.orders`, `column public.orders.id`, `constraint orders_pkey on public.orders`,
/// `privileges on function public.f(integer)`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName(Arc<str>);

impl ObjectName {
    /// Makes the name from `type` and `identity` as `pg_identify_object` gives them.
    fn new(kind: &str, identity: &str) -> Self {
        let identity = match kind {
            // PostgreSQL before 15 says `transform for integer on language sql`.
            "transform" => identity.replacen(" on language ", " language ", 1),
            _ => identity.to_owned(),
        };
        let kind = match kind {
            "table constraint" | "domain constraint" => "constraint",
            "default acl" => "default privileges",
            kind if kind.ends_with(" column") => "column",
            kind => kind,
        };
        Self::printed(&format!("{kind} {identity}"))
    }

    /// Makes the name from one that PostgreSQL printed: without `pg_catalog`, as everywhere else in
    /// its output, and without the quotes that a name has on some majors for being a keyword there.
    fn printed(name: &str) -> Self {
        Self(
            deparsed::without_needless_quotes(name)
                .replace("pg_catalog.", "")
                .into(),
        )
    }

    /// The name of something that belongs to this object: `comment on …`.
    fn prefixed(&self, prefix: &str) -> Self {
        Self(format!("{prefix} {self}").into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which side of an object an entry tells: a migration may leave some of them behind on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// What it is.
    Definition,
    /// Whose it is.
    Owner,
    /// In which order a table or a composite type has its columns. For a table that inherits,
    /// `pg_dump` puts the inherited ones first, wherever they stood.
    ColumnOrder,
    /// Who may use it; default privileges too.
    Privileges,
    /// Comments.
    Comment,
    /// Security labels.
    SecurityLabel,
    /// Where it is stored.
    Tablespace,
    /// Whether a materialized view holds its rows, or is WITH NO DATA.
    Populated,
}

/// How two definitions of one object are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// To the last character.
    Exact,
    /// As SQL that PostgreSQL printed from a parsed form: the module `deparsed` says how.
    Deparsed,
    /// As a JSON list of names, of which only those on both sides count.
    Order,
}

/// One entry of a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The schema it lies in, where it lies in one.
    pub schema: Option<Arc<str>>,
    /// The relation it is or belongs to; for an owned sequence, the table that owns it.
    pub relation: Option<Arc<str>>,
    /// Without this object it cannot be: the table of a column, the object of a comment.
    pub parent: Option<ObjectName>,
    /// Which side of the object this tells.
    pub aspect: Aspect,
    /// What a person reads to see a difference. It holds no option that could be a secret.
    pub definition: Arc<str>,
    comparison: Comparison,
    /// The oldest major that has such objects: an older server cannot miss them.
    since: u32,
}

/// The schema of one database at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// The server's major version.
    major: u32,
    objects: BTreeMap<ObjectName, Object>,
}

impl Fingerprint {
    /// Every entry, sorted by name.
    pub fn objects(&self) -> &BTreeMap<ObjectName, Object> {
        &self.objects
    }

    /// Leaves out everything in schemas and relations that `keep` refuses. It is asked for the
    /// schema alone, or for a relation, on whose answer all that belongs to the relation depends.
    /// What lies in no schema, such as an extension, stays.
    #[must_use]
    pub fn restrict(self, keep: impl Fn(&str, Option<&str>) -> bool) -> Self {
        self.without(|_, object| {
            object
                .schema
                .as_deref()
                .is_some_and(|schema| !keep(schema, object.relation.as_deref()))
        })
    }

    /// Leaves out one side of every object, such as all owners.
    #[must_use]
    pub fn without_aspect(self, aspect: Aspect) -> Self {
        self.without(|_, object| object.aspect == aspect)
    }

    /// Leaves out the entries for which `unwanted` holds, and those that cannot be without them.
    #[must_use]
    pub fn without(mut self, unwanted: impl Fn(&ObjectName, &Object) -> bool) -> Self {
        let mut gone = self.names(|name, object| unwanted(name, object));
        if gone.is_empty() {
            return self;
        }
        // Parents have parents: a comment on a column goes with the column's table.
        loop {
            let orphans = self.names(|name, object| {
                let orphan = object
                    .parent
                    .as_ref()
                    .is_some_and(|parent| gone.contains(parent));
                orphan && !gone.contains(name)
            });
            if orphans.is_empty() {
                break;
            }
            gone.extend(orphans);
        }
        self.objects.retain(|name, _| !gone.contains(name));
        self
    }

    fn names(&self, wanted: impl Fn(&ObjectName, &Object) -> bool) -> BTreeSet<ObjectName> {
        let found = self
            .objects
            .iter()
            .filter(|(name, object)| wanted(name, object));
        found.map(|(name, _)| name.clone()).collect()
    }
}
