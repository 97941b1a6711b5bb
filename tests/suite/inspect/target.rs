//! Tests of what a target offers and holds, and of the client programs.
//! Never tests what is made of the facts.

use std::collections::BTreeSet;

use pg_dbmigrator::inspect::{self, Target, TargetDatabase, TargetNames};

use super::{Inspected, MAJORS, connect, extension, inspected, wait_for};
use crate::support::{Cluster, tools};

fn target(cluster: &Cluster, database: Option<&str>, role: &str) -> Target {
    let names = TargetNames {
        place: "there".to_owned(),
        database: database.unwrap_or("new").to_owned(),
        maintenance: "postgres".to_owned(),
    };
    wait_for(async {
        let maintenance = connect(cluster, "postgres", role).await;
        let client = match database {
            Some(name) => Some(connect(cluster, name, role).await),
            None => None,
        };
        let found = inspect::target(&maintenance, client.as_ref(), names).await;
        found.expect("it can be asked")
    })
}

fn target_database(cluster: &Cluster, database: &str) -> TargetDatabase {
    target(cluster, Some(database), "postgres")
        .database
        .expect("it is there")
}

#[test]
fn a_new_target_database_is_empty_and_one_made_from_a_changed_template_is_not() {
    for major in MAJORS {
        let cluster = Cluster::start(major);
        let empty = cluster.create_database("empty");
        assert_eq!(
            target_database(&cluster, &empty).objects,
            [""; 0],
            "{major}"
        );
        cluster.psql("postgres", "create database plain");
        assert_eq!(
            target_database(&cluster, "plain").object_count,
            0,
            "{major}"
        );
        cluster.psql("template1", "create table left_here (id int)");
        cluster.psql("postgres", "create database changed");
        let changed = target_database(&cluster, "changed");
        assert_eq!(changed.objects, ["table public.left_here"]);
        assert_eq!(changed.object_count, 1);
    }
}

#[test]
fn every_kind_of_object_makes_a_target_not_empty() {
    let cluster = Cluster::shared(15);
    for (made_by, object) in [
        ("create schema s", "schema s"),
        ("create view v as select 1", "view public.v"),
        ("create sequence q", "sequence public.q"),
        (
            "create function f() returns int language sql as 'select 1'",
            "function public.f()",
        ),
        ("create type t as (a int)", "composite type public.t"),
        ("create domain d as int", "type public.d"),
        ("create extension hstore", "extension hstore"),
        ("create publication p", "publication p"),
        ("create foreign data wrapper w", "foreign-data wrapper w"),
        ("select lo_create(4712)", "large object 4712"),
        (
            "create cast (point as money) with inout",
            "cast from point to money",
        ),
        (
            "create operator <-> (leftarg = int, rightarg = int, function = int4mi)",
            "operator public.<->(integer,integer)",
        ),
        ("create collation c (locale = 'C')", "collation public.c"),
        (
            "create text search dictionary x (template = simple)",
            "text search dictionary public.x",
        ),
        (
            "create subscription b connection '' publication p with (connect = false)",
            "subscription b",
        ),
    ] {
        let name = cluster.create_database("one");
        cluster.psql(&name, made_by);
        assert_eq!(
            target_database(cluster, &name).objects,
            [object],
            "{made_by}"
        );
    }
}

#[test]
fn a_filled_target_names_twenty_objects_and_counts_them_all() {
    let cluster = Cluster::shared(18);
    let name = cluster.create_database("many");
    let many = "select format('create table t%s (id int primary key)', n) \
                from generate_series(10, 39) n \\gexec";
    cluster.psql(&name, many);
    cluster.psql(
        &name,
        "insert into t11 values (1); create view a as select 1",
    );
    let found = target_database(cluster, &name);
    assert_eq!(found.object_count, 31);
    assert_eq!(found.objects.len(), 20);
    assert_eq!(found.objects[0], "table public.t10");
    let filled: Vec<&str> = found
        .tables
        .iter()
        .filter(|t| !t.empty)
        .map(|t| t.name.as_str())
        .collect();
    assert_eq!(filled, ["t11"]);
    assert_eq!(found.tables.len(), 30);
}

