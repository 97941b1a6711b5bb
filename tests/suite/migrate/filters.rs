//! What a plan keeps ends equal, and what it leaves behind is not there.
//! Never tests how patterns are read; that needs no server.

use super::ground::Migration;
use crate::support::compare::{Database, differences};

/// Schemas, tables, partitions, owned sequences and names that need quotes.
const SOURCE: &str = r#"
    create table orders (id serial primary key, note text);
    insert into orders (note) select 'order ' || n from generate_series(1, 20) n;
    create table large_log (id bigserial primary key, line text);
    insert into large_log (line) values ('one'), ('two');
    create table sessions (id int primary key, who text);
    insert into sessions values (1, 'me');
    create table "Odd.Name*" (id int);
    insert into "Odd.Name*" values (1);
    create table "Odd.Name+" (id int);
    insert into "Odd.Name+" values (2);
    create table events (id int, at int) partition by range (at);
    create table events_1 partition of events for values from (1) to (10);
    create table events_2 partition of events for values from (10) to (20) partition by range (at);
    create table events_2a partition of events_2 for values from (10) to (15);
    insert into events values (1, 1), (2, 11), (3, 12);
    create sequence free_numbers;
    select setval('free_numbers', 7);
    create schema audit;
    create table audit.trail (id int);
    insert into audit.trail values (1);
    create function audit.f() returns int language sql as 'select 1';
    create schema audit_old;
    create table audit_old.trail (id int);
    create schema "Sales ""EU""";
    create table "Sales ""EU""".deals (id int);
    insert into "Sales ""EU""".deals values (1), (2);
"#;

/// Migrates with `keys`, then removes from the source what `left_behind` removes: what is left is
/// what the target must be equal to.
fn keeps(keys: &str, left_behind: &str) -> Migration {
    let migration = Migration::new((15, 18), "filters", keys).fill(SOURCE);
    migration.folder.apply().must_end(0, &[]);
    migration.ask_source(left_behind);
    migration.must_be_equal();
    migration
}

#[test]
fn excluded_schemas_are_left_behind_with_all_that_is_in_them() {
    keeps(
        "verify: rows\nexclude: { schemas: ['audit*', '\"Sales \"\"EU\"\"\"'] }\n",
        "drop schema audit cascade; drop schema audit_old cascade;
         drop schema \"Sales \"\"EU\"\"\" cascade",
    );
}

#[test]
fn excluded_tables_are_left_behind_with_partitions_and_owned_sequences() {
    keeps(
        "verify: rows\nexclude:\n  tables:\n    - public.events\n    - public.large_*\n    \
         - 'public.\"Odd.Name*\"'\n    - public.free_numbers\n    - '\"Sales \"\"EU\"\"\".deals'\n",
        "drop table events, large_log, \"Odd.Name*\", \"Sales \"\"EU\"\"\".deals;
         drop sequence free_numbers",
    );
}

#[test]
fn one_partition_can_be_left_behind() {
    keeps(
        "verify: rows\nexclude: { tables: [public.events_2] }\n",
        "drop table events_2",
    );
}

#[test]
fn excluded_rows_are_left_behind_and_their_tables_are_there() {
    let migration = keeps(
        "verify: rows\nexclude: { table_data: [public.sessions, 'public.event*', '*.trail'] }\n",
        "truncate sessions, events, audit.trail",
    );
    assert_eq!(migration.ask_target("select count(*) from sessions"), "0");
}

#[test]
fn included_schemas_are_all_there_is() {
    keeps(
        "verify: rows\ninclude: { schemas: ['audit?old', audit] }\n",
        "drop schema public cascade; create schema public;
         alter schema public owner to pg_database_owner; grant usage on schema public to public;
         comment on schema public is 'standard public schema';
         drop schema \"Sales \"\"EU\"\"\" cascade",
    );
}

