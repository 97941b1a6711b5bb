//! Tests of the independent check: it must notice every kind of difference, and see none in equals.
//! Never tests the project itself.

use crate::support::compare::{Database, differences, role_differences};
use crate::support::{Cluster, data, tools};
use std::process::{Command, Stdio};

/// A little of everything that the check looks at.
const LITTLE: &str = "
    do $$ begin
        if not exists (select from pg_roles where rolname = 'keeper') then
            create role keeper;
        end if;
    end $$;
    create table parent (id int primary key, note text);
    create table goods (id int primary key generated always as identity, name text, price float8)
        partition by range (id);
    create table goods_low partition of goods for values from (minvalue) to (3);
    create table goods_high partition of goods for values from (3) to (maxvalue);
    insert into parent values (1, 'one'), (2, 'two');
    insert into goods (name, price) values ('a', 1), ('b', 'NaN'), ('c', null), ('c', null);
    create table loose (a int, b text, gone int);
    insert into loose values (1, 'x', 0), (1, 'x', 0), (2, E'line\nbreak', 0);
    alter table loose drop column gone;
    create index by_price on goods (price);
    create sequence numbers;
    select nextval('numbers'), nextval('numbers');
    create sequence fresh;
    create view seen as select id, name from goods where id in (1, 2, 3);
    create materialized view counted as select count(*) from goods;
    create function f() returns int language sql as E'select 1;\n\n-- two\n';
    alter table parent enable row level security;
    create policy readers on parent using (id > 0);
    select lo_from_bytea(4711, '\\x000102'), lo_from_bytea(4712, '');
    do $$ begin
        execute format('alter database %I set work_mem = %L', current_database(), '5MB');
        execute format('alter role keeper in database %I set work_mem = %L', current_database(), '6MB');
    end $$;
";

/// What somebody could get wrong: a change of the target, and a word of the sentence that tells it.
const CHANGES: &[(&str, &str)] = &[
    (
        "update parent set note = 'One' where id = 1",
        "rows of public.parent",
    ),
    (
        "update parent set note = null where id = 1",
        "rows of public.parent",
    ),
    (
        "update parent set note = '' where id = 1",
        "rows of public.parent",
    ),
    (
        "insert into loose values (2, E'line\\nbreak')",
        "rows of public.loose",
    ),
    (
        "insert into loose select * from loose where a = 1",
        "rows of public.loose",
    ),
    ("delete from loose where a = 1", "rows of public.loose"),
    (
        "update goods set price = 0 where id = 4",
        "rows of public.goods_high",
    ),
    (
        "refresh materialized view counted with no data",
        "storage of public.counted",
    ),
    (
        "delete from goods; refresh materialized view counted",
        "rows of public.counted",
    ),
    ("select nextval('numbers')", "sequence public.numbers"),
    ("select setval('fresh', 1, true)", "sequence public.fresh"),
    (
        "select setval('goods_id_seq', 4, false)",
        "sequence public.goods_id_seq",
    ),
    ("comment on table parent is 'said'", "TABLE parent"),
    (
        "comment on column parent.note is 'said'",
        "COLUMN parent.note",
    ),
    (
        "grant select (note) on parent to keeper",
        "COLUMN parent.note; Type: ACL",
    ),
    (
        "grant update on parent to keeper",
        "TABLE parent; Type: ACL",
    ),
    ("alter table parent owner to keeper", "parent; Type: TABLE"),
    (
        "alter table parent alter note set default ''",
        "parent; Type: TABLE",
    ),
    (
        "alter table parent alter note type varchar",
        "parent; Type: TABLE",
    ),
    ("alter table loose add column c int", "loose; Type: TABLE"),
    (
        "alter table loose replica identity full",
        "loose; Type: TABLE",
    ),
    ("drop index by_price", "by_price; Type: INDEX"),
    (
        "update pg_index set indisvalid = false where indexrelid = 'by_price'::regclass",
        "by_price",
    ),
    ("drop view seen", "seen; Type: VIEW"),
    (
        "create or replace view seen as select id, name from goods where id in (1, 2)",
        "seen; Type",
    ),
    (
        "create or replace function f() returns int language sql as E'select 1;\\n-- two\\n'",
        "f()",
    ),
    (
        "alter policy readers on parent using (id > 1)",
        "readers; Type: POLICY",
    ),
    (
        "alter table parent disable row level security",
        "parent; Type: ROW SECURITY",
    ),
    (
        "alter table goods detach partition goods_high",
        "goods_high; Type: TABLE ATTACH",
    ),
    ("alter sequence fresh cycle", "fresh; Type: SEQUENCE"),
    ("create table extra ()", "on the target only"),
    ("create schema extra", "on the target only"),
    ("select lo_put(4711, 1, '\\xff')", "large object 4711"),
    ("select lo_unlink(4712)", "large object 4712"),
    ("select lo_create(4713)", "large object 4713"),
    (
        "comment on large object 4711 is 'said'",
        "large object 4711",
    ),
    (
        "grant select on large object 4711 to keeper",
        "large object 4711",
    ),
    (
        "alter large object 4711 owner to keeper",
        "large object 4711",
    ),
    (
        "alter database %I set work_mem = '7MB'",
        "settings of the database",
    ),
    ("alter database %I reset all", "settings of the database"),
    (
        "alter role keeper in database %I set work_mem = '7MB'",
        "settings of role keeper",
    ),
    ("comment on database %I is 'said'", "the database"),
    ("grant create on database %I to keeper", "the database"),
    ("alter database %I owner to keeper", "the database"),
    ("alter database %I connection limit 5", "the database"),
    ("comment on schema public is 'said'", "SCHEMA public"),
    (
        "grant create on schema public to keeper",
        "SCHEMA public; Type: ACL",
    ),
    (
        "alter schema public owner to keeper",
        "public; Type: SCHEMA",
    ),
];

