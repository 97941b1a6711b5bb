//! What is lost or changed between restore and proof is found by the proof, and named.
//! Never changes the program under test: client programs that misbehave stand in for bad luck.

use super::ground::Migration;
use crate::support::tools;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A little of everything that can go missing.
const SHOP: &str = "
    do $$ begin
        execute format('alter database %I set work_mem = %L', current_database(), '5MB');
        execute format('comment on database %I is %L', current_database(), 'the shop');
    end $$;
    create table orders (id int primary key, note text);
    insert into orders select n, 'order ' || n from generate_series(1, 50) n;
    create table visits (page text, at date);
    insert into visits values ('home', '2026-01-01'), ('home', '2026-01-01'), ('cart', null);
    create index orders_by_note on orders (note);
    comment on table orders is 'what was bought';
    comment on column orders.note is 'said by the customer';
    create sequence numbers;
    select setval('numbers', 42);
    create sequence untouched;
    grant select on orders to shop_reader;
    create view notes as select note from orders;
    create materialized view note_count as select count(*) from orders;
    create function twice(int) returns int language sql as 'select 2 * $1';
    create rule no_deletes as on delete to visits do instead nothing;
    select lo_from_bytea(4711, '\\x00010203');
";

/// A change that nobody meant, and words by which the proof must name it.
const LOSSES: &[(&str, &[&str])] = &[
    (
        "delete from orders where id = 7",
        &["public.orders", "50 rows on the source, 49 on the target"],
    ),
    (
        "delete from orders",
        &["public.orders", "50 rows on the source, 0 on the target"],
    ),
    (
        "update orders set note = 'other' where id = 7",
        &["public.orders", "not the same rows"],
    ),
    (
        "update orders set note = null where id = 7",
        &["public.orders", "not the same rows"],
    ),
    (
        "insert into visits values ('home', '2026-01-01')",
        &["public.visits", "3 rows on the source, 4 on the target"],
    ),
    // As many rows as before, and under XOR the same hash.
    (
        "alter table visits disable rule no_deletes; delete from visits where page = 'home';
      insert into visits values ('cart', null), ('cart', null);
      alter table visits enable rule no_deletes",
        &["public.visits", "not the same rows"],
    ),
    ("select setval('numbers', 41)", &["sequence public.numbers"]),
    (
        "select setval('numbers', 42, false)",
        &["sequence public.numbers"],
    ),
    (
        "select nextval('untouched')",
        &["sequence public.untouched"],
    ),
    ("alter sequence numbers increment 2", &["public.numbers"]),
    ("drop index orders_by_note", &["orders_by_note"]),
    (
        "alter table orders drop constraint orders_pkey",
        &["orders_pkey"],
    ),
    (
        "alter table orders alter note set not null",
        &["public.orders"],
    ),
    ("drop view notes", &["public.notes"]),
    (
        "create or replace view notes as select 'x'::text as note from orders",
        &["public.notes"],
    ),
    ("drop function twice", &["public.twice"]),
    ("create table left_over (id int)", &["public.left_over"]),
    (
        "comment on table orders is 'something else'",
        &["public.orders"],
    ),
    (
        "comment on column orders.note is null",
        &["public.orders", "note"],
    ),
    (
        "revoke select on orders from shop_reader",
        &["public.orders"],
    ),
    ("grant insert on orders to shop_reader", &["public.orders"]),
    (
        "alter table orders owner to shop_reader",
        &["public.orders", "owner"],
    ),
    (
        "refresh materialized view note_count with no data",
        &["public.note_count"],
    ),
    ("select lo_put(4711, 2, '\\xff')", &["large objects"]),
    ("select lo_unlink(4711)", &["large objects"]),
    (
        "alter large object 4711 owner to shop_reader",
        &["large objects"],
    ),
    (
        "grant select on large object 4711 to shop_reader",
        &["large objects"],
    ),
    (
        "comment on large object 4711 is 'a picture'",
        &["large objects"],
    ),
    ("select lo_from_bytea(4712, '')", &["large objects"]),
];

/// The same for what is set after the restore, which a later step of the plan can only change
/// between its own steps.
const DATABASE_LOSSES: &[(&str, &[&str])] = &[
    (
        "alter database :\"DBNAME\" set statement_timeout = '1min'",
        &["statement_timeout"],
    ),
    (
        "alter database :\"DBNAME\" connection limit 9",
        &["connection limit 9"],
    ),
    (
        "grant create on database :\"DBNAME\" to shop_reader",
        &["shop_reader"],
    ),
];

