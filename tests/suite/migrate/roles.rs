//! Roles that a migration makes have all that they had, but for their passwords.
//! Never uses a role that another test needs.

use super::ground::Migration;
use crate::support::compare::{Database, role_differences};

/// Two roles that own objects, and the roles that they are members of, by every option there is.
fn ends_equal(majors: (u32, u32)) {
    let migration = Migration::new(majors, "roles", "verify: rows\n");
    let stem = migration.source.clone();
    let options = if majors.0 >= 16 {
        format!(
            "grant {stem}_watched to {stem}_owner with inherit false, set false;
             grant {stem}_group to {stem}_owner with admin option, set false;
             grant {stem}_group to {stem}_silent with inherit true;"
        )
    } else {
        format!("grant {stem}_group to {stem}_owner with admin option;")
    };
    let migration = migration.fill(&format!(
        "create role {stem}_group;
         create role {stem}_watched valid until 'infinity';
         create role {stem}_silent noinherit in role {stem}_watched;
         create role {stem}_owner login connection limit 3 valid until '2041-05-06 07:08:09+02';
         {options}
         alter role {stem}_owner set work_mem = '9MB';
         alter role {stem}_owner set search_path = 'a \"schema\"', public;
         alter role {stem}_group set app.tenant = 'it''s';
         comment on role {stem}_owner is 'it''s the owner';
         create table t (id int); alter table t owner to {stem}_owner;
         create view v as select 1 as one; alter view v owner to {stem}_silent"
    ));
    let ran = migration.folder.apply();
    ran.must_end(0, &[]);
    assert!(!ran.stdout.contains("ALTER ROLE"), "{}", ran.stdout);
    let differences = role_differences(
        Database::on(migration.from, &migration.source),
        Database::on(migration.to, &migration.target),
    );
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn roles_that_are_made_have_memberships_settings_and_an_end_as_on_the_source() {
    ends_equal((15, 15));
    ends_equal((15, 18));
    ends_equal((16, 18));
}

#[test]
fn settings_of_a_role_that_was_there_before_stay_as_they_are_and_are_named_as_left_behind() {
    let migration = Migration::new((15, 18), "known_role", "");
    let role = format!("{}_owner", migration.source);
    let made = format!("create role {role}; alter role {role} set work_mem = '5MB'");
    migration.to.psql("postgres", &made);
    let migration = migration.fill(&format!(
        "create role {role}; alter role {role} set work_mem = '9MB';
         create table t (); alter table t owner to {role}"
    ));
    let ran = migration.folder.apply();
    ran.must_end(0, &[]);
    let said = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains(&format!("roles that are not made: {role}")),
        "{}",
        ran.stdout
    );
    let set = format!("select rolconfig from pg_roles where rolname = '{role}'");
    assert_eq!(migration.ask_target(&set), "{work_mem=5MB}");
}

#[test]
fn settings_that_a_newer_major_does_not_know_are_left_behind_by_name() {
    let migration = Migration::new((15, 18), "old_setting", "verify: rows\n");
    let name = migration.source.clone();
    let migration = migration.fill(&format!(
        "create table t ();
         alter database {name} set force_parallel_mode = on;
         alter database {name} set app.tenant = 'one'"
    ));
    let plan = migration.folder.run(&["plan"]);
    let found = "settings that PostgreSQL 18 on the target does not know";
    assert!(plan.stdout.contains(found), "{}", plan.stdout);
    let ran = migration.folder.apply();
    ran.must_end(0, &[]);
    let left = "settings that the target does not take: force_parallel_mode";
    assert!(ran.stdout.contains(left), "{}", ran.stdout);
    migration.must_differ_only_in(&["settings of the database"]);
    assert_eq!(migration.ask_target("show app.tenant"), "one");
}
