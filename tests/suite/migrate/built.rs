//! What streaming makes itself and a dump would have made: foreign keys, statistics, large objects, and
//! the order in which the rest comes. Never looks at how long it took.

use super::ground::Migration;

const STREAM: &str = "copy: { method: stream, jobs: 3 }\nverify: rows\n";

/// More tables than one statement counts, of values whose text depends on settings, in a database that
/// has its own.
const MANY_IN_BERLIN: &str = "do $$ begin
    execute format('alter database %I set timezone = %L', current_database(), 'Europe/Berlin');
    execute format('alter database %I set datestyle = %L', current_database(), 'German');
    for n in 1..120 loop
        execute format('create table moments_%s as select 1.50 as amount, now() as at', n);
    end loop; end $$";

#[test]
fn rows_of_many_tables_are_compared_by_the_same_text_whatever_the_settings_of_the_database() {
    let migration = Migration::new((15, 15), "berlin", "copy: { jobs: 1 }\nverify: rows\n");
    let migration = migration.fill(MANY_IN_BERLIN);
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
}

/// Every kind of foreign key, with a row that one of them never looked at.
const FOREIGN_KEYS: &str = "
    comment on schema public is 'said of what is there by itself';
    grant create on schema public to public;
    create table parent (id int primary key, code text unique);
    insert into parent select n, 'code ' || n from generate_series(1, 100) n;
    create table child (id int primary key, parent int, code text, up int,
        constraint simple foreign key (parent) references parent on delete cascade,
        constraint later foreign key (code) references parent (code) deferrable initially deferred,
        constraint itself foreign key (up) references child on update set null);
    insert into child select n, n, 'code ' || n, n from generate_series(1, 100) n;
    comment on constraint simple on child is 'to its parent';
    create table loose (parent int);
    insert into loose values (1), (-1);
    alter table loose add constraint never_proven foreign key (parent) references parent not valid;
    create table days (day date, id int, up_day date, up int, parent int references parent, primary key (day, id))
        partition by range (day);
    create table days_old partition of days for values from (minvalue) to ('2024-01-01') partition by list (id);
    create table days_old_1 partition of days_old for values in (1);
    create table days_old_rest partition of days_old default;
    create table days_new partition of days default;
    insert into days select date '2023-12-01' + n, n, date '2023-12-01' + n, n, n from generate_series(1, 60) n;
    alter table days add constraint both_partitioned foreign key (up_day, up) references days;
    alter table days_new add constraint of_one_alone foreign key (id) references parent;
    create table diary (day date, id int,
        constraint to_partitioned foreign key (day, id) references days on delete cascade);
    insert into diary select day, id from days;
    comment on constraint to_partitioned on diary is 'to all of them';
";

/// What 18 knows besides.
const FOREIGN_KEYS_OF_18: &str = "
    create extension btree_gist;
    create table rooms (id int, during daterange, primary key (id, during without overlaps));
    insert into rooms values (1, '[2024-01-01,2025-01-01)');
    create table bookings (room int, during daterange,
        constraint in_time foreign key (room, period during) references rooms (id, period during));
    insert into bookings values (1, '[2024-02-01,2024-03-01)');
    create table doubtful (parent int constraint not_enforced references parent not enforced);
    insert into doubtful values (-1);
    create table many (parent int) partition by hash (parent);
    create table many_0 partition of many for values with (modulus 1, remainder 0);
    insert into many values (-1);
    alter table many add constraint many_never_proven foreign key (parent) references parent not valid;
";

/// Those that PostgreSQL derives for partitions are looked at too.
const VALIDATED: &str = "
    select conrelid::regclass, confrelid::regclass, convalidated, count(*)
    from pg_constraint where contype = 'f' group by 1, 2, 3
    order by conrelid::regclass::text, confrelid::regclass::text, 3";

fn foreign_keys_end_as_they_were(majors: (u32, u32), more: &str) {
    let migration = Migration::new(majors, "keys", STREAM);
    let migration = migration.fill(FOREIGN_KEYS).fill(more);
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
    let there = migration.ask_source(VALIDATED);
    assert!(there.contains("loose|parent|f|1"), "{there}");
    assert_eq!(migration.ask_target(VALIDATED), there);
}

#[test]
fn foreign_keys_of_every_kind_end_as_they_were() {
    foreign_keys_end_as_they_were((15, 15), "select");
    foreign_keys_end_as_they_were((15, 18), "select");
}

#[test]
fn foreign_keys_of_18_end_as_they_were() {
    let has_btree_gist = "select count(*) from pg_available_extensions where name = 'btree_gist'";
    let cluster = crate::support::Cluster::shared(18);
    let more = match cluster.psql("postgres", has_btree_gist).as_str() {
        "0" => FOREIGN_KEYS_OF_18
            .split_once("create table doubtful")
            .map(|(_, rest)| format!("create table doubtful{rest}")),
        _ => Some(FOREIGN_KEYS_OF_18.to_owned()),
    };
    foreign_keys_end_as_they_were((18, 18), &more.expect("it is there"));
}

