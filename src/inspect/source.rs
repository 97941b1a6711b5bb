//! What the source is and holds.
//! It never reads a user's row, and never asks table by table.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use tokio_postgres::Client;

use super::catalog::{Catalog, LOCK_TIMEOUT, ask};
use super::database::Database;
use super::facts::{Relation, Source};
use super::foreign_key::ForeignKey;
use super::index::Index;
use super::lock_holders;
use super::mark::SCHEMA;
use super::role::Role;
use crate::error::Result;

/// Asks everything that planning needs to know of the connected database, in one snapshot, but what
/// [`built`] asks. `place` is what people call the server; `lock_timeout` is how long to wait for a
/// table that somebody has locked.
///
/// # Errors
/// When the server is older than 13 ([`crate::error::Exit::Refused`]), or does not answer, or a
/// table stays locked: then with who holds it.
pub async fn source(client: &Client, place: &str, lock_timeout: Duration) -> Result<Source> {
    in_spite_of_changes((client, place, lock_timeout), read).await
}

/// Asks again where something was dropped meanwhile: PostgreSQL's functions that print definitions look at
/// the catalogs of now, not of the transaction's snapshot, and fail for what is gone.
async fn in_spite_of_changes<T>(
    (client, place, lock_timeout): (&Client, &str, Duration),
    read: impl AsyncFn(&Catalog<'_>) -> Result<T>,
) -> Result<T> {
    const INTERNAL_ERROR: &str = "XX000";
    let mut attempts_left = 5;
    loop {
        attempts_left -= 1;
        let catalog = Catalog::open(client, place, lock_timeout).await?;
        let found = read(&catalog).await;
        match catalog.close(found).await {
            Ok(found) => return Ok(found),
            Err(error) if !error.has_sqlstate(INTERNAL_ERROR) => {
                return Err(lock_holders::named(error, client, place, lock_timeout).await);
            }
            Err(error) if attempts_left == 0 => {
                return Err(
                    error.because("so it went five times: does the schema change all the time?")
                );
            }
            Err(_) => {}
        }
    }
}

/// What is built on tables that are filled.
#[derive(Debug, Clone, Default)]
pub struct Built {
    /// As in [`Source::indexes`].
    pub indexes: Vec<Index>,
    /// As in [`Source::foreign_keys`].
    pub foreign_keys: Vec<ForeignKey>,
    /// As in [`Source::schema_mark`].
    pub schema_mark: String,
}

/// Asks for indexes and foreign keys, in one snapshot. Of thousands of tables that takes as long as
/// [`source`] takes for everything else, and goes well beside it.
///
/// # Errors
/// As [`source`].
pub async fn built(client: &Client, place: &str, lock_timeout: Duration) -> Result<Built> {
    in_spite_of_changes((client, place, lock_timeout), read_built).await
}

async fn read_built(catalog: &Catalog<'_>) -> Result<Built> {
    let mut found = Built {
        indexes: catalog.all(include_str!("sql/indexes.sql")).await?,
        foreign_keys: catalog.all(include_str!("sql/foreign_keys.sql")).await?,
        schema_mark: catalog.one::<MarkRow>(&mark_question()).await?.mark,
    };
    let index = |i: &Index| (i.schema.clone(), i.name.clone());
    found.indexes.sort_by_cached_key(index);
    let foreign_key = |k: &ForeignKey| (k.schema.clone(), k.table.clone(), k.name.clone());
    found.foreign_keys.sort_by_cached_key(foreign_key);
    Ok(found)
}

/// Asks for tables, indexes and foreign keys alone, in a transaction that began already.
///
/// # Errors
/// What the server says.
pub async fn tables(client: &Client) -> Result<(Vec<Relation>, Vec<Index>, Vec<ForeignKey>)> {
    client
        .batch_execute("set local search_path to pg_catalog")
        .await?;
    let relations = ask(client, include_str!("sql/relations.sql")).await?;
    let indexes = ask(client, include_str!("sql/indexes.sql")).await?;
    let keys = ask(client, include_str!("sql/foreign_keys.sql")).await?;
    Ok((relations, indexes, keys))
}

/// Asks for the connected database's own properties alone.
///
/// # Errors
///
/// When the server is older than 13 ([`crate::error::Exit::Refused`]), or does not answer.
pub async fn database(client: &Client, place: &str) -> Result<Database> {
    let catalog = Catalog::open(client, place, LOCK_TIMEOUT).await?;
    let mut found = catalog.one(include_str!("sql/database.sql")).await;
    if let Ok(database) = &mut found {
        sort_database(database);
    }
    catalog.close(found).await
}

#[derive(Deserialize)]
struct ObjectsRow {
    kind: String,
    count: u64,
}

#[derive(Deserialize)]
struct MarkRow {
    mark: String,
}

fn mark_question() -> String {
    format!("select mark from ({SCHEMA}) as schema (mark)")
}

#[derive(Deserialize)]
struct NameRow {
    name: String,
}

#[derive(Deserialize)]
struct PartRow {
    first: u32,
}

#[derive(Deserialize)]
struct CollationRow {
    schema: String,
    name: String,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct NotCarriedRow {
    kind: String,
    name: String,
}

async fn read(catalog: &Catalog<'_>) -> Result<Source> {
    let mut not_carried: Vec<NotCarriedRow> =
        catalog.all(include_str!("sql/not_carried.sql")).await?;
    let server = catalog.server();
    if server.major() >= 15 {
        let more = include_str!("sql/parameter_privileges.sql");
        not_carried.extend(catalog.all::<NotCarriedRow>(more).await?);
    }
    let tablespaces: Vec<NameRow> = catalog.all(include_str!("sql/tablespaces.sql")).await?;
    let roles: Vec<Role> = catalog.all(include_str!("sql/roles.sql")).await?;
    let (predefined, roles): (Vec<Role>, Vec<Role>) = roles
        .into_iter()
        .partition(|role| role.name.starts_with("pg_"));
    let collations: Vec<CollationRow> = catalog.all(include_str!("sql/icu_collations.sql")).await?;
    let parts: Vec<PartRow> = catalog
        .all(include_str!("sql/large_object_parts.sql"))
        .await?;
    let mut found = Source {
        server,
        database: catalog.one(include_str!("sql/database.sql")).await?,
        schemas: catalog.all(include_str!("sql/schemas.sql")).await?,
        relations: catalog.all(include_str!("sql/relations.sql")).await?,
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        dependents: catalog.all(include_str!("sql/dependents.sql")).await?,
        extensions: catalog.all(include_str!("sql/extensions.sql")).await?,
        not_carried: not_carried_sentences(not_carried),
        roles,
        predefined_roles: predefined.into_iter().map(|role| role.name).collect(),
        owners: catalog.all(include_str!("sql/owners.sql")).await?,
        icu_collations: collations
            .into_iter()
            .map(|row| (row.schema, row.name))
            .collect(),
        large_objects: catalog.one(include_str!("sql/large_objects.sql")).await?,
        large_object_parts: parts.into_iter().map(|part| part.first).collect(),
        object_counts: object_counts(catalog).await?,
        tablespaces: tablespaces.into_iter().map(|row| row.name).collect(),
        streams: catalog.one(include_str!("sql/streams.sql")).await?,
        schema_mark: catalog.one::<MarkRow>(&mark_question()).await?.mark,
    };
    sort(&mut found);
    Ok(found)
}

/// By bytes, not by the database's collation: the order is the same for every source.
fn sort(found: &mut Source) {
    found.schemas.sort_by(|a, b| a.name.cmp(&b.name));
    let name = |r: &Relation| (r.schema.clone(), r.name.clone());
    found.relations.sort_by_cached_key(name);
    found.dependents.sort();
    found.owners.sort();
    found.icu_collations.sort();
    found.extensions.sort_by(|a, b| a.name.cmp(&b.name));
    for extension in &mut found.extensions {
        extension.config_tables.sort();
    }
    found.roles.sort_by(|a, b| a.name.cmp(&b.name));
    for role in &mut found.roles {
        role.member_of.sort();
        role.settings.sort();
    }
    sort_database(&mut found.database);
}

fn sort_database(database: &mut Database) {
    database.settings.sort();
    database.security_labels.sort();
    if let Some(privileges) = &mut database.privileges {
        privileges.sort();
    }
}

/// Schemas, relations, extensions and large objects have facts of their own.
async fn object_counts(catalog: &Catalog<'_>) -> Result<BTreeMap<String, u64>> {
    const TOLD_ELSEWHERE: [&str; 9] = [
        "schemas",
        "tables",
        "views",
        "materialized_views",
        "sequences",
        "foreign_tables",
        "extensions",
        "large_objects",
        "subscriptions",
    ];
    let rows: Vec<ObjectsRow> = catalog.all(include_str!("sql/objects.sql")).await?;
    let mut counts = BTreeMap::new();
    for row in rows {
        if !TOLD_ELSEWHERE.contains(&row.kind.as_str()) {
            *counts.entry(row.kind).or_default() += row.count;
        }
    }
    Ok(counts)
}

fn not_carried_sentences(mut rows: Vec<NotCarriedRow>) -> Vec<String> {
    rows.sort();
    rows.iter().map(not_carried_sentence).collect()
}

fn not_carried_sentence(row: &NotCarriedRow) -> String {
    let NotCarriedRow { kind, name } = row;
    match kind.as_str() {
        "subscription" => format!("Subscription {name}: the source goes on receiving its changes."),
        "replication slot" => format!("Replication slot {name}: its readers stay on the source."),
        "prepared transaction" => {
            format!("Prepared transaction {name}: what it changed is not committed.")
        }
        "user mapping" => {
            format!("Options of the user mapping for {name}: the connected role may not see them.")
        }
        "invalid index" => {
            format!("Invalid index {name}: a CREATE INDEX CONCURRENTLY that failed left it.")
        }
        "parameter privilege" => {
            format!("What the server lets roles set, if the target does not: {name}.")
        }
        _ => format!("The {kind} {name}."),
    }
}