fn shop(stem: &str) -> Migration {
    let migration = Migration::new((15, 15), stem, "");
    migration.with_role("shop_reader").fill(SHOP)
}

/// A folder with client programs of `major`, of which one is the script given. In the script,
/// `$REAL` is the real one.
fn programs(migration: &Migration, major: u32, program: &str, script: &str) -> PathBuf {
    let (real, folder) = (tools(major), migration.folder.path().join("programs"));
    std::fs::create_dir(&folder).expect("the folder is new");
    for name in ["pg_dump", "pg_restore"] {
        let (file, real) = (folder.join(name), real.join(name));
        let run = if name == program {
            script
        } else {
            "exec \"$REAL\" \"$@\""
        };
        // Not when asked for the version.
        let text = format!(
            "#!/bin/sh\nREAL='{}'\n[ \"$1\" = --version ] && exec \"$REAL\" \"$@\"\n{run}\n",
            real.display()
        );
        std::fs::write(&file, text).expect("the folder is ours");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("ours");
    }
    folder
}

/// The keys of a plan that uses these programs.
fn keys(programs: &Path, more: &str) -> String {
    format!(
        "copy: {{ method: dump, jobs: 1, tools: {} }}\nverify: rows\n{more}",
        programs.display()
    )
}

/// A migration whose `pg_restore` does its work, and then `sql` in the target.
fn sabotaged(sql: &str) -> Migration {
    let migration = shop("sabotage");
    let file = migration.folder.path().join("sabotage.sql");
    std::fs::write(&file, sql).expect("the folder is ours");
    let script = format!(
        "\"$REAL\" \"$@\" || exit\nexec {}/psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d '{}' -f {}",
        tools(15).display(),
        migration.to.url(&migration.target),
        file.display(),
    );
    let programs = programs(&migration, 15, "pg_restore", &script);
    migration.plan(&keys(&programs, ""));
    migration
}

#[test]
fn without_sabotage_the_same_ground_ends_equal() {
    let migration = sabotaged("");
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
}

#[test]
fn every_loss_between_restore_and_proof_is_exit_6_with_the_name_of_what_is_lost() {
    for (sql, words) in LOSSES {
        let ran = sabotaged(sql).folder.apply();
        assert_eq!(ran.exit, Some(6), "{sql}\n{}{}", ran.stdout, ran.stderr);
        for word in *words {
            assert!(
                ran.stderr.contains(word),
                "{sql}: no {word} in\n{}",
                ran.stderr
            );
        }
    }
}

#[test]
fn a_database_with_more_settings_than_the_source_is_exit_6() {
    for (sql, words) in DATABASE_LOSSES {
        sabotaged(sql).folder.apply().must_end(6, words);
    }
}

#[test]
fn a_second_apply_does_not_turn_a_difference_into_a_pass() {
    let migration = sabotaged("delete from orders where id = 7");
    migration.folder.apply().must_end(6, &["public.orders"]);
    migration.folder.apply().must_end(6, &["public.orders"]);
}

#[test]
fn a_dump_that_leaves_out_a_table_and_says_nothing_is_exit_6() {
    let migration = shop("short_dump");
    let programs = programs(
        &migration,
        15,
        "pg_dump",
        "exec \"$REAL\" --exclude-table=public.visits \"$@\"",
    );
    migration.plan(&keys(&programs, ""));
    migration.folder.apply().must_end(
        6,
        &["table public.visits is only on the source", "not compared"],
    );
}

#[test]
fn a_dump_without_the_rows_of_a_table_is_exit_6() {
    let migration = shop("empty_table");
    let script = "exec \"$REAL\" --exclude-table-data=public.orders \"$@\"";
    let programs = programs(&migration, 15, "pg_dump", script);
    migration.plan(&keys(&programs, ""));
    migration.folder.apply().must_end(
        6,
        &["table public.orders: 50 rows on the source, 0 on the target"],
    );
}

#[test]
fn a_pg_dump_that_claims_success_without_a_dump_fails_and_can_be_resumed() {
    let migration = shop("no_dump");
    let mark = migration.folder.path().join("second");
    let script = format!(
        "[ -e {0} ] && exec \"$REAL\" \"$@\"\ntouch {0}; exit 0",
        mark.display()
    );
    let programs = programs(&migration, 15, "pg_dump", &script);
    migration.plan(&keys(&programs, ""));
    let ran = migration.folder.apply();
    assert_eq!(ran.exit, Some(1), "{}{}", ran.stdout, ran.stderr);
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
}

