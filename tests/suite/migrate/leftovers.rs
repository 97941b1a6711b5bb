//! What is in the way of a migration, or left of one: locks of others, a dump that was removed, a
//! migration that is over. Never waits longer than for an answer.

use super::ground::Migration;
use crate::support::programs::{client, must};
use crate::support::{Cluster, newest_tools};
use std::io::Write as _;
use std::process::{Child, Stdio};

/// A session that has run some SQL, and stays as it is until it is dropped.
struct Session(Child);

impl Session {
    fn of(cluster: &Cluster, database: &str, sql: &str) -> Self {
        let mut psql = client(&newest_tools(), "psql");
        psql.args(["-XqAt", "-d", &cluster.url(database)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = psql.spawn().expect("psql is there");
        let stdin = child.stdin.as_mut().expect("it is a pipe");
        writeln!(stdin, "{sql};\n\\echo done").expect("psql reads");
        let stdout = child.stdout.as_mut().expect("it is a pipe");
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(stdout));
        assert!(
            lines.any(|line| line.expect("it is text") == "done"),
            "psql ended"
        );
        Self(child)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.0.kill().expect("it is ours");
        self.0.wait().expect("it is ours");
    }
}

#[test]
fn applying_what_is_complete_says_that_there_is_nothing_to_do_before_the_proof() {
    let migration = Migration::new((15, 15), "complete", "").fill("create table t ()");
    migration.folder.apply().must_end(0, &[]);
    let again = migration.folder.apply();
    again.must_end(0, &[]);
    let mut lines = again.stdout.lines();
    let first = lines.next().expect("it says something");
    assert!(
        first.starts_with("Nothing to do: completed at 20"),
        "{first}"
    );
    again.must_tell("proven");
}

#[test]
fn rows_that_belong_to_other_partitions_on_the_target_are_refused_before_anything_is_copied() {
    let migration = Migration::new((15, 18), "moods", "").fill(
        "create type mood as enum ('a', 'b', 'c');
         create table moods (mood mood, n int) partition by hash (mood);
         create table moods_0 partition of moods for values with (modulus 2, remainder 0);
         create table moods_1 partition of moods for values with (modulus 2, remainder 1);
         insert into moods select (enum_range(null::mood))[n % 3 + 1], n from generate_series(1, 30) n;
         create table others (n int) partition by hash (n);
         create table others_0 partition of others for values with (modulus 1, remainder 0);
         insert into others select generate_series(1, 30)",
    );
    let words = ["partitioned by hash of an enum", "public.moods"];
    migration.folder.apply().must_end(4, &words);
    migration.plan("exclude: { tables: [public.moods] }\n");
    migration.folder.apply().must_end(0, &[]);
    assert_eq!(migration.ask_target("select count(*) from others"), "30");
}

/// A table comes and goes all the time, and with it what the catalogs of the snapshot still hold.
#[test]
fn a_schema_that_changes_while_it_is_read_does_not_keep_it_from_being_read() {
    let migration = Migration::new((15, 15), "busy_schema", "").fill("create table t (n int)");
    let (from, source) = (&migration.from, &migration.source);
    let busy = "do $$ begin loop
        create table comes (a int primary key, b int references comes); commit;
        drop table comes; commit; end loop; end $$";
    let mut psql = client(&newest_tools(), "psql");
    let mut psql = psql
        .args(["-Xq", "-d", &from.url(source), "-c", busy])
        .spawn()
        .expect("psql is there");
    let planned: Vec<_> = (0..10).map(|_| migration.folder.run(&["plan"])).collect();
    // Its server would go on without it.
    from.psql(
        "postgres",
        &format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{source}'"
        ),
    );
    psql.wait().expect("it is ours");
    for planned in planned {
        planned.must_end(0, &[]);
    }
}

#[test]
fn a_migration_that_never_began_leaves_no_state_directory() {
    let migration = Migration::new((15, 15), "never_begun", "");
    let nowhere = migration.folder.path().join("nowhere");
    let sql = format!(
        "version: 1\nsource:\n  url: \"postgres://postgres@{}/x\"\n",
        nowhere.display()
    )
    .replace(
        &nowhere.display().to_string(),
        &nowhere.display().to_string().replace('/', "%2F"),
    );
    let target = migration.to.url(&migration.target);
    migration
        .folder
        .write(&format!("{sql}target:\n  url: \"{target}\"\n"));
    migration.folder.apply().must_end(1, &["nowhere"]);
    assert!(!migration.folder.state().exists());
}