#[test]
fn included_tables_are_all_there_is_with_partitions_and_owned_sequences() {
    keeps(
        "verify: rows\ninclude: { tables: [public.orders, public.events] }\n\
         exclude: { tables: [public.events_2a] }\n",
        "drop schema audit cascade; drop schema audit_old cascade;
         drop schema \"Sales \"\"EU\"\"\" cascade; drop sequence free_numbers;
         drop table large_log, sessions, \"Odd.Name*\", \"Odd.Name+\", events_2a",
    );
}

#[test]
fn rows_of_included_tables_alone_are_there() {
    keeps(
        "verify: rows\ninclude: { table_data: [public.orders] }\n",
        "truncate large_log, sessions, events, audit.trail, \"Sales \"\"EU\"\"\".deals,
             \"Odd.Name*\", \"Odd.Name+\"",
    );
}

#[test]
fn a_pattern_that_matches_nothing_is_refused_with_its_place_before_anything_is_made() {
    let keys = "exclude:\n  tables: [public.orders, public.order]\n";
    let migration = Migration::new((15, 18), "nothing", keys).fill(SOURCE);
    for command in [&["plan"][..], &["apply", "--yes"]] {
        let ran = migration.folder.run(command);
        ran.must_end(3, &["public.order", "migrate.yaml:8:27"]);
    }
    let there = format!(
        "select count(*) from pg_database where datname = '{}'",
        migration.target
    );
    assert_eq!(migration.to.psql("postgres", &there), "0");
}

#[test]
fn a_table_that_a_view_or_a_foreign_key_needs_cannot_be_left_behind() {
    let migration = Migration::new((15, 18), "needed", "exclude: { tables: [public.orders] }\n")
        .fill(SOURCE)
        .fill(
            "create view noted as select note from orders;
             create table lines (of int constraint lines_of references orders);",
        );
    migration
        .folder
        .apply()
        .must_end(4, &["public.orders is left behind", "noted", "lines_of"]);
    migration.plan("exclude: { table_data: [public.orders] }\n");
    migration
        .folder
        .apply()
        .must_end(4, &["rows of public.orders are left behind", "lines_of"]);
    migration.plan("exclude: { tables: [public.orders, public.lines, public.noted] }\n");
    migration.folder.apply().must_end(0, &[]);
}

#[test]
fn structure_alone_and_then_rows_alone_end_equal() {
    structure_and_then_rows_end_equal("dump");
}

#[test]
fn structure_alone_by_a_stream_and_then_rows_alone_end_equal() {
    structure_and_then_rows_end_equal("stream");
}

fn structure_and_then_rows_end_equal(method: &str) {
    let keys = format!("copy: {{ scope: schema, method: {method} }}\n");
    let migration = Migration::new((15, 18), "scopes", &keys).fill(SOURCE);
    migration.folder.apply().must_end(0, &[]);
    assert_eq!(migration.ask_target("select count(*) from orders"), "0");
    assert_eq!(
        migration.ask_target("select is_called from free_numbers"),
        "f"
    );
    migration
        .folder
        .run(&["finalize", "--yes"])
        .must_end(0, &[]);

    migration.ask_target("insert into sessions values (9, 'mine')");
    migration.plan("copy: { scope: data }\nverify: rows\n");
    migration.folder.apply().must_end(
        4,
        &["not empty: public.sessions", "restore.existing: replace"],
    );
    assert_eq!(migration.ask_target("select who from sessions"), "mine");

    migration.plan("copy: { scope: data }\nrestore: { existing: replace }\nverify: rows\n");
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
}

#[test]
fn rows_alone_go_into_tables_with_foreign_keys_in_a_circle_and_triggers() {
    let circle = "
        create table hens (id int primary key, egg int);
        create table eggs (id int primary key, hen int references hens);
        alter table hens add foreign key (egg) references eggs;
        create function loud() returns trigger language plpgsql as
            $$ begin raise exception 'a trigger fired'; end $$;
    ";
    let migration = Migration::new(
        (15, 18),
        "circle",
        "copy: { scope: data, jobs: 3 }\nverify: rows\n",
    )
    .fill(circle);
    migration.to.psql(
        "postgres",
        &format!("create database \"{}\"", migration.target),
    );
    migration.ask_target(circle);
    let trigger = "create trigger loud before insert on hens for each row execute function loud()";
    migration.ask_source(
        "insert into hens values (1, null); insert into eggs values (1, 1);
                          update hens set egg = 1",
    );
    migration.ask_source(trigger);
    migration.ask_target(trigger);
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
}

