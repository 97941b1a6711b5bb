//! Migrations that would have no way on: something fails again and again, after the switch or while a
//! side is fenced. Never ends before an application can write, and a command goes on.

use super::small::{MOVED, SHOP, Small, kill};
use crate::support::tool::Ran;
use crate::support::{Cluster, tools};

/// Has the plan call these programs at its cutover.
fn with_hooks(small: &Small, plain: &str, hooks: &str) {
    let all = plain.replace(
        "  verify: rows\n",
        &format!("  verify: rows\n  hooks:\n{hooks}"),
    );
    assert_ne!(all, plain);
    small.folder.write(&all);
}

fn plan_of(small: &Small) -> String {
    std::fs::read_to_string(small.folder.plan()).expect("ours")
}

/// What a hook runs to say something to a server.
fn psql(cluster: &Cluster, database: &str, sql: &str) -> String {
    let psql = tools(15).join("psql");
    let url = cluster.url(database);
    format!(
        "[\"{}\", \"-qtAX\", \"{url}\", \"-c\", \"{sql}\"]",
        psql.display()
    )
}

fn says(ran: &Ran, words: &str) -> bool {
    let said = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    said.contains(words)
}

#[test]
fn a_hook_that_fails_after_the_switch_can_be_mended_and_taken_out() {
    let small = Small::new();
    for mended in [true, false] {
        small.start_over();
        let plain = plan_of(&small);
        small.replicate();
        with_hooks(
            &small,
            &plain,
            "    after_switch: [[\"sh\", \"-c\", \"exit 3\"]]\n",
        );
        let told = small.run(&["cutover", "--yes"]);
        told.must_end(1, &["the hook sh failed", "The target serves now"]);
        assert!(small.target_is_open());
        let status = small.run(&["status"]);
        assert!(says(&status, "switched, the target serves"), "{status:?}");
        assert!(says(&status, "Next: `pg_dbmigrator apply"), "{status:?}");
        match mended {
            true => with_hooks(&small, &plain, "    after_switch: [[\"true\"]]\n"),
            false => small.folder.write(&plain),
        }
        small.run(&["apply", "--yes"]).must_end(0, &[]);
        small.run(&["finalize", "--yes"]).must_end(0, &[]);
        assert_eq!(small.left(), [""; 0]);
        small.folder.write(&plain);
    }
}

