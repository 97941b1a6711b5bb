//! Tests of what is found out about a server, a database, its roles and its other objects.
//! Never tests what is made of the facts.

use pg_dbmigrator::inspect::{self, Grant, Role, Setting, Source};

use super::relations::relation;
use super::{Inspected, LOCK_TIMEOUT, MAJORS, connect, extension, inspected, source, wait_for};
use crate::support::Cluster;

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
    assert_eq!(fresh.not_carried, [""; 0]);
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
        let of: Vec<&str> = reader.member_of.iter().map(|m| m.role.as_str()).collect();
        assert_eq!(of, ["inspect_group", "pg_read_all_stats"]);
        assert!(
            reader
                .member_of
                .iter()
                .all(|m| !m.admin && m.set.is_some() == (major >= 16))
        );
        assert_eq!(
            reader.valid_until.as_deref(),
            Some("2040-02-03 04:05:06+00")
        );
        assert_eq!(reader.comment.as_deref(), Some("reads"));
        let set = &roles[2].settings[0];
        assert_eq!((set.name.as_str(), set.value.as_str()), ("work_mem", "8MB"));
        assert!(reader.login && reader.inherit && !reader.superuser);
        assert_eq!(reader.connection_limit, 7);
        assert!(!roles[0].login);
    }
}

#[test]
fn owners_of_all_kinds_and_the_collations_of_icu_are_named() {
    let cluster = Cluster::shared(15);
    let name = cluster.create_database("owners");
    cluster.psql(
        &name,
        "create role inspect_owner_of_things;
         create collation by_number (provider = icu, locale = 'de-u-kn-true');
         create schema s;
         create function s.f() returns int language sql as 'select 1';
         create type mood as enum ('fine');
         create type pair as (a int, b int);
         create domain word as text;
         create table with_a_row_type (id int);
         create extension hstore;
         alter default privileges grant select on tables to public;
         grant pg_monitor to inspect_owner_of_things;
         alter type mood owner to inspect_owner_of_things;
         select lo_create(4713)",
    );
    let found = source(cluster, &name, "postgres");
    let by_number = ("public".to_owned(), "by_number".to_owned());
    assert_eq!(found.icu_collations, [by_number]);
    let owners: Vec<String> = found
        .owners
        .iter()
        .map(|o| {
            format!(
                "{} {} {}",
                o.role,
                o.kind,
                o.schema.as_deref().unwrap_or("-")
            )
        })
        .collect();
    assert_eq!(
        owners,
        [
            "inspect_owner_of_things type public",
            "postgres collation public",
            "postgres default privileges -",
            "postgres function s",
            "postgres large object -",
            "postgres type public",
        ]
    );
    assert!(found.predefined_roles.contains("pg_monitor"));
    assert!(found.roles.iter().all(|role| !role.name.starts_with("pg_")));
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
                "indexes 6",
                "policies 1",
                "procedures 1",
                "publications 1",
                "rules 1",
                "statistics 1",
                "types 2",
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
                "Invalid index public.broken: a CREATE INDEX CONCURRENTLY that failed left it.",
                "What the server lets roles set, if the target does not: grant set on parameter \
                 work_mem to inspect_reader.",
                "Prepared transaction left: what it changed is not committed.",
                "Replication slot feeds: its readers stay on the source.",
                "Subscription fed: the source goes on receiving its changes.",
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
        inspect::source(&client, "here", LOCK_TIMEOUT)
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
