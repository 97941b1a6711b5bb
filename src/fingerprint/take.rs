//! Takes the fingerprint of a database over a connection that its caller opened.
//! Never writes: everything runs in one read-only transaction under one snapshot.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::pin::pin;
use std::sync::{Arc, Mutex};

use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::queries::{OLDEST, QUERIES, Query};
use super::{Comparison, Fingerprint, Object, ObjectName, deparsed};
use crate::error::{Error, Result};

/// PostgreSQL's functions that print definitions look at the catalogs of *now*, not of the
/// transaction's snapshot: DDL that commits in between makes them fail. So often it is tried.
const ATTEMPTS: usize = 5;

/// All that definitions are printed by is fixed, because constants in expressions and partition
/// bounds are printed by the session's settings. The time limits keep a migration from waiting
/// for somebody's ALTER TABLE for ever.
const BEGIN: &str = "
begin transaction isolation level repeatable read read only;
set local search_path = '';
set local quote_all_identifiers = off;
set local timezone = 'UTC';
set local datestyle = 'ISO, YMD';
set local intervalstyle = 'postgres';
set local bytea_output = 'hex';
set local extra_float_digits = 1;
set local lc_monetary = 'C';
set local xmloption = 'content';
set local jit = off;
set local lock_timeout = '30s';
set local statement_timeout = '5min';
";

/// Takes the fingerprint of the database that `client` is connected to, which must not be in a
/// transaction. Objects of PostgreSQL itself, temporary ones and members of extensions are left
/// out. When the future is dropped before its end, the connection is left in a transaction.
///
/// # Errors
/// The server is older than 13, refuses a query, or the connection is lost.
pub async fn take(client: &Client) -> Result<Fingerprint> {
    take_with(client, &Words::default()).await
}

/// The same, side by side, of two databases that are to be compared: what both say alike is kept once.
///
/// # Errors
/// Those of [`take`].
pub async fn take_both(one: &Client, other: &Client) -> Result<(Fingerprint, Fingerprint)> {
    let words = Words::default();
    tokio::try_join!(take_with(one, &words), take_with(other, &words))
}

async fn take_with(client: &Client, words: &Words) -> Result<Fingerprint> {
    let major = major(client).await?;
    let mut attempt = 1;
    loop {
        client.batch_execute(BEGIN).await?;
        let read = read(client, major, words).await;
        // After a failure this ends the transaction too, or fails because the connection is gone.
        let ended = client.batch_execute("rollback").await;
        match read {
            Ok(objects) => {
                return ended
                    .map(|()| Fingerprint { major, objects })
                    .map_err(Into::into);
            }
            Err((_, error))
                if error.code() == Some(&SqlState::INTERNAL_ERROR) && attempt < ATTEMPTS =>
            {
                attempt += 1;
            }
            Err((_, error)) if error.code() == Some(&SqlState::INTERNAL_ERROR) => {
                return Err(changing(&error));
            }
            Err((query, error)) => {
                return Err(Error::from(error).at(format!("reading {query} for the fingerprint")));
            }
        }
    }
}

fn changing(error: &tokio_postgres::Error) -> Error {
    Error::failed(
        format!("the schema could not be read, because it changed {ATTEMPTS} times meanwhile"),
        "Stop those who create and drop objects in this database, then run the same command again.",
    )
    .because_of(error)
}

async fn major(client: &Client) -> Result<u32> {
    let sql = "select current_setting('server_version_num')::int4 / 10000";
    let major: i32 = client.query_one(sql, &[]).await?.try_get(0)?;
    let major = u32::try_from(major).expect("a version is not negative");
    if major < OLDEST {
        return Err(Error::refused(
            format!("PostgreSQL {major} is too old: the schema of {OLDEST} and later can be read"),
            format!("Upgrade the server to PostgreSQL {OLDEST} or later first."),
        ));
    }
    Ok(major)
}

type Objects = BTreeMap<ObjectName, Object>;

/// All queries travel at once and are answered one after the other, so that a far-away server
/// costs one round trip, not forty.
async fn read(
    client: &Client,
    major: u32,
    words: &Words,
) -> Result<Objects, (&'static str, tokio_postgres::Error)> {
    let asked = QUERIES
        .iter()
        .filter(|query| query.since <= major)
        .map(|query| async move {
            let found = entries(client, query, words).await;
            found
                .map(|found| (query, found))
                .map_err(|error| (query.name, error))
        });
    let answers = try_join_all(asked).await?;
    let (listing, telling): (Vec<_>, Vec<_>) = answers
        .into_iter()
        .partition(|(query, _)| query.prefix.is_none());
    let mut objects = Objects::new();
    for (query, found) in listing {
        objects.extend(found.into_iter().map(|entry| entry.listed(query)));
    }
    give_parents(&mut objects);
    for (query, found) in telling {
        let told = found
            .into_iter()
            .filter_map(|entry| entry.told(query, &objects));
        objects.extend(told.collect::<Vec<_>>());
    }
    Ok(objects)
}

