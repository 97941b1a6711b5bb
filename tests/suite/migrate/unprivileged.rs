//! Migrations by roles that are no superusers: what they can do ends equal, what they cannot is
//! refused or fails with its name. Never gives them more than a test says.

use super::ground::Migration;

/// A migration by a role of its own, `mover`, with its names: the role that owns the source's
/// objects, and the one that may read them, begin alike.
struct Moved {
    migration: Migration,
    mover: String,
    owner: String,
}

/// The source has a schema of the owner's, which `mover` may read; `mover` may make databases and
/// roles on the target.
fn moved(majors: (u32, u32), keys: &str) -> Moved {
    let migration = Migration::new(majors, "unprivileged", "");
    let stem = migration.source.clone();
    let (mover, owner, reader) = (
        format!("{stem}_mover"),
        format!("{stem}_owner"),
        format!("{stem}_reader"),
    );
    let roles = format!("create role {mover} login createdb createrole");
    migration.to.psql("postgres", &roles);
    migration.plan_as(&mover, keys);
    let migration = migration.fill(&format!(
        "create role {mover} login; create role {owner} login; create role {reader};
         grant pg_read_all_data to {mover};
         alter database {stem} owner to {owner};
         alter database {stem} set work_mem = '5MB';
         comment on database {stem} is 'moved by hand before';
         set role {owner};
         create table t (id int primary key, note text);
         insert into t values (1, 'a'), (2, 'b');
         grant select on t to {reader};
         comment on column t.note is 'said';
         create schema s;
         create table s.u (id int generated always as identity, v text);
         insert into s.u (v) values ('x');
         create view v as select * from t;
         create materialized view m as select * from t;
         alter default privileges in schema s grant select on tables to {reader};
         create function f() returns int language sql as 'select 1';"
    ));
    Moved {
        migration,
        mover,
        owner,
    }
}

fn ends_equal(majors: (u32, u32)) {
    let Moved {
        migration,
        mover,
        owner,
    } = moved(majors, "copy: { jobs: 4 }\nverify: rows\n");
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
    let acts = format!("select pg_has_role('{mover}', '{owner}', 'usage')");
    assert_eq!(
        migration.ask_target(&acts),
        "f",
        "the membership was only for the migration"
    );
}

#[test]
fn a_role_that_may_make_databases_and_roles_migrates_from_15_to_15() {
    ends_equal((15, 15));
}

#[test]
fn a_role_that_may_make_databases_and_roles_migrates_from_15_to_18() {
    ends_equal((15, 18));
}

#[test]
fn an_abort_by_such_a_role_leaves_neither_database_nor_roles() {
    let Moved {
        migration, owner, ..
    } = moved((15, 18), "verify: rows\n");
    // The restore fails: the index cannot be built, because its function fails.
    migration.ask_source(&format!(
        "set role {owner};
         create function never() returns int language plpgsql immutable as
             $$ begin if current_database() like '%_moved' then raise exception 'never'; end if;
                return 1; end $$;
         create index on t ((id + public.never()))"
    ));
    migration.folder.apply().must_end(1, &["never"]);
    migration.folder.run(&["abort", "--yes"]).must_end(0, &[]);
    let left = format!(
        "select count(*) from (select datname from pg_database union all
             select rolname from pg_roles) x
         where datname in ('{}', '{owner}')",
        migration.target
    );
    assert_eq!(migration.to.psql("postgres", &left), "0");
}

#[test]
fn an_abort_leaves_a_role_that_another_database_has_come_to_need() {
    let migration = Migration::new((15, 18), "needed_role", "copy: { method: dump }\n");
    let owner = format!("{}_owner", migration.source);
    let migration = migration.fill(&format!(
        "create role {owner}; create table t (); alter table t owner to {owner}"
    ));
    // The restore fails, because the index's function does.
    migration.ask_source(
        "create function never() returns int language plpgsql immutable as
             $$ begin if current_database() like '%_moved' then raise exception 'never'; end if;
                return 1; end $$;
         create table late (id int); insert into late values (1);
         create index on late ((id + public.never()))",
    );
    migration.folder.apply().must_end(1, &["never"]);
    let other = migration.to.create_database("needs");
    let table = format!("create table t (); alter table t owner to {owner}");
    migration.to.psql(&other, &table);
    let aborted = migration.folder.run(&["abort", "--yes"]);
    aborted.must_end(0, &[]);
    let said: Vec<&str> = aborted.stdout.lines().collect();
    let left = format!("left target.role.{owner} in place: others need it");
    assert_eq!(said[..2], ["took back target.database", &left], "{said:?}");
    let there = format!("select count(*) from pg_roles where rolname = '{owner}'");
    assert_eq!(migration.to.psql("postgres", &there), "1");
}

#[test]
fn an_owner_that_cannot_be_given_is_refused_and_is_a_warning_with_errors_allowed() {
    an_owner_cannot_be_given("copy: { method: dump }");
}

