//! Databases that have a trigger for logins (17), which writes a row for every session: neither a closed
//! side nor a comparison may be troubled by it. Never looks at what such a trigger is good for.

use crate::support::Cluster;
use crate::support::tool::PlanFolder;

/// What it writes is counted and compared like any other row.
const SHOP: &str = "
    create table kettles (id int primary key);
    insert into kettles select generate_series(1, 100);
    create table seen (id bigserial primary key, who text);
    create function noted() returns event_trigger language plpgsql security definer
        set search_path = public as
        $$ begin insert into seen (who) values (session_user); end $$;
    create event trigger noted on login execute function noted();
    alter event trigger noted enable always";

fn shop(mode: &str) -> (Cluster, Cluster, PlanFolder) {
    let (source, target) = (Cluster::start(18), Cluster::start(18));
    source.psql("postgres", "create role app login");
    source.psql("postgres", "create database shop");
    source.psql("shop", SHOP);
    let folder = PlanFolder::new(&format!(
        "version: 1\nsource:\n  url: \"{}\"\ntarget:\n  url: \"{}\"\nverify: rows\n{mode}",
        source.url("shop"),
        target.url("moved")
    ));
    (source, target, folder)
}

#[test]
fn a_trigger_for_logins_writes_no_rows_into_an_offline_copy() {
    let (_source, target, folder) = shop("mode: offline\n");
    folder.apply().must_end(0, &[]);
    let copied = "select count(*) > 0 from kettles";
    assert_eq!(target.psql("moved", copied), "t");
}

#[test]
fn a_trigger_for_logins_neither_holds_up_a_stream_nor_a_switch_there_and_back() {
    let mode = "mode: online\nthresholds: {poll_secs: 1}\n\
                cutover: {fence: {roles: [app]}, verify: rows}\n";
    let (source, target, folder) = shop(mode);
    folder
        .run(&["apply", "--yes", "--until", "caught-up"])
        .must_end(0, &[]);
    source.psql("shop", "insert into kettles values (101)");
    for command in ["cutover", "rollback", "cutover"] {
        folder.run(&[command, "--yes"]).must_end(0, &[]);
    }
    let count = "select count(*) from kettles";
    assert_eq!(target.psql("moved", count), "101");
    folder.run(&["finalize", "--yes"]).must_end(0, &[]);
}
