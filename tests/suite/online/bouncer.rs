//! Cutovers of an application that reaches its database through PgBouncer alone.
//! Never accepts an error of the application: a pause is all that it may notice.

use std::process::Child;

use super::night::{MOVED, Night, SHOP, open_the_shop_at};
use crate::support::bouncer::Bouncer;
use crate::support::ledger::{Ledger, book};
use crate::support::{Cluster, wait_until};

/// A night with a PgBouncer before the source, which the plan's hooks lead to the side that serves.
fn night_behind_a_bouncer() -> (Night, Bouncer) {
    let (source, target) = (Cluster::start(15), Cluster::start(18));
    let bouncer = Bouncer::before((&source, SHOP), book::APPLICATION);
    let told = format!("{{pgbouncer: {{url: \"{}\"}}}}", bouncer.console());
    let [to_source, to_target] =
        [(&source, SHOP), (&target, MOVED)].map(|side| bouncer.command_to_lead_to(side));
    let hooks = format!(
        "verify: off
  hooks:
    before_fence: [{told}, [/bin/sh, -c, \"test ! -e \\\"$0\\\"\", {}]]
    after_switch: [{to_target}, {told}]
    on_rollback: [{to_source}, {told}]",
        in_the_way(&source)
    );
    let at = source.url(SHOP);
    (Night::of(source, target, (&at, "{}", &hooks)), bouncer)
}

/// The file that has the plan's own hook fail while it is there.
fn in_the_way(source: &Cluster) -> String {
    let path = source.socket_folder().join("in-the-way");
    path.display().to_string()
}

/// Waits for commits that are acknowledged from now on.
fn goes_on(ledger: &Ledger) {
    let before = ledger.acknowledged();
    wait_until("the application writes", || {
        ledger.acknowledged() >= before + 300
    });
}

/// A cutover that was killed once the source was fenced.
fn kill_while_fenced(night: &Night) {
    let prepare = "begin; insert into marks (client, number, seen_by) values (0, 0, 0);
        prepare transaction 'held'";
    night.source.psql(SHOP, prepare);
    let mut cutover: Child = night.start(&["cutover", "--yes"]);
    let journal = night.folder.state().join("journal.jsonl");
    wait_until("the source is fenced", || {
        let journal = std::fs::read_to_string(&journal).unwrap_or_default();
        journal.contains("\"started\",\"step\":\"cutover.silence\"")
    });
    cutover.kill().expect("it is ours");
    cutover.wait().expect("it is ours");
    let sql = "set default_transaction_read_only = off; rollback prepared 'held'";
    night.source.psql(SHOP, sql);
}

#[test]
fn an_application_behind_pgbouncer_notices_a_pause_and_never_an_error() {
    let (night, bouncer) = night_behind_a_bouncer();
    let at = bouncer.url_as(book::APPLICATION);
    let ledger = open_the_shop_at([at.clone(), at]);
    night.replicate();
    let in_the_way = in_the_way(&night.source);
    std::fs::write(&in_the_way, "").expect("the folder is ours");
    let words = ["the hook /bin/sh failed", "The source serves as before"];
    night.cut_over().must_end(8, &words);
    goes_on(&ledger);
    std::fs::remove_file(&in_the_way).expect("it is ours");

    kill_while_fenced(&night);
    night.replicate();
    goes_on(&ledger);

    night.cut_over().must_end(0, &[]);
    goes_on(&ledger);
    night.roll_back().must_end(0, &[]);
    goes_on(&ledger);
    night.cut_over().must_end(0, &[]);
    goes_on(&ledger);

    assert_eq!(ledger.refusals(), 0, "the application saw an error");
    night.must_be_on_the_target(&ledger.stop());
    night.must_finalize();
}
