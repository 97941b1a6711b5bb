//! Somebody is in the way: a hook that fails, a reader of a table, a server that refuses, an operator
//! who changes their mind. Never lets an application wait for that longer than said.

use std::io::Write;
use std::process::Stdio;

use super::small::{MOVED, SHOP, Small, end_of};
use super::stream::Stream;
use crate::resume::ground::{Holder, Lane, signal};
use crate::support::{Settings, programs, tools, wait_until};
use rustix::process::Signal;

/// Says this to a plan of [`Small`], below `cutover:`.
fn say_besides(small: &Small, lines: &str) {
    let plan = std::fs::read_to_string(small.folder.plan()).expect("ours");
    let all = plan.replace("  verify: rows\n", &format!("  verify: rows\n{lines}"));
    assert_ne!(all, plan);
    small.folder.write(&all);
}

#[test]
fn a_second_interrupt_in_a_cutover_says_that_the_application_is_fenced_off() {
    let small = Small::new();
    small.replicate();
    let cutover = small.hold_up_the_cutover(&[]);
    small.source.stop();
    signal(&cutover, Signal::INT);
    let log = small.folder.state().join("log");
    wait_until("it to try to take the switch back", || {
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        log.contains("stopping safely") && log.contains("is tried again")
    });
    signal(&cutover, Signal::INT);
    end_of(cutover).must_end(130, &["STILL FENCED OFF", "pg_dbmigrator apply"]);
    small.source.restart();
    small.let_go();
    let status = small.run(&["status"]);
    assert!(status.stdout.contains("FENCED"), "{status:?}");
    small
        .run(&["abort", "--yes"])
        .must_end(0, &["is open again"]);
}

#[test]
fn a_cutover_that_waits_for_a_backlog_can_be_withdrawn() {
    let usual = Settings::default();
    let often = "thresholds: { poll_secs: 1 }\n";
    let stream = Stream::between((15, 15), (&usual, &usual), often);
    stream.replicate();
    let lock = "lock table orders in share mode";
    let holder = Holder::take(&stream.target, "shop", lock);
    stream.on_source(
        "update orders set note = 'second';
         select pg_logical_emit_message(true, 'test', repeat('x', 1000000)) \
         from generate_series(1, 40)",
    );
    let watching = stream.watch();
    signal(&watching, Signal::INT);
    stream.has_said("cutting over");
    signal(&watching, Signal::INT);
    stream.has_said("the cutover is withdrawn");
    holder.release();
    stream.target_says("select count(*) from orders where note = 'second'", "10");
    stream.has_said("caught up");
    signal(&watching, Signal::TERM);
    let (exit, said) = stream.end_of(watching);
    assert_eq!(exit, Some(143), "{said}");
    let journal = std::fs::read_to_string(stream.folder.state().join("journal.jsonl"));
    assert!(
        !journal.expect("it is there").contains("cutover."),
        "{said}"
    );
}

#[test]
fn a_hook_that_fails_on_the_way_back_is_called_once_and_warned_of() {
    let small = Small::new();
    small.replicate();
    let calls = small.folder.path().join("calls");
    say_besides(
        &small,
        &format!(
            "  hooks:\n    before_fence: [[\"false\"]]\n    on_rollback: \
             [[\"sh\", \"-c\", \"echo back >> {}; exit 3\"]]\n",
            calls.display()
        ),
    );
    let told = small.run(&["cutover", "--yes"]);
    told.must_end(8, &["The source serves", "make up for", "echo back"]);
    assert!(!small.source_is_closed());
    let calls = std::fs::read_to_string(calls).expect("the hook wrote it");
    assert_eq!(calls, "back\n");
}

#[test]
fn a_table_that_somebody_reads_is_named_and_its_application_does_not_wait() {
    let small = Small::new();
    let clerk = small.open();
    let lock = "lock table readings in access share mode";
    let holder = Holder::take(&small.source, SHOP, lock);
    let lock_timeout = ["--set", "thresholds.lock_timeout=4s"];
    let apply = small.start(&[&["apply", "--yes"], &lock_timeout[..]].concat());
    end_of(apply).must_end(1, &["is held by pid"]);
    assert!(clerk.acknowledged(0) > 10);
    holder.release();
    small.replicate();
    small.run(&["abort", "--yes"]).must_end(0, &[]);
    assert_eq!(small.left(), [""; 0]);
}