#[test]
fn a_pg_restore_that_a_signal_ends_is_exit_1_even_with_errors_allowed_and_resumes() {
    let migration = shop("killed");
    let mark = migration.folder.path().join("second");
    let script = format!(
        "[ -e {0} ] && exec \"$REAL\" \"$@\"\ntouch {0}; kill -9 $$",
        mark.display()
    );
    let programs = programs(&migration, 15, "pg_restore", &script);
    migration.plan(&keys(&programs, "restore: { allow_errors: true }\n"));
    migration
        .folder
        .apply()
        .must_end(1, &["pg_restore did not succeed", "signal: 9"]);
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
}

#[test]
fn a_lost_connection_is_exit_1_even_with_errors_allowed_and_resumes() {
    let migration = shop("lost");
    let mark = migration.folder.path().join("second");
    // The first time, the session that restores ends at a comment, which could otherwise be missed.
    let file = migration.folder.path().join("cut.sql");
    let cut = "create function cut() returns event_trigger language plpgsql as
                   $$ begin perform pg_terminate_backend(pg_backend_pid()); end $$;
               create event trigger cut on ddl_command_start when tag in ('COMMENT')
                   execute function cut()";
    std::fs::write(&file, cut).expect("the folder is ours");
    let script = format!(
        "if ! [ -e {0} ]; then touch {0}; {1}/psql -X -q -d '{2}' -f {3} || exit; fi\n\
         exec \"$REAL\" \"$@\"",
        mark.display(),
        tools(15).display(),
        migration.to.url(&migration.target),
        file.display(),
    );
    let programs = programs(&migration, 15, "pg_restore", &script);
    migration.plan(&keys(&programs, "restore: { allow_errors: true }\n"));
    migration
        .folder
        .apply()
        .must_end(1, &["terminating connection", "Command was: COMMENT ON"]);
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
}

/// Rows come while the structure is dumped, long before those of a streamed copy are counted.
fn late_rows_are_a_warning(method: &str) {
    let migration = shop("busy");
    let script = format!(
        "\"$REAL\" \"$@\" || exit\nexec {}/psql -X -q -v ON_ERROR_STOP=1 -d '{}' \
         -c \"insert into orders values (51, 'late')\" -c 'select pg_stat_force_next_flush()' -o /dev/null",
        tools(15).display(),
        migration.from.url(&migration.source),
    );
    let programs = programs(&migration, 15, "pg_dump", &script);
    migration.plan(&keys(&programs, "").replace("method: dump", method));
    let ran = migration.folder.apply();
    ran.must_end(0, &[]);
    let said = ran.stdout.replace("\n           ", " ");
    let warning = "the source was written to after the snapshot, or within seconds before it; rows \
                   that came after it are not on the target: public.orders";
    assert!(said.contains(warning), "{method}: {}", ran.stdout);
    assert_eq!(migration.ask_target("select count(*) from orders"), "50");
}

#[test]
fn rows_written_to_the_source_after_the_snapshot_are_a_warning_that_names_their_table() {
    late_rows_are_a_warning("method: dump");
    late_rows_are_a_warning("method: stream");
}

/// Numbers are given out without a pause.
const COUNTING: &str = "do $$ begin loop perform nextval('numbers'); perform pg_sleep(0.0005); \
    end loop; end $$";

#[test]
fn a_sequence_that_moves_while_it_is_copied_is_no_difference() {
    for method in ["stream", "dump"] {
        let keys = format!("copy: {{ method: {method} }}\nverify: rows\n");
        let migration = Migration::new((15, 15), "counting", &keys).fill(
            "create sequence numbers; create table t as select generate_series(1, 200000) as n",
        );
        let mut psql = crate::support::programs::client(&crate::support::tools(15), "psql");
        let url = migration.from.url(&migration.source);
        let counting = psql.args(["-qtAX", &url, "-c", COUNTING]);
        let counting = counting.stderr(std::process::Stdio::null());
        let mut counting = counting.spawn().expect("psql starts");
        let counts = || migration.ask_source("select last_value > 20 from numbers") == "t";
        crate::support::wait_until("numbers are given out", counts);
        let ran = migration.folder.apply();
        migration.from.psql(
            "postgres",
            "select pg_terminate_backend(pid) from pg_stat_activity where query like 'do %numbers%'",
        );
        counting.wait().expect("it is a child");
        assert_eq!(ran.exit, Some(0), "{method}: {ran:?}");
        assert_eq!(
            migration.ask_target("select last_value > 20 from numbers"),
            "t"
        );
    }
}