/// The answer to a query, taken row by row: thousands of tables have a hundred thousand of them.
async fn entries(
    client: &Client,
    query: &Query,
    words: &Words,
) -> Result<Vec<Entry>, tokio_postgres::Error> {
    let none: [(&str, Type); 0] = [];
    let rows = client.query_typed_raw(query.sql, none).await?;
    let mut rows = pin!(rows);
    let mut entries = Vec::new();
    while let Some(row) = rows.try_next().await? {
        entries.extend(Entry::read(&row, query, words)?);
    }
    Ok(entries)
}

/// Every word once: thousands of tables lie in a few schemas, have columns defined alike, and are
/// the parents of a dozen entries each. Without this, the memory of two fingerprints is that of a whole run.
#[derive(Default)]
struct Words(Mutex<HashSet<Arc<str>>>);

impl Words {
    fn kept(&self, word: &str) -> Arc<str> {
        let mut known = self.0.lock().expect("no holder of this lock panics");
        if let Some(word) = known.get(word) {
            return Arc::clone(word);
        }
        let word: Arc<str> = word.into();
        known.insert(Arc::clone(&word));
        word
    }

    fn name(&self, name: &ObjectName) -> ObjectName {
        ObjectName(self.kept(&name.0))
    }
}

/// One row of a query.
struct Entry {
    name: ObjectName,
    schema: Option<Arc<str>>,
    relation: Option<Arc<str>>,
    parent: Option<ObjectName>,
    /// The oldest major that has such objects, where the query does not say it of all.
    since: Option<u32>,
    definition: Arc<str>,
}

impl Entry {
    /// `None` for an object that was dropped while the query ran: its identity is NULL.
    fn read(
        row: &Row,
        query: &Query,
        words: &Words,
    ) -> Result<Option<Self>, tokio_postgres::Error> {
        let kind: Option<&str> = row.try_get("type")?;
        let identity: Option<&str> = row.try_get("identity")?;
        let definition: Option<&str> = row.try_get("definition")?;
        let (Some(kind), Some(identity), Some(definition)) = (kind, identity, definition) else {
            return Ok(None);
        };
        Ok(Some(Self {
            name: words.name(&ObjectName::new(kind, identity)),
            schema: optional(row, "schema")?.map(|word| words.kept(word)),
            relation: optional(row, "relation")?.map(|word| words.kept(word)),
            parent: optional(row, "parent")?.map(|name| words.name(&ObjectName::printed(name))),
            since: optional(row, "since")?.map(i32::unsigned_abs),
            definition: words.kept(&readable(definition, query.comparison)),
        }))
    }

    fn listed(self, query: &Query) -> (ObjectName, Object) {
        let object = Object {
            schema: self.schema,
            relation: self.relation,
            parent: self.parent,
            aspect: query.aspect,
            definition: self.definition,
            comparison: query.comparison,
            since: self.since.unwrap_or(query.since),
        };
        (self.name, object)
    }

    /// The entry about an object that is listed. Of what is not, only privileges and labels are
    /// told, because dumps carry those for PostgreSQL's own objects and members of extensions.
    fn told(self, query: &Query, objects: &Objects) -> Option<(ObjectName, Object)> {
        use super::Aspect::{Privileges, SecurityLabel};
        let prefix = query
            .prefix
            .expect("only queries that tell about objects come here");
        let of = objects.get(&self.name);
        if of.is_none() && !matches!(query.aspect, Privileges | SecurityLabel) {
            return None;
        }
        let object = Object {
            schema: of.and_then(|of| of.schema.clone()),
            relation: of.and_then(|of| of.relation.clone()),
            parent: of.map(|_| self.name.clone()),
            aspect: query.aspect,
            definition: self.definition,
            comparison: query.comparison,
            since: query.since.max(of.map_or(OLDEST, |of| of.since)),
        };
        Some((self.name.prefixed(prefix), object))
    }
}

fn optional<'a, T>(row: &'a Row, column: &str) -> Result<Option<T>, tokio_postgres::Error>
where
    T: tokio_postgres::types::FromSql<'a>,
{
    if row.columns().iter().any(|there| there.name() == column) {
        return row.try_get(column);
    }
    Ok(None)
}

fn readable(definition: &str, comparison: Comparison) -> Cow<'_, str> {
    match comparison {
        Comparison::Deparsed => deparsed::one_line(definition).into(),
        Comparison::Exact | Comparison::Order => definition.into(),
    }
}

/// Makes the relation the parent of all that belongs to it and has no nearer one.
fn give_parents(objects: &mut Objects) {
    let kinds = [
        "table ",
        "view ",
        "materialized view ",
        "foreign table ",
        "sequence ",
    ];
    let mut relations: BTreeMap<_, ObjectName> = BTreeMap::new();
    for (name, object) in objects.iter() {
        // In alphabetical order a table comes after the sequences that it owns, and wins.
        if kinds.iter().any(|kind| name.as_str().starts_with(kind)) {
            relations.insert(place(object), name.clone());
        }
    }
    for (name, object) in objects
        .iter_mut()
        .filter(|(_, object)| object.relation.is_some())
    {
        if object.parent.is_none() {
            object.parent = relations
                .get(&place(object))
                .filter(|of| *of != name)
                .cloned();
        }
    }
}

fn place(object: &Object) -> (Option<Arc<str>>, Option<Arc<str>>) {
    (object.schema.clone(), object.relation.clone())
}
