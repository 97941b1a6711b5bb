//! Cuts and tears the journal of a run that was killed near its end, so that the target is ahead
//! of it. A resumed run ends equal, or refuses clearly; it never takes such a target for proven.

use std::path::Path;
use std::process::Command;

use super::ground::{Lane, plan};
use crate::support::compare::between;
use crate::support::programs::must;
use crate::support::tool::Ran;

/// A run killed when all is done but the removal of the dump.
fn killed_near_the_end(lane: &Lane) -> Vec<String> {
    let ran = lane.apply_until(0);
    let points = ran.stderr.matches("crash point").count() as u64;
    lane.start_over();
    assert_eq!(lane.apply_until(points - 2).exit, None);
    lane.journal()
}

fn copy(from: &Path, to: &Path) {
    must(Command::new("cp").arg("-a").arg(from).arg(to));
}

/// Applies until it is done or says that it will not.
fn apply_again(lane: &Lane) -> Ran {
    let mut ran = lane.apply();
    for _ in 0..2 {
        if ran.exit == Some(1) {
            ran = lane.apply();
        }
    }
    ran
}

#[test]
fn a_journal_that_was_cut_anywhere_is_gone_on_from_or_refused() {
    let lane = Lane::new(&plan("offline.yaml"));
    let lines = killed_near_the_end(&lane);
    let saved = lane.folder.path().join("saved");
    copy(&lane.folder.state(), &saved);
    let (mut equal, mut refused) = (0, 0);
    for kept in (0..lines.len()).rev() {
        std::fs::remove_dir_all(lane.folder.state()).expect("ours");
        copy(&saved, &lane.folder.state());
        let (whole, torn) = (lines[..kept].join("\n"), lines[kept].as_bytes());
        let mut bytes = whole.into_bytes();
        if kept > 0 {
            bytes.push(b'\n');
        }
        bytes.extend(&torn[..torn.len() / 2]);
        lane.write_journal(&bytes);
        let ran = apply_again(&lane);
        match ran.exit {
            Some(0) => {
                equal += 1;
                lane.must_be_equal();
                lane.nothing_is_left();
            }
            // The database is there, and the journal does not know of it, or not which it is.
            Some(4 | 5) => {
                refused += 1;
                let named = ran.stderr.contains("small_moved") && ran.stderr.contains("next:");
                assert!(named, "after {kept} lines: {}", ran.stderr);
            }
            _ => ran.must_end(0, &["after so many lines:", &kept.to_string()]),
        }
    }
    assert!(
        equal > 5 && refused > 5,
        "{equal} ended equal, {refused} were refused"
    );
}

#[test]
fn a_cut_journal_never_doubles_rows_without_a_key() {
    let lane = Lane::new(&plan("schema_only.yaml"));
    lane.apply().must_end(0, &[]);
    lane.folder.write(&plan("data_only.yaml"));
    std::fs::remove_dir_all(lane.folder.state()).expect("ours");
    let points = lane.apply_until(0).stderr.matches("crash point").count() as u64;
    let expected = lane.seen();
    std::fs::remove_dir_all(lane.folder.state()).expect("ours");
    assert_eq!(lane.apply_until(points - 2).exit, None);
    let lines = lane.journal();
    let saved = lane.folder.path().join("saved");
    copy(&lane.folder.state(), &saved);
    for kept in 0..lines.len() {
        std::fs::remove_dir_all(lane.folder.state()).expect("ours");
        copy(&saved, &lane.folder.state());
        let text = format!("{}\n", lines[..kept].join("\n"));
        lane.write_journal(text.trim_start().as_bytes());
        apply_again(&lane).must_end(0, &[]);
        let differences = between(&expected, &lane.seen());
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

#[test]
fn garbage_at_the_end_is_cut_off_and_in_the_middle_refused() {
    let lane = Lane::new(&plan("offline.yaml"));
    let lines = killed_near_the_end(&lane);
    let whole = format!("{}\n", lines.join("\n")).into_bytes();
    lane.write_journal(&[&whole[..], b"\xff\xfe garbage\n"].concat());
    lane.apply()
        .must_end(5, &["is not a journal entry", "next:"]);
    lane.write_journal(&[&whole[..], b"\xc3"].concat());
    lane.must_complete_equal();
}