fn every_change_is_noticed_on(major: u32) {
    let cluster = Cluster::shared(major);
    let source = cluster.create_database("check");
    cluster.psql(&source, LITTLE);
    // The first change is none: everything found later is that change's work.
    for (change, told) in [("select", "")].iter().chain(CHANGES) {
        let target = cluster.create_database("check");
        cluster.psql(&target, LITTLE);
        let (source, target) = (
            Database::on(cluster, &source),
            Database::on(cluster, &target),
        );
        cluster.psql(
            target.name,
            &change.replace("%I", &format!("\"{}\"", target.name)),
        );
        let found = differences(source, target);
        assert_eq!(found.is_empty(), told.is_empty(), "{change}: {found:#?}");
        assert!(
            found.is_empty() || found.iter().any(|f| f.contains(told)),
            "{change}: {found:#?}"
        );
        cluster.drop_database(target.name);
    }
}

#[test]
fn it_notices_every_change_on_15() {
    every_change_is_noticed_on(15);
}

#[test]
fn it_notices_every_change_on_18() {
    every_change_is_noticed_on(18);
}

#[test]
fn it_notices_a_change_between_majors() {
    let (old, new) = (Cluster::start(15), Cluster::start(18));
    let name = old.create_database("check");
    old.psql(&name, LITTLE);
    let (source, target) = (Database::on(&old, &name), Database::on(&new, &name));
    dump_and_restore(source, &new);
    assert_eq!(differences(source, target), [""; 0]);
    new.psql(
        target.name,
        "create or replace view seen as select id, name from goods where id = 1",
    );
    new.psql(target.name, "update parent set note = 'One' where id = 1");
    let found = differences(source, target);
    assert!(
        found.iter().any(|f| f.starts_with("seen; Type: VIEW")),
        "{found:#?}"
    );
    assert!(
        found.iter().any(|f| f.starts_with("rows of public.parent")),
        "{found:#?}"
    );
    assert_eq!(found.len(), 2, "{found:#?}");
}

/// Carries a database over by PostgreSQL's own tools, as a person would.
fn dump_and_restore(source: Database<'_>, target: &Cluster) {
    // pg_restore sets what its own major knows, so it must not be newer than the target.
    let tools = tools(target.major()).display().to_string();
    let run = |line: String| {
        let shell = Command::new("bash")
            .args([
                "-c",
                &format!("set -o pipefail; PATH={tools}:$PATH; {line}"),
            ])
            .stdin(Stdio::null())
            .output()
            .expect("every machine has bash");
        String::from_utf8_lossy(&shell.stderr).into_owned()
    };
    let (from, to) = (source.cluster.url(source.name), target.url("postgres"));
    let roles = run(format!(
        "pg_dumpall --roles-only -d '{from}' | psql -Xq '{to}'"
    ));
    let expected = "ERROR:  role \"postgres\" already exists";
    assert_eq!(
        roles
            .lines()
            .filter(|l| !l.contains(expected))
            .collect::<Vec<_>>(),
        [""; 0]
    );
    assert_eq!(
        run(format!("pg_dump -Fc -d '{from}' | pg_restore -C -d '{to}'")),
        ""
    );
}

fn equal_after_dump_and_restore(from: u32, to: u32, file: &str) {
    let (old, new) = (Cluster::start(from), Cluster::start(to));
    let name = "one of \"everything\" 100%";
    old.psql(
        "postgres",
        "create database \"one of \"\"everything\"\" 100%\" template template0",
    );
    old.load(name, &data(file));
    let (source, target) = (Database::on(&old, name), Database::on(&new, name));
    dump_and_restore(source, &new);
    assert_eq!(differences(source, target), [""; 0]);
    assert_eq!(role_differences(source, target), [""; 0]);
}

#[test]
fn the_contributed_extensions_are_equal_after_dump_and_restore_15_to_15() {
    equal_after_dump_and_restore(15, 15, "contrib.sql");
}

#[test]
fn one_of_everything_is_equal_after_dump_and_restore_15_to_15() {
    equal_after_dump_and_restore(15, 15, "one_of_everything.sql");
}

#[test]
fn one_of_everything_is_equal_after_dump_and_restore_15_to_18() {
    equal_after_dump_and_restore(15, 18, "one_of_everything.sql");
}

#[test]
fn one_of_everything_is_equal_after_dump_and_restore_16_to_18() {
    equal_after_dump_and_restore(16, 18, "one_of_everything.sql");
}