#[test]
fn a_row_without_its_parent_is_an_error_that_names_the_foreign_key() {
    let migration = Migration::new((15, 15), "orphan", STREAM).fill(FOREIGN_KEYS);
    // As an application may that sets session_replication_role.
    migration.ask_source(
        "set session_replication_role = replica; update child set parent = -1 where id = 1",
    );
    migration
        .folder
        .apply()
        .must_end(1, &["violates foreign key constraint \"simple\""]);
    migration.ask_source("update child set parent = 1 where id = 1");
    migration.folder.run(&["abort", "--yes"]).must_end(0, &[]);
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
}

/// REFRESH MATERIALIZED VIEW would wake it, and to remove the migration's own marks.
#[test]
fn no_statement_of_a_streamed_copy_wakes_an_event_trigger() {
    let migration = Migration::new((15, 18), "awake", STREAM).fill(
        "create table t as select 1 as a;
         create materialized view seen as select a from t;
         create materialized view seen_again as select a from seen;
         create unique index on seen_again (a);
         create function awake() returns event_trigger language plpgsql as
            $$ begin raise exception 'an event trigger fired at %', tg_tag; end $$;
         create event trigger starts on ddl_command_start execute function awake();
         comment on event trigger starts is 'at everything'",
    );
    let others = "create event trigger drops on sql_drop execute function awake()";
    migration.ask_source(&format!("set session_replication_role = replica; {others}"));
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
    assert_eq!(migration.ask_target("select a from seen_again"), "1");
}

const OF_MANY_KINDS: &str = "
    create table large as select n, n % 10 as ten, n % 100 as hundred from generate_series(1, 200000) n;
    create index on large ((n + ten));
    create statistics of_large on ten, hundred from large;
    create table small with (autovacuum_enabled = off) as select n from generate_series(1, 300) n;
    create table tree (n int) partition by range (n);
    create table tree_1 partition of tree for values from (0) to (200);
    create table tree_2 partition of tree for values from (200) to (400);
    insert into tree select n from generate_series(1, 300) n;
    create table mother as select n from generate_series(1, 300) n;
    create table daughter () inherits (mother);
    insert into daughter select n from generate_series(301, 600) n;
    create materialized view seen as select n from small;
    analyze;";

/// What the planner knows: of every column, of the children too, of expressions, and of columns that
/// belong together.
const KNOWN: &str = "
    select tablename, attname, inherited from pg_stats where schemaname = 'public'
    union all select statistics_name, 'together', n_distinct is not null from pg_stats_ext
    order by 1, 2, 3";

#[test]
fn the_planner_knows_of_a_streamed_target_what_analyze_tells_it() {
    for majors in [(15, 15), (15, 18)] {
        let migration = Migration::new(majors, "planned", STREAM).fill(OF_MANY_KINDS);
        migration.folder.apply().must_end(0, &[]);
        let known = migration.ask_source(KNOWN);
        assert!(
            known.contains("tree|n|t") && known.contains("mother|n|t"),
            "{known}"
        );
        assert_eq!(migration.ask_target(KNOWN), known);
    }
}

/// That of columns which belong together PostgreSQL 18 does not carry.
#[test]
fn statistics_are_carried_over_where_the_plan_says_so() {
    for method in ["dump", "stream"] {
        let keys = format!("copy: {{ method: {method} }}\nrestore: {{ statistics: carry }}\n");
        let migration = Migration::new((15, 18), "carried", &keys).fill(OF_MANY_KINDS);
        // Nobody could gather this from the rows.
        migration.ask_source("delete from small where n > 7");
        migration.folder.apply().must_end(0, &[]);
        let bounds = "select histogram_bounds::text from pg_stats where tablename = 'small'";
        let there = migration.ask_source(bounds);
        assert!(there.contains("300"), "{there}");
        assert_eq!(migration.ask_target(bounds), there, "{method}");
        let of_columns = |known: String| known.replace("of_large|together|t\n", "");
        assert_eq!(
            of_columns(migration.ask_target(KNOWN)),
            of_columns(migration.ask_source(KNOWN)),
            "{method}"
        );
    }
}

#[test]
fn statistics_are_not_gathered_where_the_plan_says_so() {
    let keys = format!("{STREAM}restore: {{ statistics: off }}\n");
    let migration = Migration::new((15, 15), "unplanned", &keys).fill(OF_MANY_KINDS);
    migration.folder.apply().must_end(0, &[]);
    assert_eq!(migration.ask_target(KNOWN), "");
}

/// Sessions of the migration speak UTF-8, whatever the database does.
#[test]
fn a_database_in_latin1_ends_equal() {
    let migration = Migration::new((15, 15), "latin", STREAM);
    let name = &migration.source;
    migration
        .from
        .psql("postgres", &format!("drop database \"{name}\""));
    migration.from.psql(
        "postgres",
        &format!("create database \"{name}\" encoding 'LATIN1' locale 'C' template template0"),
    );
    let migration = migration.fill(
        "create table \"größe\" (\"maß\" text default 'äöü', id int primary key);
         insert into \"größe\" values ('ßÿ', 1), (default, 2);
         create function f() returns text language sql as $$ select 'é'::text $$;
         create materialized view \"ansicht ä\" as select * from \"größe\"",
    );
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
}