#[test]
fn rows_alone_for_tables_that_are_not_there_are_refused_by_name() {
    let migration = Migration::new((15, 18), "absent", "copy: { scope: data }\n").fill(SOURCE);
    migration
        .folder
        .apply()
        .must_end(4, &["no database", "copy.scope is data"]);
    migration.to.psql(
        "postgres",
        &format!("create database \"{}\"", migration.target),
    );
    migration.ask_target("create table orders (id int, note text)");
    migration
        .folder
        .apply()
        .must_end(4, &["lacks tables", "public.sessions"]);
}

#[test]
fn without_owners_everything_belongs_to_the_connected_role_and_no_role_is_made() {
    let stem = "ownerless";
    let migration = Migration::new((15, 18), stem, "copy: { owners: false }\nverify: rows\n");
    let role = format!("{}_owner", migration.source);
    let migration = migration.fill(SOURCE).fill(&format!(
        "create role {role}; alter table orders owner to {role};
         grant select on sessions to {role}; comment on table sessions is 'kept'"
    ));
    migration.folder.apply().must_end(0, &[]);
    let exists = format!("select count(*) from pg_roles where rolname = '{role}'");
    assert_eq!(migration.to.psql("postgres", &exists), "0");
    migration.ask_source(&format!(
        "alter table orders owner to postgres; revoke all on sessions from {role};
         drop role {role}"
    ));
    // What is left of the difference: privileges that are spelled out, though the default.
    let found = differences(
        Database::on(migration.from, &migration.source),
        Database::on(migration.to, &migration.target),
    );
    let other: Vec<_> = found
        .iter()
        .filter(|said| !said.contains("Type: ACL"))
        .collect();
    assert!(other.is_empty(), "{other:?}");
}

#[test]
fn without_roles_a_missing_one_is_refused_by_name_and_one_that_is_there_is_used() {
    let migration = Migration::new(
        (15, 18),
        "roleless",
        "copy: { roles: false }\nverify: rows\n",
    );
    let role = format!("{}_owner", migration.source);
    let migration = migration.fill(&format!(
        "create role {role}; create table t (); alter table t owner to {role}"
    ));
    migration
        .folder
        .apply()
        .must_end(4, &["lacks roles", &role, "copy.roles: true"]);
    migration
        .to
        .psql("postgres", &format!("create role {role}"));
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
}

#[test]
fn a_role_is_made_with_its_attributes_and_memberships_and_without_a_password() {
    let migration = Migration::new((15, 18), "roles", "verify: rows\n");
    let role = format!("{}_owner", migration.source);
    let migration = migration.fill(&format!(
        "create role {role}_group; create role {role} login createdb connection limit 7
             password 'secret' in role {role}_group, pg_read_all_stats;
         create table t (); alter table t owner to {role}"
    ));
    let ran = migration.folder.apply();
    ran.must_end(0, &[]);
    ran.must_tell("passwords of the roles");
    let what = format!(
        "select rolcanlogin, rolcreatedb, rolconnlimit, rolpassword is null,
                array(select roleid::regrole::text from pg_auth_members
                      where member = a.oid order by 1)
         from pg_authid a where rolname = '{role}'"
    );
    let expected = format!("t|t|7|t|{{pg_read_all_stats,{role}_group}}");
    assert_eq!(migration.to.psql("postgres", &what), expected);
}

#[test]
fn without_verification_the_outcome_says_that_nothing_is_proven() {
    let migration = Migration::new((15, 18), "unproven", "verify: off\n").fill(SOURCE);
    let ran = migration.folder.apply();
    ran.must_end(0, &[]);
    ran.must_tell("proven   nothing");
    migration.must_be_equal();
}