#[test]
fn a_hook_that_fails_after_the_switch_keeps_nobody_from_going_back() {
    let small = Small::new();
    let clerk = small.open();
    small.replicate();
    let plain = plan_of(&small);
    with_hooks(
        &small,
        &plain,
        "    after_switch: [[\"sh\", \"-c\", \"exit 3\"]]\n",
    );
    small.run(&["cutover", "--yes"]).must_end(1, &[]);
    small.run(&["rollback", "--yes"]).must_end(0, &[]);
    assert!(!small.source_is_closed());
    let differences = clerk.stop().differences(&small.source, SHOP);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn what_was_written_past_the_fence_can_be_acknowledged() {
    let small = Small::new();
    small.replicate();
    let stray = psql(
        &small.source,
        SHOP,
        "begin read write; insert into measures values (0, -7); commit",
    );
    let plain = plan_of(&small);
    with_hooks(&small, &plain, &format!("    after_switch: [{stray}]\n"));
    let told = small.run(&["cutover", "--yes"]);
    told.must_end(
        6,
        &["were written to the source", "pg_replication_slot_advance"],
    );
    small.run(&["apply", "--yes"]).must_end(6, &[]);
    let statement = told.stderr.lines().find_map(|line| {
        let line = line.trim();
        line.starts_with("select pg_replication_slot_advance")
            .then_some(line)
    });
    small
        .source
        .psql(SHOP, statement.expect("it is a line of its own"));
    small.run(&["apply", "--yes"]).must_end(0, &[]);
}

#[test]
fn where_nothing_can_be_proven_any_more_the_migration_is_still_rolled_back_or_made_final() {
    let small = Small::new();
    for command in ["rollback", "finalize"] {
        small.start_over();
        small.replicate();
        let drop = "select pg_drop_replication_slot('online_slot')";
        let slot = small.source.psql(
            SHOP,
            "select slot_name from pg_replication_slots where slot_type = 'logical'",
        );
        let drop = psql(&small.source, SHOP, &drop.replace("online_slot", &slot));
        let plain = plan_of(&small);
        with_hooks(&small, &plain, &format!("    after_switch: [{drop}]\n"));
        small
            .run(&["cutover", "--yes"])
            .must_end(5, &["is gone", "finalize"]);
        small.run(&["apply", "--yes"]).must_end(5, &["is gone"]);
        let ran = small.run(&[command, "--yes"]);
        ran.must_end(0, &[]);
        let told = ran.stderr.contains("was left in the stream is not proven");
        assert_eq!(told, command == "finalize", "{ran:?}");
        assert_eq!(small.source_is_closed(), command == "finalize");
        if command == "finalize" {
            assert_eq!(small.left(), [""; 0]);
        } else {
            small.run(&["abort", "--yes"]).must_end(0, &[]);
        }
        small.folder.write(&plain);
    }
}

#[test]
fn a_fenced_side_is_opened_however_else_the_plan_was_edited() {
    let small = Small::new();
    small.replicate();
    kill(small.hold_up_the_cutover(&[]));
    small.let_go();
    assert!(small.source_is_closed());
    let edited = small.run(&["apply", "--yes", "--set", "cutover.reverse=false"]);
    edited.must_end(4, &["is open again", "the plan was edited"]);
    assert!(!small.source_is_closed());
}

#[test]
fn an_abort_of_a_half_rollback_opens_the_target_before_it_refuses() {
    let small = Small::new();
    small.replicate();
    small.run(&["cutover", "--yes"]).must_end(0, &[]);
    small.kill_a_rollback_half_way();
    assert!(!small.target_is_open());
    let status = small.run(&["status"]);
    assert!(status.stdout.contains("The target is FENCED"), "{status:?}");
    let refused = small.run(&["abort", "--yes"]);
    refused.must_end(4, &["the switch to the target is made", "is open again"]);
    assert!(small.target_is_open());
    small.target.psql(MOVED, "rollback prepared 'held'");
}

#[test]
fn what_was_renamed_since_keeps_nobody_from_making_it_final() {
    let small = Small::new();
    small.replicate();
    small.run(&["cutover", "--yes"]).must_end(0, &[]);
    small
        .target
        .psql(MOVED, "alter table readings rename to old_readings");
    small.run(&["finalize", "--yes"]).must_end(0, &[]);
}

#[test]
fn hooks_that_are_taken_out_of_the_plan_while_the_source_is_fenced_are_warned_of() {
    let small = Small::new();
    let plain = plan_of(&small);
    small.replicate();
    with_hooks(&small, &plain, "    before_fence: [[\"true\"]]\n");
    kill(small.hold_up_the_cutover(&[]));
    small.let_go();
    small.folder.write(&plain);
    let caught_up = ["apply", "--yes", "--until", "caught-up"];
    small
        .run(&caught_up)
        .must_end(0, &["is open again", "not in the plan any more"]);
    assert!(!small.source_is_closed());
    let status = small.run(&["status"]);
    assert!(!status.stdout.contains("FENCED"), "{status:?}");
}

#[test]
fn what_was_set_for_one_switch_alone_need_not_be_set_again_to_go_on() {
    let small = Small::new();
    let plain = plan_of(&small);
    small.replicate();
    small.source.psql(SHOP, "create view only_here as select 1");
    let accept = ["--set", "cutover.accept_drift=true"];
    let held = small.hold_up_the_cutover(&accept);
    kill(held);
    small.let_go();
    small.replicate();
    assert!(!small.source_is_closed());
    with_hooks(&small, &plain, "    after_switch: [[\"false\"]]\n");
    let unseen = ["--set", "cutover.verify=off"];
    small
        .run(&[&["cutover", "--yes"], &accept[..], &unseen[..]].concat())
        .must_end(1, &["the hook false failed", "The target serves now"]);
    small
        .target
        .psql(MOVED, "insert into readings values ('epoch', null)");
    small.folder.write(&plain);
    small.run(&["apply", "--yes"]).must_end(0, &[]);
    small.run(&["finalize", "--yes"]).must_end(0, &[]);
}

#[test]
fn an_abort_by_a_state_that_missed_the_switch_leaves_the_target_that_serves() {
    let small = Small::new();
    small.replicate();
    let (state, old) = (
        small.folder.state(),
        small.folder.plan().with_extension("old"),
    );
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .args([&state, &old])
        .status();
    assert!(copied.expect("cp is everywhere").success());
    small.run(&["cutover", "--yes"]).must_end(0, &[]);
    let served = state.with_extension("served");
    std::fs::rename(&state, &served).expect("ours");
    std::fs::rename(&old, &state).expect("ours");
    let words = ["was opened since", "another copy of this state directory"];
    small.run(&["abort", "--yes"]).must_end(5, &words);
    assert!(small.target_is_open());
    std::fs::remove_dir_all(&state).expect("ours");
    std::fs::rename(&served, &state).expect("ours");
    small.run(&["rollback", "--yes"]).must_end(0, &[]);
    small.run(&["abort", "--yes"]).must_end(0, &[]);
    assert_eq!(small.left(), [""; 0]);
}

#[test]
fn a_plan_whose_names_were_edited_takes_nothing_back_before_that_is_undone() {
    let small = Small::new();
    let plain = plan_of(&small);
    small.replicate();
    let made = small.left();
    for key in ["publication", "slot", "subscription"] {
        let other = format!("online:\n  {key}: another\n");
        small.folder.write(&plain.replacen("online:\n", &other, 1));
        let words = ["the names of what this migration made", "another"];
        small.run(&["abort", "--yes"]).must_end(4, &words);
        assert_eq!(small.left(), made);
    }
    small.folder.write(&plain);
    for databases in [("postgres", MOVED), (SHOP, "postgres")] {
        let source = format!("SOURCE={}", small.source.url(databases.0));
        let target = format!("TARGET={}", small.target.url(databases.1));
        let refused = ["abort", "--yes", "--var", &source, "--var", &target];
        let words = ["is another database than the one"];
        small.folder.run(&refused).must_end(4, &words);
    }
    small.run(&["abort", "--yes"]).must_end(0, &[]);
    assert_eq!(small.left(), [""; 0]);
}

#[test]
fn what_was_written_past_the_fence_is_told_of_before_the_migration_is_made_final() {
    let small = Small::new();
    small.replicate();
    let stray = psql(
        &small.source,
        SHOP,
        "begin read write; insert into measures values (0, -7); commit",
    );
    let plain = plan_of(&small);
    let hooks = format!("    after_switch: [{stray}, [\"sh\", \"-c\", \"exit 3\"]]\n");
    with_hooks(&small, &plain, &hooks);
    small.run(&["cutover", "--yes"]).must_end(1, &["hook sh"]);
    let words = ["were written to the source", "pg_replication_slot_advance"];
    for _ in 0..2 {
        small.run(&["finalize", "--yes"]).must_end(6, &words);
    }
    let advance = "select count(pg_replication_slot_advance(slot_name, pg_current_wal_flush_lsn()))
        from pg_replication_slots where slot_type = 'logical'";
    assert_eq!(small.source.psql(SHOP, advance), "1");
    small.run(&["finalize", "--yes"]).must_end(0, &[]);
    assert_eq!(small.left(), [""; 0]);
}
