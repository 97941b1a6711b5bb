//! Tests of the fingerprint: equal schemas are equal on every pair of majors, and every single
//! change is told by the name of what was changed. Never tests how a difference is acted upon.

mod changes;

use crate::support::{Cluster, data, tools};
use changes::{CHANGES_BEFORE_18, CHANGES_OF_18, Change, OTHERS, RELATIONS};
use pg_dbmigrator::fingerprint::{self, Aspect, Fingerprint, ObjectName};
use std::path::Path;
use std::process::Command;

/// A connection over which fingerprints are taken, one after the other.
struct Reader {
    runtime: tokio::runtime::Runtime,
    client: tokio_postgres::Client,
}

impl Reader {
    fn open(cluster: &Cluster, database: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime starts");
        let client = runtime.block_on(async {
            let url = cluster.url(database);
            let connected = tokio_postgres::connect(&url, tokio_postgres::NoTls);
            let (client, connection) = connected.await.expect("the server accepts connections");
            tokio::spawn(connection);
            client
        });
        Self { runtime, client }
    }

    fn take(&self) -> Fingerprint {
        let taken = self.runtime.block_on(fingerprint::take(&self.client));
        taken.unwrap_or_else(|error| panic!("{error}"))
    }
}

fn take(cluster: &Cluster, database: &str) -> Fingerprint {
    Reader::open(cluster, database).take()
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

fn prints_differently_and_is_the_same(source: u32, target: u32) {
    let (source, target) = (Cluster::shared(source), Cluster::shared(target));
    let was = source.create_database("printed");
    let is = target.create_database("printed");
    source.load(&was, &data("printed_differently.sql"));
    copy((source, &was), (target, &is));
    let (was, is) = (take(source, &was), take(target, &is));
    assert_ne!(
        was.objects(),
        is.objects(),
        "nothing is printed differently"
    );
    assert_eq!(differences(&was, &is).join("\n"), "");
}

#[test]
fn what_15_prints_otherwise_after_a_restore_is_no_difference() {
    prints_differently_and_is_the_same(15, 15);
}

#[test]
fn what_18_prints_otherwise_than_15_is_no_difference() {
    prints_differently_and_is_the_same(15, 18);
}

#[test]
fn what_18_prints_otherwise_than_16_is_no_difference() {
    prints_differently_and_is_the_same(16, 18);
}

#[test]
fn extensions_are_compared_by_name_and_what_was_granted_on_their_members() {
    let cluster = Cluster::shared(15);
    let (was, is) = (
        cluster.create_database("contrib"),
        cluster.create_database("contrib"),
    );
    cluster.load(&was, &data("contrib.sql"));
    copy((cluster, &was), (cluster, &is));
    let source = take(cluster, &was);
    assert_eq!(differences(&source, &take(cluster, &is)).join("\n"), "");
    cluster.psql(
        &is,
        "revoke execute on function similarity(text, text) from public; drop extension earthdistance",
    );
    let found = source.differences(&take(cluster, &is));
    let found: Vec<String> = found.iter().map(|d| d.object.to_string()).collect();
    assert_eq!(
        found,
        [
            "extension earthdistance",
            "privileges on function public.similarity(text,text)"
        ]
    );
}

const LEFT_OUT: &str = "
create role left_out;
create schema kept;
create schema gone;
create table gone.t (id serial primary key, a int);
create table kept.gone (id serial primary key, a int);
create index on kept.gone (a);
create policy p on kept.gone;
comment on column kept.gone.a is 'not compared';
grant select (a) on kept.gone to left_out;
create function gone.f() returns int language sql as 'select 1';
create type gone.e as enum ();
create table kept.t (id serial primary key);
alter table kept.t owner to left_out;
grant select on kept.t to public;
create publication p for table kept.t, kept.gone;
";

#[test]
fn what_a_selection_leaves_out_is_not_compared_and_the_rest_is() {
    let cluster = Cluster::start(15);
    cluster.psql("postgres", "create database source template template0");
    cluster.psql("source", LEFT_OUT);
    let everything = take(&cluster, "source");
    let selected = everything.restrict(|schema, relation| {
        schema != "gone" && (schema, relation) != ("kept", Some("gone"))
    });
    let names: Vec<&str> = selected.objects().keys().map(ObjectName::as_str).collect();
    assert_eq!(
        names,
        [
            "column kept.t.id",
            "comment on schema public",
            "constraint t_pkey on kept.t",
            "extension plpgsql",
            "index kept.t_pkey",
            "order of columns of table kept.t",
            "owner of publication p",
            "owner of schema kept",
            "owner of schema public",
            "owner of sequence kept.t_id_seq",
            "owner of table kept.t",
            "privileges on schema public",
            "privileges on table kept.t",
            "publication p",
            "publication relation kept.t in publication p",
            "schema kept",
            "schema public",
            "sequence kept.t_id_seq",
            "table kept.t",
        ]
    );
    let plain = selected
        .without_aspect(Aspect::Owner)
        .without_aspect(Aspect::Privileges);
    let told = |name: &str| {
        plain
            .objects()
            .keys()
            .any(|object| object.as_str().contains(name))
    };
    assert!(!told("owner of") && !told("privileges") && told("table kept.t"));
}

#[test]
fn secrets_in_the_options_of_servers_and_user_mappings_are_never_read_out() {
    let cluster = Cluster::shared(15);
    let database = cluster.create_database("secrets");
    cluster.psql(
        &database,
        "create foreign data wrapper w; \
         create server s foreign data wrapper w options (host 'h', api_token 'hunter2'); \
         create user mapping for public server s options (user 'u', password 'hunter2');",
    );
    let taken = take(cluster, &database);
    let text = format!("{taken:?}");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(
        text.contains("password=<hidden>") && text.contains("user=u"),
        "{text}"
    );
}

/// Makes one change after the other; every one that is not told exactly is in the answer.
fn untold(major: u32, changes: &[Change]) -> Vec<String> {
    let cluster = Cluster::start(major);
    cluster.psql("postgres", "create database shop template template0");
    cluster.load("shop", &data("before_changes.sql"));
    let reader = Reader::open(&cluster, "shop");
    let mut before = reader.take();
    let mut wrong = Vec::new();
    for (sql, expected) in changes {
        cluster.psql("shop", sql);
        let after = reader.take();
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
        untold(15, &[RELATIONS, OTHERS, CHANGES_BEFORE_18].concat()).join("\n"),
        ""
    );
}

#[test]
fn every_single_change_is_told_by_name_on_18() {
    assert_eq!(
        untold(18, &[RELATIONS, OTHERS, CHANGES_OF_18].concat()).join("\n"),
        ""
    );
}
