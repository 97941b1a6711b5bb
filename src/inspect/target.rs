//! What the target server offers, and what its database holds already.
//! It never reads more of a user's table than whether there is a row.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use tokio_postgres::Client;

use super::catalog::{Catalog, LOCK_TIMEOUT};
use super::database::Locale;
use super::facts::{Server, Target, TargetDatabase, TargetTable};
use super::replication::Streams;
use crate::error::Result;

/// How many objects a message can name and still be read.
const NAMED_OBJECTS: usize = 20;

/// How many tables are asked for a row in one statement: each takes a slot of the lock table,
/// which has 6,400 by default.
const PROBES_AT_ONCE: usize = 200;

/// The first version where SET of one setting can be granted.
const PARAMETER_PRIVILEGES: u32 = 15;

/// The two databases of the target, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetNames {
    /// What people call the server.
    pub place: String,
    /// The database to migrate to.
    pub database: String,
    /// The database to connect to while that one does not exist.
    pub maintenance: String,
}

/// Asks what planning needs to know of the target. `maintenance` is connected to the database that
/// is always there, `database` to the one to migrate to, if it exists.
///
/// # Errors
///
/// When the server is older than 13 ([`crate::error::Exit::Refused`]), or does not answer.
pub async fn target(
    maintenance: &Client,
    database: Option<&Client>,
    names: TargetNames,
) -> Result<Target> {
    let catalog = Catalog::open(maintenance, &names.place, LOCK_TIMEOUT).await?;
    let server = catalog.server();
    let found = offers(&catalog, &server).await;
    let (offers, settings) = catalog.close(found).await?;
    let database = match database {
        Some(client) => Some(existing(client, &names.place).await?),
        None => None,
    };
    Ok(Target {
        server,
        database_name: names.database,
        maintenance_database: names.maintenance,
        database,
        roles: offers.roles,
        settable_roles: offers.settable_roles,
        grantable_roles: offers.grantable_roles,
        settings,
        trusted_extensions: offers.trusted_extensions,
        available_extensions: offers.available_extensions,
        tablespaces: offers.tablespaces,
        locales: offers.locales,
        icu: offers.icu,
    })
}

#[derive(Deserialize)]
struct OffersRow {
    roles: BTreeSet<String>,
    settable_roles: BTreeSet<String>,
    grantable_roles: BTreeSet<String>,
    trusted_extensions: BTreeSet<String>,
    available_extensions: BTreeMap<String, BTreeSet<String>>,
    tablespaces: BTreeSet<String>,
    locales: BTreeSet<String>,
    icu: bool,
}

#[derive(Deserialize)]
struct SettingRow {
    name: String,
}

async fn offers(catalog: &Catalog<'_>, server: &Server) -> Result<(OffersRow, BTreeSet<String>)> {
    let settings = if server.major() >= PARAMETER_PRIVILEGES {
        include_str!("sql/settings.sql")
    } else {
        include_str!("sql/settings_before_15.sql")
    };
    let settings: Vec<SettingRow> = catalog.all(settings).await?;
    let names = settings.into_iter().map(|row| row.name).collect();
    Ok((catalog.one(include_str!("sql/target.sql")).await?, names))
}

#[derive(Deserialize)]
struct DatabaseRow {
    oid: u32,
    owner: String,
    owned: bool,
    locale: Locale,
}

#[derive(Deserialize)]
struct ObjectsRow {
    is_part: bool,
    count: u64,
    first: Vec<String>,
}

#[derive(Deserialize)]
struct TableRow {
    schema: String,
    name: String,
    has_pages: bool,
    probe: Option<String>,
}

async fn existing(client: &Client, place: &str) -> Result<TargetDatabase> {
    let catalog = Catalog::open(client, place, LOCK_TIMEOUT).await?;
    let found = read(&catalog).await;
    let (row, objects, tables, streams) = catalog.close(found).await?;
    let own = |row: &&ObjectsRow| !row.is_part;
    let mut names: Vec<String> = objects
        .iter()
        .filter(own)
        .flat_map(|row| row.first.clone())
        .collect();
    names.sort();
    names.truncate(NAMED_OBJECTS);
    Ok(TargetDatabase {
        oid: row.oid,
        owner: row.owner,
        owned: row.owned,
        locale: row.locale,
        objects: names,
        object_count: objects.iter().filter(own).map(|row| row.count).sum(),
        tables: probe(client, tables).await?,
        large_objects: large_objects(client).await?,
        streams,
        properties: super::source::database(client, place).await?,
    })
}

async fn large_objects(client: &Client) -> Result<u64> {
    let sql = "select count(*) from pg_largeobject_metadata";
    let count: i64 = client.query_one(sql, &[]).await?.try_get(0)?;
    Ok(count.unsigned_abs())
}

async fn read(
    catalog: &Catalog<'_>,
) -> Result<(DatabaseRow, Vec<ObjectsRow>, Vec<TableRow>, Streams)> {
    Ok((
        catalog.one(include_str!("sql/database.sql")).await?,
        catalog.all(include_str!("sql/objects.sql")).await?,
        catalog.all(include_str!("sql/target_tables.sql")).await?,
        catalog.one(include_str!("sql/streams.sql")).await?,
    ))
}

/// Finds out which tables hold a row, outside the snapshot's transaction, which would keep every
/// table's lock to its end.
async fn probe(client: &Client, rows: Vec<TableRow>) -> Result<Vec<TargetTable>> {
    let (unsure, sure): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .partition(|row| row.has_pages && row.probe.is_some());
    let mut tables: Vec<TargetTable> = sure
        .into_iter()
        .map(|row| TargetTable {
            empty: !row.has_pages,
            schema: row.schema,
            name: row.name,
        })
        .collect();
    for batch in unsure.chunks(PROBES_AT_ONCE) {
        let probes: Vec<&str> = batch
            .iter()
            .filter_map(|row| row.probe.as_deref())
            .collect();
        let query = format!("select array[\n{}\n]", probes.join(",\n"));
        let empty: Vec<bool> = client.query_one(&query, &[]).await?.try_get(0)?;
        tables.extend(batch.iter().zip(empty).map(|(row, empty)| TargetTable {
            schema: row.schema.clone(),
            name: row.name.clone(),
            empty,
        }));
    }
    tables.sort();
    Ok(tables)
}
