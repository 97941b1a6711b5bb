//! Tests of the fingerprint: equal schemas are equal on every pair of majors, and every single
//! change is told by the name of what was changed. Never tests how a difference is acted upon.

mod changes;

use crate::support::{Cluster, data, tools};
use changes::{CHANGES, CHANGES_BEFORE_18, CHANGES_OF_18, Change};
use pg_dbmigrator::fingerprint::{self, Fingerprint};
use std::path::Path;
use std::process::Command;

fn take(cluster: &Cluster, database: &str) -> Fingerprint {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime starts").block_on(async {
        let (client, connection) =
            tokio_postgres::connect(&cluster.url(database), tokio_postgres::NoTls)
                .await
                .expect("the server accepts connections");
        let connection = tokio::spawn(connection);
        let taken = fingerprint::take(&client)
            .await
            .expect("the catalogs can be read");
        drop(client);
        connection
            .await
            .expect("it does not panic")
            .expect("it ends well");
        taken
    })
}

/// What differs, a line each, for messages and comparisons.
fn differences(source: &Fingerprint, target: &Fingerprint) -> Vec<String> {
    source
        .differences(target)
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// Copies the schema of one database into another by PostgreSQL's own tools, with privileges and
/// owners, without the database's own properties.
fn copy(from: (&Cluster, &str), to: (&Cluster, &str)) {
    let folder = tools(from.0.major().max(to.0.major()));
    let dump = tempfile::NamedTempFile::new().expect("a temporary file");
    run(Command::new(folder.join("pg_dump"))
        .args(["-Fc", "--no-subscriptions", "-f"])
        .arg(dump.path())
        .arg(from.0.url(from.1)));
    restore(&folder, dump.path(), &to.0.url(to.1));
}

fn restore(folder: &Path, dump: &Path, url: &str) {
    run(Command::new(folder.join("pg_restore"))
        .args(["--exit-on-error", "-d", url])
        .arg(dump));
}

fn run(command: &mut Command) {
    let output = command.output().expect("the program starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn one_of_everything_survives(source: u32, target: u32) {
    let (source, target) = (Cluster::start(source), Cluster::start(target));
    source.psql("postgres", "create database shop template template0");
    target.psql("postgres", "create database shop template template0");
    source.load("shop", &data("one_of_everything.sql"));
    target.psql("postgres", &roles(&source));
    copy((&source, "shop"), (&target, "shop"));
    let (was, is) = (take(&source, "shop"), take(&target, "shop"));
    assert!(
        was.objects().len() > 700,
        "only {} entries",
        was.objects().len()
    );
    assert_eq!(
        differences(&was, &is).join("\n"),
        LOST_BY_PG_DUMP.join("\n")
    );
}

/// `pg_dump` writes inherited columns before a table's own, wherever they stood.
const LOST_BY_PG_DUMP: [&str; 2] = [
    "order of columns of table public.dogs differs\n  \
     source: [\"id\", \"name\", \"barks\", \"added_later\"]\n  \
     target: [\"id\", \"name\", \"added_later\", \"barks\"]",
    "order of columns of table public.puppies differs\n  \
     source: [\"id\", \"name\", \"barks\", \"age\", \"added_later\"]\n  \
     target: [\"id\", \"name\", \"added_later\", \"barks\", \"age\"]",
];

fn roles(cluster: &Cluster) -> String {
    let sql = "select format('create role %I;', rolname) from pg_roles where oid >= 16384";
    cluster.psql("postgres", sql)
}

#[test]
fn a_dump_from_15_restored_on_15_has_no_difference() {
    one_of_everything_survives(15, 15);
}

#[test]
fn a_dump_from_15_restored_on_18_has_no_difference() {
    one_of_everything_survives(15, 18);
}

#[test]
fn a_dump_from_16_restored_on_18_has_no_difference() {
    one_of_everything_survives(16, 18);
}

/// Makes one change after the other; every one that is not told exactly is in the answer.
fn untold(major: u32, changes: &[Change]) -> Vec<String> {
    let cluster = Cluster::start(major);
    cluster.psql("postgres", "create database shop template template0");
    cluster.load("shop", &data("before_changes.sql"));
    let mut before = take(&cluster, "shop");
    let mut wrong = Vec::new();
    for (sql, expected) in changes {
        cluster.psql("shop", sql);
        let after = take(&cluster, "shop");
        let found: Vec<String> = before
            .differences(&after)
            .iter()
            .map(|d| d.object.to_string())
            .collect();
        if found != *expected {
            wrong.push(format!(
                "{sql}\n  expected {expected:?}\n  found    {found:?}"
            ));
        }
        before = after;
    }
    wrong
}

#[test]
fn every_single_change_is_told_by_name_on_15() {
    assert_eq!(
        untold(15, &[CHANGES, CHANGES_BEFORE_18].concat()).join("\n"),
        ""
    );
}

#[test]
fn every_single_change_is_told_by_name_on_18() {
    assert_eq!(
        untold(18, &[CHANGES, CHANGES_OF_18].concat()).join("\n"),
        ""
    );
}
