//! Servers that were promoted from a standby while they replicated: what they lost by that is on no
//! stream any more. Never accepts one without a comparison of every row.

use super::switch::Move;
use crate::support::{Cluster, wait_until};

/// Has a server be one that was promoted from a standby.
fn promote(cluster: &Cluster) {
    std::fs::write(cluster.data().join("standby.signal"), "").expect("the folder is ours");
    cluster.restart();
    assert_eq!(cluster.psql("postgres", "select pg_promote()"), "t");
}

#[test]
fn a_side_that_was_promoted_from_a_standby_is_not_taken_for_the_one_that_received() {
    let all = Move::streaming("30s", true);
    all.cut_over(&[]).must_end(0, &[]);
    promote(&all.source);
    all.roll_back()
        .must_end(8, &["changes may be missing on the source", "finalize"]);
    let accept = ["--set", "cutover.accept_timeline=true"];
    all.on_source("delete from kettles where id = 300");
    let differs = all.run(&[&["rollback", "--yes"], &accept[..]].concat());
    differs.must_end(8, &["rollback.verify", "public.kettles"]);
    all.on_source("insert into kettles values (300, 'kettle 300')");
    all.run(&[&["rollback", "--yes"], &accept[..]].concat())
        .must_end(0, &[]);
    assert!(all.source_serves());
}

/// The plan says that a server may be another one.
fn accept_timeline(all: &Move) {
    all.replace(
        "\ncutover:\n",
        "\ncutover:\n  accept_timeline: true\n  verify: rows\n",
    );
}

#[test]
fn a_target_that_was_promoted_is_accepted_when_every_row_is_compared() {
    let all = Move::streaming("30s", true);
    promote(&all.target);
    let words = [
        "changes may be missing on the target",
        "timeline 00000001 then",
        "accept_timeline: true",
    ];
    all.run(&["apply", "--yes", "--until", "caught-up"])
        .must_end(5, &words);
    all.cut_over(&[]).must_end(5, &words);
    assert!(all.source_serves());
    let alone = ["--set", "cutover.accept_timeline=true"];
    all.cut_over(&alone).must_end(5, &words);
    accept_timeline(&all);
    all.on_target("delete from kettles where id = 300");
    all.cut_over(&[])
        .must_end(8, &["cutover.verify", "public.kettles"]);
    assert!(all.source_serves());
    all.on_target("insert into kettles values (300, 'kettle 300')");
    let done = all.cut_over(&[]);
    done.must_end(0, &[]);
    let said = done.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("accepted (cutover.accept_timeline)"),
        "{said}"
    );
}

#[test]
fn a_source_that_was_promoted_is_not_taken_for_the_one_that_sent() {
    for slot_is_there in [true, false] {
        let all = Move::streaming("30s", true);
        promote(&all.source);
        if !slot_is_there {
            let name = all
                .target
                .psql("moved", "select subname from pg_subscription");
            all.on_target(&format!("alter subscription {name} disable"));
            let drop = "select pg_drop_replication_slot(slot_name) from pg_replication_slots";
            wait_until("the slot to be gone", || {
                all.source.try_psql("shop", drop).is_ok()
            });
        }
        let words = match slot_is_there {
            true => ["changes may be missing on the target", "the source is not"],
            false => ["replication slot", "abort"],
        };
        let watch = ["apply", "--yes", "--until", "caught-up"];
        all.run(&watch).must_end(5, &words);
        all.cut_over(&[]).must_end(5, &words);
        assert!(all.source_serves());
        if slot_is_there {
            accept_timeline(&all);
            all.cut_over(&[]).must_end(0, &[]);
        } else {
            all.run(&["abort", "--yes"]).must_end(0, &[]);
            let left = "select count(*) from pg_publication";
            assert_eq!(all.source.psql("shop", left), "0");
            assert!(all.source_serves());
        }
    }
}
