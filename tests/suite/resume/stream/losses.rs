//! Connections that are lost in ways that the two ends learn of at different times, or never.
//! Never loses one where a plain termination would do.

use std::process::{Child, Command, Stdio};

use super::{DONE, counted, killed_in_the_copy, points};
use crate::resume::ground::{Lane, TARGET, end_of, ended, plan};
use crate::support::proxy::Proxy;
use crate::support::{Cluster, Settings, wait_until};

const STARTED: &str = "\"event\":\"started\"";

/// A function that waits as long as a setting of the session says so.
const SLOW: &str = "create function slow(a int) returns int immutable language plpgsql as $$ begin
        if current_setting('small.gate', true) = 'wait' then perform pg_sleep(300); end if;
        return a;
    end $$;";

fn sleeping(cluster: &Cluster) -> bool {
    let sql = "select count(*) from pg_stat_activity
        where application_name ~ '^pg_dbmigrator ' and wait_event = 'PgSleep'";
    cluster.psql("postgres", sql) == "1"
}

#[test]
fn a_session_ended_while_it_builds_what_comes_after_rows_costs_time_alone() {
    let lane = Lane::of_its_own(
        &format!("{SLOW} create materialized view waits as select public.slow(1)"),
        &plan("stream.yaml"),
    );
    lane.set_gate("wait");
    let apply = lane.start();
    wait_until("the view to be filled", || sleeping(&lane.target));
    lane.set_gate("open");
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'";
    lane.target.psql("postgres", end);
    let ran = end_of(apply);
    ran.must_end(0, &[]);
    ran.must_tell("a connection was lost");
    lane.must_be_equal();
    lane.nothing_is_left();
}

/// The program with a target that it reaches over a network.
fn over(lane: &Lane, network: &Proxy) -> Command {
    let source = format!("SOURCE={}", lane.source.url(lane.source_name()));
    let target = format!(
        "TARGET=postgres://postgres@127.0.0.1:{}/{TARGET}",
        network.port()
    );
    let arguments = ["apply", "--yes", "--var", &source, "--var", &target];
    let mut command = lane.folder.command(&arguments);
    command
        .current_dir("/")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn lane_over_tcp(sql: &str, plan: &str) -> Lane {
    let tcp = Settings {
        tcp: true,
        ..Settings::default()
    };
    let mut lane = Lane::of_its_own(sql, plan);
    lane.target = Cluster::start_with(15, &tcp);
    lane
}

/// A server that is busy does not look whether its client is still there: what it was told to do goes
/// on, and must not meet what is begun anew.
#[test]
fn an_index_that_the_server_goes_on_building_after_the_connection_was_lost_is_ended_first() {
    let lane = lane_over_tcp(
        &format!("{SLOW} create table t as select 1 as a; create index waits on t (slow(a))"),
        &plan("stream.yaml"),
    );
    lane.set_gate("wait");
    let network = Proxy::before(lane.target.port());
    let apply = over(&lane, &network).spawn().expect("it is built");
    wait_until("the index to be built", || sleeping(&lane.target));
    wait_until("all else to be done", || {
        let journal = lane.journal();
        let all = |event| counted(&journal, event).len();
        all(STARTED) == all(DONE) + 1 && journal.join("").contains("source.measure")
    });
    lane.set_gate("open");
    network.cut();
    assert!(sleeping(&lane.target), "the server has learnt of it");
    network.heal();
    let ran = end_of(apply);
    ran.must_end(0, &[]);
    ran.must_tell("a connection was lost");
    lane.must_be_equal();
}

#[test]
fn a_network_that_is_cut_while_rows_are_streamed_costs_time_alone() {
    let lane = lane_over_tcp(
        "create table long (id int primary key, text text);
         insert into long select n, repeat(md5(n::text), 10) from generate_series(1, 100000) n",
        &plan("stream.yaml").replace("8KiB", "4MiB"),
    );
    let network = Proxy::before(lane.target.port());
    let apply = over(&lane, &network).spawn().expect("it is built");
    let copies = "select count(*) > 0 from pg_stat_progress_copy where tuples_processed > 0";
    wait_until("the copy", || lane.target.psql("postgres", copies) == "t");
    network.cut();
    network.heal();
    let ran = end_of(apply);
    ran.must_end(0, &[]);
    ran.must_tell("a connection was lost");
    assert_eq!(counted(&lane.journal(), DONE)["snapshot.export"], 1);
    lane.must_be_equal();
}

/// Its connection was lost while the server committed a part: the part is there, and its mark is, and
/// whoever does it again meets both.
#[test]
fn a_part_that_was_committed_unheard_counts_as_done() {
    let lane = Lane::of_its_own(
        "create table long (id int, text text);
         insert into long select n, repeat('x', 150) from generate_series(1, 2000) n",
        &plan("stream.yaml").replace("8KiB", "96KiB"),
    );
    let plan = lane.run(&["plan", "--show-sql"]).stdout;
    let before = plan
        .split("\"long\" where ctid >= '(0,0)' and ctid < '(")
        .nth(1);
    let before = before
        .and_then(|rest| rest.split(',').next())
        .expect("it is cut");
    // Without a part of the table, and with room for marks.
    let begun = |lane: &Lane| {
        let done = counted(&lane.journal(), DONE);
        done.contains_key("copy.marks")
            && !done.keys().any(|step| step.starts_with("copy.public.long"))
    };
    assert!(points().any(|point| killed_in_the_copy(&lane, point) && begun(&lane)));
    let ids = format!("select id from long where ctid < '({before},0)' order by id");
    let ids = lane.source.psql(lane.source_name(), &ids);
    assert!(ids.lines().count() > 100, "{ids}");
    let rows = ids.lines().map(|id| format!("({id}, repeat('x', 150))"));
    let rows: Vec<String> = rows.collect();
    // Keeps every mark from being left until the one that is missing is, and its rows with it.
    let earlier = format!(
        "begin; lock table _pg_dbmigrator_copy.done in share row exclusive mode;
         do $$ declare late timestamptz := clock_timestamp() + interval '20 s'; begin loop
           perform pg_stat_clear_snapshot();
           exit when exists (select from pg_stat_activity where wait_event_type = 'Lock'
             and query like '%copy.public.long.1%');
           if clock_timestamp() > late then raise 'nobody copied the part'; end if;
         end loop; end $$;
         insert into long values {}; insert into _pg_dbmigrator_copy.done values ('copy.public.long.1');
         commit",
        rows.join(", ")
    );
    let mut apply: Option<Child> = None;
    std::thread::scope(|scope| {
        let other = scope.spawn(|| lane.target.psql(TARGET, &earlier));
        let locked =
            "select count(*) from pg_locks where mode = 'ShareRowExclusiveLock' and granted";
        wait_until("the marks to be locked", || {
            lane.target.psql(TARGET, locked) == "1"
        });
        apply = Some(lane.start());
        other.join().expect("it was met");
    });
    let apply = apply.expect("it was started");
    ended(&apply.wait_with_output().expect("ours")).must_end(0, &[]);
    lane.must_be_equal();
    lane.nothing_is_left();
}