#[test]
fn a_dump_that_was_removed_by_hand_is_made_again() {
    let migration = Migration::new(
        (15, 15),
        "no_dump_any_more",
        "copy: { method: dump }\nverify: rows\n",
    )
    .fill(
        "create table t (id int); insert into t values (1);
         create function never() returns int language plpgsql immutable as
             $$ begin if current_database() like '%_moved' then raise exception 'never'; end if;
                return 1; end $$;
         create index at_fault on t ((id + public.never()))",
    );
    migration.folder.apply().must_end(1, &["never"]);
    migration.ask_source("drop index at_fault; insert into t values (2)");
    let dump = migration.folder.state().join("dump");
    // Half of it, as a cleaner of old files may leave it.
    std::fs::remove_file(dump.join("toc.dat")).expect("the dump is there");
    migration.folder.apply().must_end(0, &["the dump is gone"]);
    migration.must_be_equal();
}

#[test]
fn a_plan_names_who_holds_a_table_instead_of_waiting_for_ever() {
    let keys = "thresholds: { lock_timeout: 1s }\n";
    let migration = Migration::new((15, 15), "locked", keys).fill("create table t ()");
    let lock = "begin; lock table t in access exclusive mode";
    let session = Session::of(migration.from, &migration.source, lock);
    let said = migration.folder.run(&["plan"]);
    let words = [
        "not let go of within 1.0 s",
        "of user postgres holds public.t",
        "in a transaction that began",
        "with a statement of 20",
        "select pg_terminate_backend(",
    ];
    said.must_end(1, &words);
    assert!(!said.stderr.contains("lock table t"), "{}", said.stderr);
    drop(session);
    migration.ask_source(&format!("{lock}; prepare transaction 'forgotten'"));
    let words = [
        "prepared transaction forgotten of user postgres holds public.t",
        "rollback prepared 'forgotten'",
    ];
    migration.folder.run(&["plan"]).must_end(1, &words);
    migration.ask_source("rollback prepared 'forgotten'");
    migration.folder.run(&["plan"]).must_end(0, &[]);
}

/// Another machine may not be let into the database that this one takes the lock in.
#[test]
fn a_lock_that_another_machine_took_in_another_database_counts() {
    let migration = Migration::new((15, 15), "elsewhere", "").fill("create table t ()");
    let other = migration.to.create_database("elsewhere");
    let lock = format!(
        "select pg_advisory_lock(hashtextextended('pg_dbmigrator {}', 0))",
        migration.target
    );
    let session = Session::of(migration.to, &other, &lock);
    migration
        .folder
        .apply()
        .must_end(9, &["another migration is filling"]);
    drop(session);
    let gone = "select count(*) from pg_locks where locktype = 'advisory'";
    while migration.to.psql("postgres", gone) != "0" {}
    migration.folder.apply().must_end(0, &[]);
}

/// As one value it would have more than 1 GiB. The object is all holes, so that it costs no disk.
#[test]
fn a_large_object_of_more_than_a_gibibyte_can_be_hashed() {
    let migration = Migration::new((15, 15), "large", "verify: rows\n").fill(
        "begin;
         select lo_truncate64(lo_open(lo_create(77), 131072), 1200000000);
         select lo_put(77, 1199999999, 'x');
         commit",
    );
    let plan = migration.folder.run(&["plan", "--show-sql"]);
    let measured = plan
        .stdout
        .split_once("select 'large objects'")
        .expect("it is measured")
        .1;
    let ends = measured
        .find("from pg_largeobject_metadata")
        .expect("it ends so");
    let hash = || {
        let sql = format!(
            "select 'large objects'{}from pg_largeobject_metadata",
            &measured[..ends]
        );
        let mut psql = client(&newest_tools(), "psql");
        must(psql.args([
            "-XqAt",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            &migration.from.url(&migration.source),
            "-c",
            &sql,
        ]))
    };
    let before = hash();
    assert!(before.starts_with("large objects|1|"), "{before}");
    migration.ask_source("select lo_put(77, 1199999998, 'y')");
    assert_ne!(hash(), before);
}
