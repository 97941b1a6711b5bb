//! Tests of what the servers are asked, on databases with something for every fact.
//! Never tests what is made of the facts.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use pg_dbmigrator::inspect::{
    self, Dependent, Grant, Relation, RelationKind, Role, RowHash, Setting, Source, Target,
    TargetDatabase, TargetNames,
};
use tokio_postgres::{Client, NoTls};

use crate::support::{Cluster, data, tools};

const MAJORS: [u32; 2] = [15, 18];

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
        inspect::source(&client, "here".to_owned())
            .await
            .expect("it can be asked")
    })
}

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

fn relation<'a>(source: &'a Source, name: &str) -> &'a Relation {
    let found = source.relations.iter().find(|r| r.name == name);
    found.unwrap_or_else(|| panic!("no relation {name}"))
}

fn public(name: &str) -> Option<(String, String)> {
    Some(("public".to_owned(), name.to_owned()))
}

#[test]
fn a_server_says_what_it_is_and_what_its_role_may_do() {
    for major in MAJORS {
        let Inspected {
            cluster, source, ..
        } = inspected(major);
        let server = &source.server;
        let identifier = "select system_identifier from pg_control_system()";
        assert_eq!(
            server.system_identifier,
            cluster.psql("postgres", identifier)
        );
        assert_eq!(server.major(), major);
        assert!(
            server.version.starts_with(&format!("{major}.")),
            "{}",
            server.version
        );
        assert!(!server.version.contains(' '), "{}", server.version);
        assert_eq!(
            (server.lock_slots, server.max_locks_per_transaction),
            (64 * (100 + 10), 64)
        );
        // 100 less 3 reserved ones, our own, and perhaps sessions that are just ending.
        assert!(
            (80..=96).contains(&server.free_connections),
            "{}",
            server.free_connections
        );
        assert!(!server.in_recovery);
        let role = &server.role;
        assert_eq!(role.name, "postgres");
        assert!(role.superuser && role.create_database && role.create_role && role.bypass_rls);
    }
}

#[test]
fn a_database_keeps_owner_comment_privileges_and_settings() {
    for major in MAJORS {
        let Inspected {
            database: name,
            source,
            ..
        } = inspected(major);
        let database = &source.database;
        assert_eq!(&database.name, name);
        assert_eq!(database.owner, "inspect Owner");
        assert_eq!(
            database.comment.as_deref(),
            Some("a comment, with 'quotes'")
        );
        assert_eq!(database.connection_limit, 42);
        assert!(database.bytes > 1 << 20, "{}", database.bytes);
        assert_eq!(database.tablespace, "pg_default");
        assert_eq!(database.locale.encoding, "UTF8");
        assert_eq!(database.locale.provider, "libc");
        assert_eq!(database.locale.collate, "C.UTF-8");
        let granted = Grant {
            grantor: "inspect Owner".to_owned(),
            grantee: Some("inspect_group".to_owned()),
            privilege: "CONNECT".to_owned(),
            grantable: true,
        };
        let privileges = database.privileges.as_ref().expect("some were granted");
        assert!(privileges.contains(&granted), "{privileges:?}");
        assert!(
            privileges.iter().any(|grant| grant.grantee.is_none()),
            "{privileges:?}"
        );
        let setting = |role: Option<&str>, name: &str, value: &str| Setting {
            role: role.map(str::to_owned),
            name: name.to_owned(),
            value: value.to_owned(),
        };
        assert_eq!(
            database.settings,
            [
                setting(None, "search_path", "public, \"Odd Schema\""),
                setting(Some("inspect_settings"), "TimeZone", "UTC"),
            ]
        );
    }
}

#[test]
fn a_new_database_has_default_privileges_which_are_none() {
    let cluster = Cluster::shared(15);
    let name = cluster.create_database("fresh");
    let fresh = source(cluster, &name, "postgres");
    assert_eq!(fresh.database.privileges, None);
    assert_eq!(fresh.relations.len(), 0, "{:?}", fresh.relations);
    assert_eq!(fresh.extensions.len(), 0, "{:?}", fresh.extensions);
    assert!(fresh.object_counts.is_empty(), "{:?}", fresh.object_counts);
    assert_eq!(
        fresh.not_carried,
        ["Passwords of roles: a role made on the target has none."]
    );
}

