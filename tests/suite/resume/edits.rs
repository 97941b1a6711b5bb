//! Tests what an interrupted migration refuses, and what abort and finalize leave.
//! The state directory is compared byte for byte where nothing may change.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::ground::{Lane, TARGET, plan};

/// A run that failed in the middle of its restore.
fn failed_in_restore() -> Lane {
    let lane = Lane::gated("fail");
    lane.apply()
        .must_end(1, &["the gate is closed", "step restore.run"]);
    lane
}

fn files(lane: &Lane) -> BTreeMap<String, (SystemTime, Vec<u8>)> {
    let entries = std::fs::read_dir(lane.folder.state()).expect("it is there");
    let file = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.expect("ours");
        let changed = entry
            .metadata()
            .and_then(|data| data.modified())
            .expect("ours");
        let content = std::fs::read(entry.path()).unwrap_or_default();
        (
            entry.file_name().to_string_lossy().into_owned(),
            (changed, content),
        )
    };
    entries.map(file).collect()
}

#[test]
fn an_edited_past_is_refused_and_an_edited_future_accepted() {
    let lane = failed_in_restore();
    let text = plan("dump.yaml");
    lane.folder.write(&text.replace("jobs: 2", "jobs: 3"));
    let edited = lane.apply();
    edited.must_end(
        4,
        &[
            "already been carried out",
            "was: run:",
            "now: run:",
            "--jobs=3",
        ],
    );
    lane.folder
        .write(&format!("{text}restore:\n  statistics: off\n"));
    lane.set_gate("open");
    lane.must_complete_equal();
    assert!(
        !lane
            .journal()
            .iter()
            .any(|line| line.contains("restore.analyze"))
    );
}

#[test]
fn status_changes_nothing_and_tells_the_truth() {
    let lane = Lane::gated("wait");
    let stands = |word: &str| {
        let before = files(&lane);
        let ran = lane.run(&["status"]);
        assert_eq!(ran.exit, Some(0));
        assert!(ran.stdout.contains(&format!(": {word}")), "{ran:?}");
        if word != "running" {
            assert_eq!(files(&lane), before);
        }
    };
    let mut apply = lane.start();
    lane.wait_for_gate();
    stands("running");
    lane.apply()
        .must_end(9, &["another process is working on this plan", ", pid "]);
    apply.kill().expect("ours");
    apply.wait().expect("ours");
    stands("stopped");
    lane.set_gate("fail");
    lane.apply().must_end(1, &["the gate is closed"]);
    stands("failed");
    lane.run(&["finalize", "--yes"])
        .must_end(4, &["not complete"]);
    lane.set_gate("open");
    lane.must_complete_equal();
    stands("complete");
    lane.run(&["abort", "--yes"]).must_end(4, &["complete"]);
    lane.run(&["finalize", "--yes"]).must_end(0, &[]);
    assert!(!lane.folder.state().exists());
    lane.must_be_equal();
}

#[test]
fn a_second_state_directory_on_the_same_target_is_locked_out() {
    let lane = Lane::gated("wait");
    let mut apply = lane.start();
    lane.wait_for_gate();
    let other = crate::support::tool::PlanFolder::new(&plan("offline.yaml"));
    let source = format!("SOURCE={}", lane.source.url(lane.source_name()));
    let target = format!("TARGET={}", lane.target.url(TARGET));
    let ran = other.run(&["apply", "--yes", "--var", &source, "--var", &target]);
    ran.must_end(9, &["another migration is filling database"]);
    apply.kill().expect("ours");
    apply.wait().expect("ours");
}

#[test]
fn another_server_under_the_same_name_is_refused() {
    let lane = failed_in_restore();
    let other = Lane::new(&plan("offline.yaml"));
    let source = format!("SOURCE={}", lane.source.url(lane.source_name()));
    let target = format!("TARGET={}", other.target.url(TARGET));
    let ran = lane
        .folder
        .run(&["apply", "--yes", "--var", &source, "--var", &target]);
    ran.must_end(4, &["another server", "was:", "now:"]);
}

#[test]
fn a_database_that_somebody_else_made_meanwhile_is_never_taken() {
    let lane = failed_in_restore();
    lane.start_over();
    let ran = lane.apply_until(12);
    assert_eq!(ran.exit, None);
    lane.target
        .psql("postgres", &format!("create database {TARGET}"));
    lane.target
        .psql(TARGET, "create table theirs as select 1 as a");
    lane.set_gate("open");
    for _ in 0..3 {
        let ran = lane.apply();
        assert!(matches!(ran.exit, Some(1 | 4)), "{ran:?}");
        assert!(ran.stderr.contains(TARGET), "{ran:?}");
    }
    assert_eq!(lane.target.psql(TARGET, "select a from theirs"), "1");
    lane.run(&["abort", "--yes"]).must_end(0, &[]);
    assert_eq!(lane.target.psql(TARGET, "select a from theirs"), "1");
}

#[test]
fn a_database_that_replaced_the_one_made_is_neither_filled_nor_dropped() {
    let lane = failed_in_restore();
    let replace = [
        format!("drop database {TARGET}"),
        format!("create database {TARGET}"),
    ];
    for sql in replace {
        lane.target.psql("postgres", &sql);
    }
    lane.target
        .psql(TARGET, "create table theirs as select 1 as a");
    lane.set_gate("open");
    for ran in [lane.apply(), lane.run(&["abort", "--yes"])] {
        ran.must_end(5, &["is not the one that this migration made", "theirs"]);
        assert_eq!(lane.target.psql(TARGET, "select a from theirs"), "1");
    }
}

#[test]
fn abort_at_any_point_takes_back_exactly_what_was_made() {
    let all = "select 'role ' || rolname from pg_roles
        union all select concat_ws(' ', 'database', datname, pg_get_userbyid(datdba), datconnlimit,
            (select string_agg(a::text, ',' order by a::text)
             from unnest(coalesce(datacl, acldefault('d', datdba))) a),
            shobj_description(oid, 'pg_database')) from pg_database
        union all select 'setting ' || setconfig::text from pg_db_role_setting order by 1";
    let objects = "select relname from pg_class where oid >= 16384 and relnamespace <> 99
        union all select 'default ' || oid from pg_default_acl
        union all select 'large ' || oid from pg_largeobject_metadata";
    let lane = Lane::new(&plan("offline.yaml"));
    for there in [false, true] {
        for point in (2..).step_by(5) {
            if there {
                lane.target
                    .psql("postgres", &format!("create database {TARGET}"));
            }
            let before = lane.target.psql("postgres", all);
            let ran = lane.apply_until(point);
            if ran.exit == Some(0) {
                break;
            }
            lane.run(&["abort", "--yes"]).must_end(0, &[]);
            assert_eq!(lane.target.psql("postgres", all), before, "at {point}");
            assert!(!lane.folder.state().exists());
            if there {
                assert_eq!(lane.target.psql(TARGET, objects), "", "at {point}");
            }
            lane.start_over();
        }
        lane.start_over();
    }
}
