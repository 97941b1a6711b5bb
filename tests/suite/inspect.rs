//! Tests of what the servers are asked, on databases with something for every fact.
//! Never tests what is made of the facts.

mod database;
mod relations;
mod replication;
mod target;

use std::sync::OnceLock;

use pg_dbmigrator::inspect::{self, Source};
use tokio_postgres::{Client, NoTls};

use crate::support::{Cluster, data};

const MAJORS: [u32; 2] = [15, 18];

/// How long a question waits for somebody's lock.
const LOCK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);

/// A server with the database of `inspected.sql`, and what was found there.
struct Inspected {
    cluster: Cluster,
    database: String,
    source: Source,
}

/// An extension that the server of each major can install.
fn extension(major: u32) -> &'static str {
    if major == 15 { "hstore" } else { "vector" }
}

fn inspected(major: u32) -> &'static Inspected {
    static ALL: [OnceLock<Inspected>; MAJORS.len()] = [const { OnceLock::new() }; MAJORS.len()];
    let at = MAJORS.iter().position(|m| *m == major);
    ALL[at.expect("one of the majors")].get_or_init(|| {
        let cluster = Cluster::start(major);
        let database = cluster.create_database("inspected");
        cluster.load(&database, &data("inspected.sql"));
        let name = extension(major);
        cluster.psql(&database, &format!("create extension {name} schema ext"));
        let slot = "select pg_create_logical_replication_slot('feeds', 'pgoutput')";
        cluster.psql(&database, slot);
        // A slot waits for every open transaction, so it comes first.
        cluster.psql(
            &database,
            "begin; insert into scratch values (1); prepare transaction 'left'",
        );
        let subscribe = "create subscription fed connection 'host=none.example' publication p \
                         with (connect = false)";
        cluster.psql(&database, subscribe);
        let source = source(&cluster, &database, "postgres");
        Inspected {
            cluster,
            database,
            source,
        }
    })
}

fn wait_for<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime starts").block_on(work)
}

async fn connect(cluster: &Cluster, database: &str, role: &str) -> Client {
    let mut config: tokio_postgres::Config = cluster.url(database).parse().expect("a URL");
    let connected = config.user(role).connect(NoTls).await;
    let (client, connection) = connected.expect("the server is up");
    tokio::spawn(connection);
    client
}

fn source(cluster: &Cluster, database: &str, role: &str) -> Source {
    wait_for(async {
        let client = connect(cluster, database, role).await;
        inspect::source(&client, "here", LOCK_TIMEOUT)
            .await
            .expect("it can be asked")
    })
}
