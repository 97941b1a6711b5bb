//! The database that the ledger writes to: the application's role, the tables, what is in them.
//! Never writes as the application does, and knows nothing of migrations.

use super::choice::{ACCOUNTS, BEGINNING, INITIAL_BALANCE};
use crate::support::Cluster;
use std::ops::RangeInclusive;

/// The role of the application: it may log in and write, and nothing else.
pub(crate) const APPLICATION: &str = "app";
/// The tables of the ledger.
pub(crate) const TABLES: [&str; 4] = ["accounts", "entries", "lines", "marks"];
/// The sequences of the ledger, with the table whose `id` each one counts.
pub(crate) const SEQUENCES: [(&str, &str); 2] =
    [("entries_id_seq", "entries"), ("marks_id_seq", "marks")];

/// What the columns `rate` and `details` of an entry hold, as SQL over `client` and `number`.
pub(super) const RATE: &str = "(number * 7919 % 1000003)::numeric / 1000";
pub(super) const DETAILS: &str = "jsonb_build_object('client', client, 'number', number, \
                                  'text', repeat('é \"', (number % 20)::int))";

/// Creates the role `app` on a server, when it has none.
pub(crate) fn create_application(cluster: &Cluster) {
    let known = format!("select count(*) from pg_roles where rolname = '{APPLICATION}'");
    if cluster.psql("postgres", &known) == "0" {
        cluster.psql("postgres", &format!("create role {APPLICATION} login"));
    }
}

/// Creates the role, a database of this name and empty tables.
pub(crate) fn create_empty(cluster: &Cluster, database: &str) {
    create_application(cluster);
    cluster.psql("postgres", &format!("create database \"{database}\""));
    cluster.psql(database, include_str!("schema.sql"));
}

/// Creates the role, a database of this name, its tables, the accounts, and this many entries that
/// are there from the beginning.
pub(crate) fn create(cluster: &Cluster, database: &str, entries: i64) {
    create_empty(cluster, database);
    let accounts = format!(
        "insert into accounts select id, {INITIAL_BALANCE} from generate_series(1, {ACCOUNTS}) id"
    );
    cluster.psql(database, &accounts);
    add(cluster, database, 1..=entries);
}

/// Adds the entries with these numbers to those from the beginning, in one transaction.
pub(crate) fn add(cluster: &Cluster, database: &str, numbers: RangeInclusive<i64>) {
    let keys = format!(
        "(select {BEGINNING} client, number from generate_series({}, {}) number) keys",
        numbers.start(),
        numbers.end()
    );
    cluster.psql(
        database,
        &format!(
            "begin;
             insert into entries (client, number, account_from, account_to, amount, rate, details)
             select client, number, 1, 2, 0, {RATE}, {DETAILS} from {keys};
             insert into lines (client, number, account, amount)
             select client, number, account, 0 from {keys}, (values (1), (2)) accounts (account);
             commit"
        ),
    );
}