#[test]
fn a_target_that_refuses_to_be_opened_has_the_cutover_taken_back() {
    let small = Small::new();
    small.replicate();
    small
        .target
        .psql("postgres", "alter role postgres set lock_timeout = '1s'");
    let cutover = small.hold_up_the_cutover(&[]);
    let lock = "lock table pg_db_role_setting in exclusive mode";
    let holder = Holder::take(&small.target, "postgres", lock);
    small.let_go();
    end_of(cutover).must_end(8, &["lock timeout", "The source serves as before"]);
    assert!(!small.source_is_closed());
    holder.release();
    assert!(!small.target_is_open());
    small.run(&["cutover", "--yes"]).must_end(0, &[]);
    assert!(small.target_is_open());
    let rows = "select count(*) from readings";
    assert_eq!(
        small.target.psql(MOVED, rows),
        small.source.psql(SHOP, rows)
    );
}

#[test]
fn every_kind_of_drift_is_told_while_it_streams() {
    let usual = Settings::default();
    let often = "thresholds: { poll_secs: 1 }\n";
    let stream = Stream::between((15, 15), (&usual, &usual), often);
    stream.on_source("create type colour as enum ('red')");
    stream.on_source("create view recent as select id from orders");
    stream.replicate();
    let watching = stream.watch();
    stream.has_said("caught up");
    for (change, told) in [
        ("alter type colour add value 'green'", "colour"),
        ("create policy mine on orders using (true)", "mine"),
        (
            "create or replace view recent as select id + 1 as id from orders",
            "recent",
        ),
    ] {
        stream.on_source(change);
        stream.has_said(told);
    }
    stream.on_source("create table late (id int primary key)");
    stream.on_target("create table late (id int primary key)");
    stream.has_said("not in the stream");
    signal(&watching, Signal::TERM);
    let (exit, said) = stream.end_of(watching);
    assert_eq!(exit, Some(143), "{said}");
    stream.must_abort();
}

#[test]
fn an_old_transaction_on_the_target_holds_the_cutover_up_before_the_fence() {
    let small = Small::new();
    small.replicate();
    let holder = Holder::take(&small.target, "postgres", "select txid_current()");
    // One that is younger than a second is not worth waiting for.
    let old = "select count(*) from pg_stat_activity where application_name = 'holder'
        and xact_start < now() - interval '1.1 s'";
    wait_until("the transaction to be old", || {
        small.target.psql("postgres", old) == "1"
    });
    let said = small.events().len();
    let cutover = small.start(&["cutover", "--yes"]);
    small.wait_for("backend_xid is not null", said);
    assert!(!small.source_is_closed());
    holder.release();
    end_of(cutover).must_end(0, &[]);
}

#[test]
fn who_keeps_the_slot_of_the_way_back_from_being_made_is_named_at_the_deadline() {
    let small = Small::new();
    small.replicate();
    let cutover = small.hold_up_the_cutover(&["--set", "thresholds.write_outage=15s"]);
    let holder = Holder::take(&small.target, "postgres", "select txid_current()");
    small.let_go();
    let named = ["reverse.slot", "it waited for: pid", "The source serves"];
    end_of(cutover).must_end(8, &named);
    assert!(!small.source_is_closed());
    holder.release();
}

#[test]
fn a_change_of_a_table_that_waits_for_the_copy_is_let_through() {
    let small = Small::new();
    let mut psql = programs::client(&tools(15), "psql");
    psql.args(["-qX", "-d", &small.source.url(SHOP)]);
    psql.env("PGAPPNAME", "changer").stdin(Stdio::piped());
    let mut changer = psql.spawn().expect("psql starts");
    let mut words = changer.stdin.take().expect("it is piped");
    writeln!(words, "begin; insert into drafts values (-5);").expect("it reads");
    wait_until("the transaction to have written", || {
        let sql = "select count(*) from pg_stat_activity where application_name = 'changer' \
                   and backend_xid is not null and state = 'idle in transaction'";
        small.source.psql("postgres", sql) == "1"
    });
    let apply = small.start(&["apply", "--yes", "--until", "caught-up"]);
    Lane::wait_for_session(&small.source, "CREATE_REPLICATION_SLOT");
    writeln!(words, "alter table entries add column more int; rollback;").expect("it reads");
    drop(words);
    wait_until("the table to be changed", || {
        changer.try_wait().expect("it is a child").is_some()
    });
    end_of(apply).must_end(0, &[]);
}