#[test]
fn relations_come_with_kind_parent_owner_and_what_is_odd_about_them() {
    for major in MAJORS {
        let source = &inspected(major).source;
        let kind = |name: &str| relation(source, name).kind;
        assert_eq!(kind("customers"), RelationKind::Table);
        assert_eq!(kind("events"), RelationKind::PartitionedTable);
        assert_eq!(kind("events_2026"), RelationKind::PartitionedTable);
        assert_eq!(kind("order_moods"), RelationKind::View);
        assert_eq!(kind("order_count"), RelationKind::MaterializedView);
        assert_eq!(kind("numbers"), RelationKind::Sequence);
        assert_eq!(kind("far"), RelationKind::ForeignTable);
        assert_eq!(relation(source, "orders").owner, "inspect Owner");
        assert_eq!(relation(source, "events \"click\"").schema, "Odd Schema");
        assert_eq!(
            relation(source, "events \"click\"").partition_of,
            public("events_2026")
        );
        assert_eq!(
            relation(source, "events_2026").partition_of,
            public("events")
        );
        assert_eq!(relation(source, "child").partition_of, None);
        assert_eq!(
            relation(source, "customers_id_seq").owned_by,
            public("customers")
        );
        assert_eq!(relation(source, "orders_id_seq").owned_by, public("orders"));
        assert_eq!(relation(source, "numbers").owned_by, None);
        assert!(relation(source, "scratch").unlogged && !relation(source, "orders").unlogged);
        assert!(relation(source, "order_count").populated);
        assert!(!relation(source, "unfilled").populated);
        assert_eq!(relation(source, "customers").rows_estimate, Some(100));
        assert_eq!(relation(source, "orders").rows_estimate, None);
        assert!(relation(source, "customers").bytes >= 8192);
        assert!(
            source
                .relations
                .iter()
                .all(|r| r.readable && !r.row_security)
        );
        let names: Vec<_> = source
            .relations
            .iter()
            .map(|r| (&r.schema, &r.name))
            .collect();
        assert!(names.is_sorted(), "{names:?}");
    }
}

#[test]
fn rows_are_hashed_as_records_only_where_equal_hashes_mean_equal_values() {
    for major in MAJORS {
        let source = &inspected(major).source;
        for name in ["customers", "dropped", "no_columns", "scratch", "events"] {
            assert_eq!(relation(source, name).row_hash, RowHash::Record, "{name}");
        }
        for name in ["orders", "free_text", "prices", "tags"] {
            assert_eq!(relation(source, name).row_hash, RowHash::Text, "{name}");
        }
    }
}

#[test]
fn whatever_needs_a_relation_is_named() {
    let expected = [
        "constraint orders_customer_fkey on table public.orders needs rows of public.customers",
        "constraint refers_at_kind_id_fkey on table public.refers needs rows of public.events_key",
        "constraint refers_at_kind_id_fkey1 on table public.refers needs rows of \
         public.events_key_2026",
        "default value for column id of table public.numbered needs public.numbers",
        "default value for column id of table public.orders needs public.orders_id_seq",
        "function public.counted() needs public.orders",
        "function public.mood_of(public.orders) needs public.orders",
        "materialized view public.order_count needs public.order_moods",
        "policy seen_orders on table public.prices needs public.orders",
        "rule log_it on table public.parent needs public.child",
        "sequence public.orders_id_seq needs public.orders",
        "table \"Odd Schema\".\"events \"\"click\"\"\" needs public.events_2026",
        "table public.child needs public.parent",
        "table public.events_2026 needs public.events",
        "table public.events_key_2026 needs public.events_key",
        "view public.order_moods needs public.orders",
    ];
    let told = |d: &Dependent| {
        let rows = if d.needs_rows { "rows of " } else { "" };
        format!("{} needs {rows}{}.{}", d.description, d.needs.0, d.needs.1)
    };
    for major in MAJORS {
        let dependents = &inspected(major).source.dependents;
        let found: Vec<String> = dependents.iter().map(told).collect();
        // 18 names the copies of a foreign key to a partitioned table after the partition.
        let found: Vec<String> = found
            .iter()
            .map(|f| f.replace("refers_at_kind_id_fkey_1", "refers_at_kind_id_fkey1"))
            .collect();
        assert_eq!(found, expected, "{major}");
        let function = dependents
            .iter()
            .find(|d| d.description.starts_with("function"));
        assert_eq!(function.and_then(|d| d.schema.as_deref()), Some("public"));
        let view = dependents
            .iter()
            .find(|d| d.description.starts_with("view"));
        assert_eq!(view.and_then(|d| d.of.clone()), public("order_moods"));
    }
}

#[test]
fn roles_are_those_that_objects_need_and_what_they_are_members_of() {
    for major in MAJORS {
        let roles = &inspected(major).source.roles;
        let names: Vec<&str> = roles.iter().map(|role| role.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "inspect Owner",
                "inspect_default",
                "inspect_group",
                "inspect_policy",
                "inspect_reader",
                "inspect_settings",
                "postgres",
            ]
        );
        let reader: &Role = &roles[4];
        assert_eq!(reader.member_of, ["inspect_group", "pg_read_all_stats"]);
        assert!(reader.login && reader.inherit && !reader.superuser);
        assert_eq!(reader.connection_limit, 7);
        assert!(!roles[0].login);
    }
}