#[test]
fn a_table_is_empty_when_its_rows_are_gone_and_not_when_they_are_hidden() {
    let cluster = Cluster::shared(15);
    let name = cluster.create_database("hidden");
    cluster.psql(
        &name,
        "create role looks_only login;
         create table gone (id int); insert into gone values (1); delete from gone;
         create table hidden (id int); insert into hidden values (1);
         alter table hidden enable row level security;
         create table barred (id int); insert into barred values (1);
         grant select on gone, hidden to looks_only",
    );
    let seen = target(cluster, Some(&name), "looks_only")
        .database
        .expect("it is there");
    let empty: Vec<_> = seen
        .tables
        .iter()
        .map(|t| (t.name.as_str(), t.empty))
        .collect();
    assert_eq!(
        empty,
        [("barred", false), ("gone", true), ("hidden", false)]
    );
    assert!(!seen.owned);
}

#[test]
fn a_target_says_what_it_offers_before_its_database_is_there() {
    for major in MAJORS {
        let Inspected { cluster, .. } = inspected(major);
        let found = target(cluster, None, "postgres");
        assert_eq!(
            (found.database_name.as_str(), found.database),
            ("new", None)
        );
        assert!(found.roles.contains("inspect_unneeded") && found.roles.contains("postgres"));
        assert_eq!(
            found.settable_roles, found.roles,
            "a superuser may act as everyone"
        );
        assert!(found.available_extensions.contains_key(extension(major)));
        assert!(found.tablespaces.contains("pg_default"));
        assert!(found.locales.contains("C"), "{:?}", found.locales);

        let plain = target(cluster, None, "inspect_reader").settable_roles;
        let own: BTreeSet<String> = ["inspect_group", "inspect_reader", "pg_read_all_stats"]
            .map(str::to_owned)
            .into();
        assert_eq!(plain, own);
        assert!(found.settings.contains("work_mem") && found.settings.contains("log_statement"));
        assert!(!found.settings.contains("shared_buffers"));
        assert_eq!(found.settings.contains("force_parallel_mode"), major < 16);
        assert_eq!(found.grantable_roles, found.roles);
        assert_eq!(
            found.trusted_extensions.contains(extension(major)),
            major == 15
        );
        assert_eq!(found.icu, major == 15, "this build of 18 has no ICU");
        let reader = target(cluster, None, "inspect_reader");
        assert!(reader.settings.contains("work_mem") && !reader.settings.contains("log_statement"));
        assert!(reader.grantable_roles.is_empty());
    }
}

#[test]
fn on_sixteen_and_later_membership_without_set_is_no_right_to_act_as_a_role() {
    let cluster = Cluster::start(18);
    cluster.psql(
        "postgres",
        "create role kept_apart; create role member login;
         grant kept_apart to member with inherit true, set false",
    );
    let found = target(&cluster, None, "member");
    assert!(
        !found.settable_roles.contains("kept_apart"),
        "{:?}",
        found.settable_roles
    );
}

#[test]
fn client_programs_are_found_on_the_path_and_in_the_configured_folder() {
    let folder = tools(18);
    let found = wait_for(inspect::tools(Some(&folder), None)).expect("they are there");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].major, 18);
    let twice = std::env::join_paths([&folder, &folder]).expect("plain paths");
    let found = wait_for(inspect::tools(None, Some(&twice))).expect("they are there");
    assert_eq!(
        found.iter().filter(|t| t.major == 18).count(),
        1,
        "{found:?}"
    );
    assert!(
        found.is_sorted_by_key(|t| std::cmp::Reverse(t.major)),
        "{found:?}"
    );

    let empty = tempfile::tempdir().expect("a temporary folder");
    let error = wait_for(inspect::tools(Some(empty.path()), None)).expect_err("nothing there");
    assert!(error.next().contains("copy.tools"), "{error}");
}