#[test]
fn an_owner_that_cannot_be_given_is_a_warning_of_a_stream_too() {
    an_owner_cannot_be_given("copy: { method: stream }");
}

fn an_owner_cannot_be_given(copy: &str) {
    let Moved {
        migration, mover, ..
    } = moved((15, 15), "verify: rows\n");
    let other = format!("{mover}_other");
    migration.ask_source(&format!(
        "create role {other}; grant create on schema public to {other};
         alter function f() owner to {other}"
    ));
    // It is there, so that it is not made, and the mover may not act as it.
    migration
        .to
        .psql("postgres", &format!("create role {other}"));
    migration
        .folder
        .apply()
        .must_end(4, &["cannot give objects", &other]);
    let keys = format!("{copy}\nrestore: {{ allow_errors: true }}\nverify: rows\n");
    migration.plan_as(&mover, &keys);
    let ran = migration.folder.apply();
    ran.must_end(0, &[]);
    let said = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let warned = said
        .split_once("Migrated")
        .map(|(_, outcome)| outcome)
        .unwrap_or_default();
    assert!(warned.contains("OWNER TO"), "{}", ran.stdout);
    assert!(warned.contains("function public.f()"), "{}", ran.stdout);
    let differ = migration.differences();
    assert!(
        differ.iter().all(|d| d.contains("f()")) && !differ.is_empty(),
        "{differ:?}\n{}",
        ran.stdout
    );
}

#[test]
fn an_extension_that_takes_a_superuser_is_refused_by_name_even_with_errors_allowed() {
    let keys = "restore: { allow_errors: true }\n";
    let Moved { migration, .. } = moved((15, 15), keys);
    migration.ask_source("create extension hstore; create extension pg_stat_statements");
    let ran = migration.folder.apply();
    ran.must_end(4, &["only superusers may install: pg_stat_statements"]);
}

/// The mover may not set log_statement, nor a setting of an extension that is not loaded.
#[test]
fn settings_that_the_role_may_not_make_are_left_behind_by_name_and_the_rest_is_carried() {
    let Moved {
        migration, owner, ..
    } = moved((15, 18), "verify: rows\n");
    let name = &migration.source;
    migration.ask_source(&format!(
        "alter database {name} set log_statement = 'all';
         alter database {name} set app.tenant = 'one';
         alter database {name} set force_parallel_mode = on;
         alter role {owner} in database {name} set maintenance_work_mem = '6MB';
         alter role {owner} set log_min_messages = 'error'"
    ));
    let ran = migration.folder.apply();
    ran.must_end(0, &[]);
    let said = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let left = format!(
        "settings that the target does not take: app.tenant, force_parallel_mode, log_statement, \
         log_min_messages of role {owner}"
    );
    assert!(said.contains(&left), "{}", ran.stdout);
    let kept = "select string_agg(unnest, ' ' order by unnest) from pg_db_role_setting s
         join pg_database d on d.oid = setdatabase, unnest(setconfig)
         where datname = current_database()";
    assert_eq!(
        migration.ask_target(kept),
        "maintenance_work_mem=6MB work_mem=5MB"
    );
}

#[test]
fn a_membership_that_is_not_the_roles_to_grant_is_refused_by_name() {
    let Moved {
        migration, owner, ..
    } = moved((15, 18), "verify: rows\n");
    migration.ask_source(&format!("grant pg_monitor to {owner}"));
    let ran = migration.folder.apply();
    ran.must_end(4, &["may not make the new roles", "pg_monitor"]);
}

#[test]
fn what_the_role_may_not_read_is_refused_by_name_before_anything_is_made() {
    let Moved {
        migration,
        mover,
        owner,
    } = moved((15, 18), "verify: rows\n");
    migration.ask_source("alter table t enable row level security");
    migration.folder.apply().must_end(
        4,
        &["row-level security hides rows", "public.t", "bypassrls"],
    );
    migration.ask_source(&format!(
        "alter table t disable row level security; revoke pg_read_all_data from {mover}"
    ));
    migration
        .folder
        .apply()
        .must_end(4, &["may not read", "s.u", "pg_read_all_data"]);
    assert!(!migration.folder.state().exists(), "nothing began");
    migration.ask_source(&format!(
        "grant pg_read_all_data to {mover}; select lo_from_bytea(0, 'x')"
    ));
    migration
        .folder
        .apply()
        .must_end(4, &["may not read 1 large object on"]);
    let there = format!("select count(*) from pg_roles where rolname = '{owner}'");
    assert_eq!(migration.to.psql("postgres", &there), "0");
}

#[test]
fn select_on_everything_is_enough_to_read() {
    let Moved {
        migration, mover, ..
    } = moved((15, 18), "verify: rows\n");
    migration.ask_source(&format!(
        "revoke pg_read_all_data from {mover}; grant usage on schema s to {mover};
         grant select on all tables in schema public, s to {mover};
         grant select on all sequences in schema public, s to {mover}"
    ));
    // The mover is a grantee now: it is there on both sides.
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
}