#[test]
fn the_bootstrap_superuser_is_left_out_where_nothing_of_its_own_is_carried() {
    let cluster = Cluster::start(15);
    cluster.psql("postgres", "create role plain_owner");
    let name = cluster.create_database("plain");
    let own = format!("alter database \"{name}\" owner to plain_owner");
    cluster.psql(&name, &format!("{own}; create extension hstore"));
    let roles = |database: &str| {
        let found = source(&cluster, database, "postgres").roles;
        found.into_iter().map(|role| role.name).collect::<Vec<_>>()
    };
    assert_eq!(roles(&name), ["plain_owner"]);
    cluster.psql(
        &name,
        "create table t (); alter table t owner to plain_owner",
    );
    assert_eq!(roles(&name), ["plain_owner"]);
    cluster.psql(&name, "grant select on t to postgres");
    assert_eq!(roles(&name), ["plain_owner", "postgres"]);
}

#[test]
fn objects_are_counted_and_what_stays_behind_is_said() {
    for major in MAJORS {
        let source = &inspected(major).source;
        let counts: Vec<String> = source
            .object_counts
            .iter()
            .map(|(kind, n)| format!("{kind} {n}"))
            .collect();
        assert_eq!(
            counts,
            [
                "constraints 5",
                "default_privileges 1",
                "domains 1",
                "event_triggers 1",
                "foreign_data_wrappers 1",
                "foreign_keys 3",
                "foreign_servers 1",
                "functions 3",
                "indexes 5",
                "policies 1",
                "procedures 1",
                "publications 1",
                "rules 1",
                "statistics 1",
                "types 1",
                "user_mappings 1",
            ],
            "{major}"
        );
        let schemas: Vec<&str> = source.schemas.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(schemas, ["Odd Schema", "ext", "public"]);
        assert_eq!(source.extensions.len(), 1);
        assert_eq!(source.extensions[0].name, extension(major));
        assert_eq!(source.extensions[0].schema, "ext");
        let large_objects = &source.large_objects;
        assert_eq!((large_objects.count, large_objects.unreadable), (1, 0));
        assert!(source.tablespaces.is_empty());
        assert_eq!(
            source.not_carried,
            [
                "Prepared transaction left: what it changed is not committed.",
                "Replication slot feeds: its readers stay on the source.",
                "Subscription fed: the source goes on receiving its changes.",
                "Passwords of roles: a role made on the target has none.",
                "Settings that ALTER ROLE … SET made for every database, of: inspect_group.",
            ]
        );
    }
}

#[test]
fn a_role_without_privileges_can_ask_and_is_told_what_it_may_not_read() {
    for major in MAJORS {
        let Inspected {
            cluster,
            database,
            source: all,
            ..
        } = inspected(major);
        let found = source(cluster, database, "inspect_reader");
        let role = &found.server.role;
        assert!(!role.superuser && !role.create_database && !role.bypass_rls);
        assert!(
            found.server.free_connections < 7,
            "the role's own limit counts"
        );
        assert_eq!(found.relations.len(), all.relations.len());
        assert!(relation(&found, "customers").readable);
        assert!(!relation(&found, "orders").readable);
        assert!(relation(&found, "prices").row_security);
        assert_eq!(found.large_objects.unreadable, 1);
        let hidden = "Options of the user mapping for inspect_reader on server elsewhere";
        assert!(
            found.not_carried.iter().any(|s| s.starts_with(hidden)),
            "{:?}",
            found.not_carried
        );
    }
}

#[test]
fn the_facts_survive_being_written_and_read_again() {
    let source = &inspected(15).source;
    let json = serde_json::to_string(source).expect("facts are plain data");
    let again: Source = serde_json::from_str(&json).expect("it was just written");
    assert_eq!(&again, source);
}

#[test]
fn a_question_leaves_the_session_without_a_transaction_and_the_server_without_a_change() {
    let Inspected {
        cluster, database, ..
    } = inspected(18);
    wait_for(async {
        let client = connect(cluster, database, "postgres").await;
        inspect::source(&client, "here".to_owned())
            .await
            .expect("it can be asked");
        let path = client
            .query_one("show search_path", &[])
            .await
            .expect("it answers");
        assert_eq!(path.get::<_, &str>(0), "public, \"Odd Schema\"");
        let open = "select pg_current_xact_id_if_assigned() is null";
        assert!(
            client
                .query_one(open, &[])
                .await
                .expect("it answers")
                .get::<_, bool>(0)
        );
    });
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
            "create cast (int as money) with inout",
            "cast from integer to money",
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
