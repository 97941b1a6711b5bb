//! A database with one of everything ends equal, whatever is there before, within a major and
//! across majors. Never uses a filter.

use super::ground::Migration;
use crate::support::tool::Ran;
use std::sync::{Mutex, PoisonError};

fn one_of_everything_ends_equal(majors: (u32, u32), jobs: u32) {
    copied_so_it_ends_equal(majors, &format!("jobs: {jobs}"));
}

fn copied_so_it_ends_equal(majors: (u32, u32), copy: &str) {
    let keys = format!("copy: {{ {copy} }}\nverify: rows\n");
    let migration = Migration::new(majors, "everything", &keys).load("one_of_everything.sql");
    let ran = apply(&migration);
    ran.must_end(0, &[]);
    is_everything_but_the_subscription(&migration, &ran);
}

/// One at a time: each makes the roles that are missing, and they are the same for all.
fn apply(migration: &Migration) -> Ran {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    migration.folder.apply()
}

/// A second subscription to one publisher would double its rows: the plan and the outcome say that
/// it stays, and all else is there.
#[track_caller]
fn is_everything_but_the_subscription(migration: &Migration, ran: &Ran) {
    ran.must_tell("Subscription not_connected");
    migration.must_differ_only_in(&["not_connected; Type: SUBSCRIPTION"]);
}

#[test]
fn one_of_everything_ends_equal_from_15_to_15() {
    one_of_everything_ends_equal((15, 15), 1);
    one_of_everything_ends_equal((15, 15), 4);
}

#[test]
fn one_of_everything_ends_equal_from_15_to_18() {
    one_of_everything_ends_equal((15, 18), 1);
    one_of_everything_ends_equal((15, 18), 4);
}

#[test]
fn one_of_everything_ends_equal_from_16_to_18() {
    one_of_everything_ends_equal((16, 18), 1);
    one_of_everything_ends_equal((16, 18), 4);
}

/// The whole of it side by side in small pieces, then table by table.
fn one_of_everything_streamed_ends_equal(majors: (u32, u32)) {
    copied_so_it_ends_equal(majors, "method: stream, jobs: 4, split_larger_than: 8KiB");
    copied_so_it_ends_equal(majors, "method: stream, jobs: 1, format: text");
}

#[test]
fn one_of_everything_streamed_ends_equal_from_15_to_15() {
    one_of_everything_streamed_ends_equal((15, 15));
}

#[test]
fn one_of_everything_streamed_ends_equal_from_15_to_18() {
    one_of_everything_streamed_ends_equal((15, 18));
}

#[test]
fn one_of_everything_streamed_ends_equal_from_16_to_18() {
    one_of_everything_streamed_ends_equal((16, 18));
}

#[test]
fn contributed_extensions_streamed_end_equal() {
    let keys = "copy: { method: stream }\nverify: rows\n";
    let migration = Migration::new((15, 15), "contrib", keys).load("contrib.sql");
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
}

#[test]
fn contributed_extensions_end_equal() {
    let migration = Migration::new((15, 15), "contrib", "verify: rows\n").load("contrib.sql");
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
}

/// The target as an operator may have made it: there, and empty, but otherwise not like the source.
fn into_an_empty_database(majors: (u32, u32)) {
    let migration = Migration::new(majors, "prepared", "verify: rows\n");
    let name = &migration.target;
    let create = format!(
        "create role \"{name}\"; create database \"{name}\" owner \"{name}\" template template0;
         grant create on database \"{name}\" to public"
    );
    migration.to.psql("postgres", &create);
    let migration = migration.load("one_of_everything.sql");
    let ran = apply(&migration);
    ran.must_end(0, &[]);
    is_everything_but_the_subscription(&migration, &ran);
}

#[test]
fn a_database_that_is_there_and_empty_is_filled_and_gets_the_owner_of_the_source() {
    into_an_empty_database((15, 15));
    into_an_empty_database((15, 18));
}

#[test]
fn a_filled_database_is_refused_by_name_and_replaced_when_the_plan_says_so() {
    let migration =
        Migration::new((15, 18), "filled", "verify: rows\n").load("one_of_everything.sql");
    let name = &migration.target;
    migration.to.psql(
        "postgres",
        &format!("create database \"{name}\" template template0"),
    );
    let mine = "create table kept_safe (id int); insert into kept_safe values (1)";
    migration.to.psql(name, mine);
    migration
        .folder
        .apply()
        .must_end(4, &["table public.kept_safe", "restore.existing: replace"]);
    assert_eq!(migration.ask_target("select id from kept_safe"), "1");
    migration.plan("restore: { existing: replace }\nverify: rows\n");
    let ran = apply(&migration);
    ran.must_end(0, &[]);
    is_everything_but_the_subscription(&migration, &ran);
}

/// TRUNCATE is not MVCC-safe: committed between the snapshot and the lock of `pg_dump`, it would
/// leave the snapshot an empty table, and the count of the source would agree.
#[test]
fn a_table_cannot_be_truncated_between_the_snapshot_and_the_dump() {
    let filled = "create table t as select generate_series(1, 1000) as id";
    let migration = Migration::new(
        (15, 15),
        "truncated",
        "copy: { method: dump }\nverify: rows\n",
    )
    .fill(filled);
    let truncate = "do $$ declare
          late timestamptz := clock_timestamp() + interval '1 min';
        begin
          loop
            perform pg_stat_clear_snapshot();
            exit when exists (select from pg_stat_activity where pid <> pg_backend_pid()
              and datname = current_database() and query like '%pg_export_snapshot%');
            if clock_timestamp() > late then raise 'no snapshot was exported'; end if;
          end loop;
          set local lock_timeout = '1ms';
          truncate t;
        exception when lock_not_available then
          null;
        end $$";
    let ran = std::thread::scope(|scope| {
        scope.spawn(|| migration.ask_source(truncate));
        migration.folder.apply()
    });
    ran.must_end(0, &[]);
    assert_eq!(migration.ask_source("select count(*) from t"), "1000");
    assert_eq!(migration.ask_target("select count(*) from t"), "1000");
}

#[test]
fn a_collation_of_icu_is_refused_by_name_where_the_target_has_no_icu() {
    let collation = "create collation by_number (provider = icu, locale = 'de-u-kn-true')";
    let migration = Migration::new((15, 18), "icu", "verify: rows\n").fill(collation);
    migration
        .folder
        .apply()
        .must_end(4, &["built without it: public.by_number"]);
    let to_itself = Migration::new((15, 15), "icu", "verify: rows\n").fill(collation);
    to_itself.folder.apply().must_end(0, &[]);
    to_itself.must_be_equal();
}
