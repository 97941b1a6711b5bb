//! Kills every command of an online migration at every point where it can die, and says the same or
//! another command next, while an application writes. Never asks the program alone how that went.
//! `KILL_EVERY=1` kills at every point, instead of every few.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::clerk::Clerk;
use super::small::{CONNECT, MOVED, ROLES, SHOP, Small};
use crate::support::compare::{Facts, between};
use crate::support::tool::Ran;
use crate::support::{kill_every, wait_until};

/// How many migrations run side by side.
const LANES: usize = 2;

/// How many points lie between two kills, unless the environment says so.
const EVERY: usize = 23;

/// How many failures are enough to look for their cause.
const ENOUGH: usize = 4;

/// The whole migration in one run.
const APPLY: &[&str] = &["apply", "--yes", "--set", "cutover.trigger=when_caught_up"];

/// What is said after a kill.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Next {
    Apply,
    Cutover,
    Abort,
}

const NEXT: [Next; 3] = [Next::Apply, Next::Cutover, Next::Abort];

/// How many points a command has; it is run to its end.
fn points(small: &Small, arguments: &[&str]) -> u64 {
    let ran = small.run_until(arguments, Some(0));
    ran.must_end(0, &[]);
    ran.stderr.matches("crash point").count() as u64
}

/// Does the work of each point on several lanes, and panics with all that went wrong.
fn at_points(
    fence: &str,
    points: &[u64],
    work: impl Fn(&Small, usize, u64) -> Result<(), String> + Sync,
) {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                let small = Small::fenced_by(fence);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(point) = points.get(number) else {
                        return;
                    };
                    let found = work(&small, number, *point);
                    let mut wrong = wrong.lock().expect("no holder panics");
                    wrong.extend(found.err().map(|found| format!("at {point}: {found}")));
                    if wrong.len() > ENOUGH {
                        return;
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no holder panics");
    let count = points.len();
    assert!(
        wrong.is_empty(),
        "of {count} kills:\n{}",
        wrong.join("\n\n")
    );
}

fn ended(ran: &Ran, exit: i32, when: &str) -> Result<(), String> {
    if ran.exit == Some(exit) {
        return Ok(());
    }
    let Ran {
        exit,
        stdout,
        stderr,
    } = ran;
    Err(format!("{when}: {exit:?}\n{stdout}\n{stderr}"))
}

fn none(found: &[String], when: &str) -> Result<(), String> {
    match found.is_empty() {
        true => Ok(()),
        false => Err(format!("{when}: {}", found.join("; "))),
    }
}

#[test]
fn a_migration_killed_anywhere_is_finished_or_taken_back_and_loses_nothing() {
    let small = Small::new();
    let last = points(&small, APPLY);
    drop(small);
    assert!(last > 100, "{last}");
    let all: Vec<u64> = (1..=last).rev().step_by(kill_every(EVERY)).collect();
    at_points(ROLES, &all, killed_and_gone_on_from);
}

#[test]
fn a_migration_that_revokes_connect_is_finished_or_taken_back_where_its_cutover_is_killed() {
    let counted = |arguments| points(&Small::fenced_by(CONNECT), arguments);
    let first = counted(&["apply", "--yes", "--until", "caught-up"]);
    let last = counted(APPLY);
    assert!(last > first + 50, "{first} {last}");
    let all: Vec<u64> = (first..=last).rev().step_by(kill_every(EVERY)).collect();
    at_points(CONNECT, &all, killed_and_gone_on_from);
}

#[test]
fn a_rollback_that_revokes_connect_loses_nothing_where_it_is_killed() {
    rollback_killed_anywhere(CONNECT, kill_every(EVERY) * 2);
}

fn killed_and_gone_on_from(small: &Small, number: usize, point: u64) -> Result<(), String> {
    small.start_over();
    let before = small.structure();
    let clerk = small.open();
    let killed = small.run_until(APPLY, Some(point));
    if killed.exit.is_some() {
        return Err(format!("it was not killed: {}", killed.stderr));
    }
    says_that_it_is_fenced(small)?;
    let next = NEXT[number % NEXT.len()];
    if next == Next::Abort {
        let ran = small.run(&["abort", "--yes"]);
        if !(ran.exit == Some(4) && ran.stderr.contains("the switch to the target is made")) {
            ended(&ran, 0, "abort")?;
            return as_before(small, clerk, &before);
        }
    }
    if point.is_multiple_of(3) {
        // Anywhere, but the same anywhere on every run of the tests.
        small.run_until(APPLY, Some(1 + point * 7919 % 41));
    }
    if next == Next::Cutover {
        let ran = small.run(&["cutover", "--yes"]);
        let unknown = ran.exit == Some(4) && ran.stderr.contains("nothing is replicated yet");
        let already = ran.exit == Some(4) && ran.stderr.contains("done already");
        if !unknown && !already {
            ended(&ran, 0, "cutover")?;
        }
    }
    ended(&small.run(APPLY), 0, "apply")?;
    switched(small, clerk)
}

/// Where nobody can write, `status` says so.
fn says_that_it_is_fenced(small: &Small) -> Result<(), String> {
    if !small.source_is_closed() || small.target_is_open() {
        return Ok(());
    }
    let status = small.run(&["status"]);
    match status.stdout.contains("FENCED") {
        true => Ok(()),
        false => Err(format!("status does not say FENCED: {}", status.stdout)),
    }
}

/// After an abort: the application never left, and nothing tells that there was a migration.
fn as_before(small: &Small, clerk: Clerk, before: &Facts) -> Result<(), String> {
    let so_far = clerk.acknowledged(0);
    wait_until("the application writes to the source", || {
        clerk.acknowledged(0) > so_far + 20
    });
    let written = clerk.stop();
    none(&written.differences(&small.source, SHOP), "after abort")?;
    none(&small.left(), "left after abort")?;
    let differences = between(before, &small.structure());
    none(&differences, "the source after abort")?;
    match small.target_is_open() || small.folder.state().exists() {
        true => Err("the target database or the state is still there".to_owned()),
        false => Ok(()),
    }
}

/// After the cutover: the application writes to the target, nothing was lost, and after finalize
/// nothing is left.
fn switched(small: &Small, clerk: Clerk) -> Result<(), String> {
    let so_far = clerk.acknowledged(1);
    wait_until("the application writes to the target", || {
        clerk.acknowledged(1) > so_far + 20
    });
    if !small.source_is_closed() {
        return Err("the source is not fenced".to_owned());
    }
    let written = clerk.stop();
    none(
        &written.differences(&small.target, MOVED),
        "after the cutover",
    )?;
    wait_until("the source has followed the target", || {
        let differences = small.differences();
        !differences.iter().any(|text| text.starts_with("rows of"))
    });
    ended(&small.run(&["finalize", "--yes"]), 0, "finalize")?;
    none(&small.left(), "left after finalize")?;
    none(&small.differences(), "source and target")
}

#[test]
fn an_abort_killed_anywhere_and_said_again_leaves_the_source_as_it_was() {
    let small = Small::new();
    small.replicate();
    let last = points(&small, &["abort", "--yes"]);
    drop(small);
    let all: Vec<u64> = (1..=last).step_by(kill_every(EVERY).div_ceil(2)).collect();
    at_points(ROLES, &all, |small, number, point| {
        small.start_over();
        let before = small.structure();
        let clerk = small.open();
        if number.is_multiple_of(2) {
            small.replicate();
        } else {
            killed_while_fenced(small)?;
        }
        let killed = small.run_until(&["abort", "--yes"], Some(point));
        if killed.exit.is_some() && killed.exit != Some(0) {
            return Err(format!("abort: {}", killed.stderr));
        }
        if killed.exit.is_none() {
            let refused = small.run(&["apply", "--yes", "--until", "caught-up"]);
            if refused.exit == Some(4) {
                ended(&small.run(&["abort", "--yes"]), 0, "abort again")?;
            } else {
                // Nothing of the abort was written down yet, or all was done: it is a new one.
                small.run(&["abort", "--yes"]);
            }
        }
        as_before(small, clerk, &before)
    });
}

/// A run that dies in its cutover, while nobody can write anywhere.
fn killed_while_fenced(small: &Small) -> Result<(), String> {
    small.replicate();
    let apply = small.hold_up_the_cutover(&[]);
    super::small::kill(apply);
    small.let_go();
    match small.source_is_closed() {
        true => says_that_it_is_fenced(small),
        false => Err("the source is not fenced".to_owned()),
    }
}

#[test]
fn a_finalize_killed_anywhere_and_said_again_leaves_nothing() {
    let small = Small::new();
    ended(&small.run(APPLY), 0, "apply").expect("it completes");
    let last = points(&small, &["finalize", "--yes"]);
    drop(small);
    let all: Vec<u64> = (1..=last).step_by(kill_every(EVERY).div_ceil(2)).collect();
    at_points(ROLES, &all, |small, _, point| {
        small.start_over();
        ended(&small.run(APPLY), 0, "apply")?;
        let killed = small.run_until(&["finalize", "--yes"], Some(point));
        if killed.exit.is_some() {
            return Err(format!("it was not killed: {}", killed.stderr));
        }
        if small.folder.state().exists() {
            if !small.journal().contains("\"finalize.") {
                return ended(&small.run(&["finalize", "--yes"]), 0, "finalize again");
            }
            let begun = small.run(&["rollback", "--yes"]);
            if begun.exit == Some(0) {
                return Err("a rollback of what is half removed".to_owned());
            }
            ended(&small.run(&["finalize", "--yes"]), 0, "finalize again")?;
        }
        none(&small.left(), "left after finalize")
    });
}

#[test]
fn a_rollback_killed_anywhere_and_said_again_loses_nothing() {
    rollback_killed_anywhere(ROLES, kill_every(EVERY));
}

fn rollback_killed_anywhere(fence: &str, every: usize) {
    let small = Small::fenced_by(fence);
    ended(&small.run(APPLY), 0, "apply").expect("it completes");
    let last = points(&small, &["rollback", "--yes"]);
    drop(small);
    let all: Vec<u64> = (1..=last).step_by(every).collect();
    at_points(fence, &all, |small, number, point| {
        small.start_over();
        let before = small.structure();
        let clerk = small.open();
        ended(&small.run(APPLY), 0, "apply")?;
        let killed = small.run_until(&["rollback", "--yes"], Some(point));
        if killed.exit.is_some() {
            return Err(format!("it was not killed: {}", killed.stderr));
        }
        says_that_it_is_fenced(small)?;
        if small.journal().contains("rolled_back") {
            return rolled_back(small, clerk, &before);
        }
        // Apply has the target serve again; what does not belong there is refused.
        let others = [("finalize", 4), ("abort", 4), ("apply", 0)];
        let (other, exit) = others[number % others.len()];
        if small.journal().contains("\"rollback.before\"") && exit == 4 {
            ended(&small.run(&[other, "--yes"]), exit, other)?;
        }
        if !small.journal().contains("\"rollback.open\"") && exit == 0 {
            ended(&small.run(&[other, "--yes"]), exit, other)?;
        }
        ended(&small.run(&["rollback", "--yes"]), 0, "rollback again")?;
        rolled_back(small, clerk, &before)
    });
}

/// After a rollback: the application writes to the source, and an abort leaves nothing else there.
fn rolled_back(small: &Small, clerk: Clerk, before: &Facts) -> Result<(), String> {
    let so_far = clerk.acknowledged(0);
    wait_until("the application writes to the source", || {
        clerk.acknowledged(0) > so_far + 20
    });
    ended(&small.run(&["abort", "--yes"]), 0, "abort")?;
    as_before(small, clerk, before)
}