/// The steps that a step waits for, as the plan says.
fn waits_for(planned: &serde_json::Value, step: &str) -> Vec<String> {
    let stages = planned["stages"].as_array().into_iter().flatten();
    let mut steps = stages.flat_map(|stage| stage["steps"].as_array().into_iter().flatten());
    let found = steps.find(|found| found["id"] == step);
    let after = found.unwrap_or_else(|| panic!("no step {step}"))["after"].as_array();
    let names = after.into_iter().flatten().filter_map(|id| id.as_str());
    names.map(str::to_owned).collect()
}

/// It would wait for the table until the slowest of the others is built, and with it one of the jobs.
#[test]
fn a_constraint_that_needs_its_table_alone_comes_after_the_other_indexes() {
    let keys = "copy: { jobs: 3, split_larger_than: 8KiB, index_workers: 0 }\nverify: rows\n";
    let migration = Migration::new((15, 18), "apart", keys).fill(
        "create table slots (id int primary key, at tsrange, area box, note text,
            constraint apart exclude using gist (at with &&),
            constraint beside exclude using gist (area with &&) deferrable);
         create index by_note on slots (note);
         insert into slots select n, tsrange(now()::timestamp + n * interval '1 h',
            now()::timestamp + n * interval '1 h' + '30 min'), box(point(n, 0), point(n + 0.5, 1)), 'slot ' || n
         from generate_series(1, 2000) n",
    );
    let planned = migration.folder.run(&["plan", "--json", "--show-sql"]);
    let workers = "target: set max_parallel_maintenance_workers = 0";
    assert_eq!(planned.stdout.matches(workers).count(), 4);
    let planned = serde_json::from_str(&planned.stdout).expect("plan prints JSON");
    let builds = |step: &str| -> Vec<String> {
        let mut steps = waits_for(&planned, step);
        steps.retain(|step| step.starts_with("index."));
        steps.sort();
        steps
    };
    assert!(builds("index.public.by_note").is_empty());
    assert!(builds("index.public.slots_pkey").is_empty());
    let mut last = [builds("index.public.apart"), builds("index.public.beside")];
    last.sort_by_key(Vec::len);
    let beside = ["index.public.by_note", "index.public.slots_pkey"];
    assert_eq!(last[0], beside);
    assert_eq!(last[1].len(), 3);
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
}

/// What a server answered is told by its SQLSTATE alone.
#[test]
fn an_error_that_talks_of_lost_connections_is_tried_once() {
    let migration = Migration::new((15, 15), "words", STREAM).fill(
        "create table t as select n from generate_series(1, 10) n;
         create function picky(n int) returns int immutable language plpgsql as $$ begin
            if current_database() like '%_moved' then
                raise exception 'terminating connection due to administrator command (SQLSTATE 57P01)';
            end if; return n; end $$;
         create index picky on t (picky(n))",
    );
    let ran = migration.folder.apply();
    ran.must_end(1, &["terminating connection due to administrator command"]);
    assert!(!ran.stdout.contains("starts over"), "{}", ran.stdout);
}

/// Nothing could take its place if the source failed.
#[test]
fn what_is_in_the_target_goes_once_the_structure_of_the_source_is_here() {
    let migration = Migration::new((15, 15), "replaced", STREAM).fill("create table t (n int)");
    let planned = || {
        let planned = migration.folder.run(&["plan", "--json"]);
        serde_json::from_str(&planned.stdout).expect("plan prints JSON")
    };
    assert!(!waits_for(&planned(), "target.database").contains(&"dump.run".to_owned()));
    let target = &migration.target;
    migration
        .to
        .psql("postgres", &format!("create database \"{target}\""));
    migration.ask_target("create table old (n int)");
    migration.plan(&format!("{STREAM}restore: {{ existing: replace }}\n"));
    assert_eq!(waits_for(&planned(), "target.drop"), ["dump.run"]);
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
}

#[test]
fn thousands_of_small_tables_are_counted_beside_their_dump_and_few_after_it() {
    for (tables, phase) in [(1000, "Schema"), (999, "Copy")] {
        let migration = Migration::new((15, 15), "thousands", "verify: counts\n");
        let migration = migration.fill(&format!(
            "do $$ begin for n in 1..{tables} loop
                 execute format('create table t%s ()', n); end loop; end $$"
        ));
        let planned = migration.folder.run(&["plan", "--json"]);
        let planned: serde_json::Value =
            serde_json::from_str(&planned.stdout).expect("plan prints JSON");
        let mut stages = planned["stages"].as_array().into_iter().flatten();
        let counting = stages.find(|stage| {
            let steps = stage["steps"].as_array();
            steps.is_some_and(|steps| steps.iter().any(|step| step["id"] == "source.measure"))
        });
        assert_eq!(counting.expect("a stage")["phase"], phase, "{tables}");
    }
}
