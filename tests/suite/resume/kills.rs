//! Kills every plan of `plans/` where it can die, the first one at every point, and resumes.
//! `KILL_EVERY=1` leaves out no point of any plan.
//! Never judges by the program's own verdict alone: the independent check looks at the target.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::ground::{Lane, TARGET, plan};
use crate::support::compare::{Facts, between};
use crate::support::kill_every;

/// How many migrations run side by side.
pub(super) const LANES: usize = 2;

/// How far one kill is from the next, of plans after the first.
const EVERY: usize = 2;

/// How many failures are enough to look for their cause.
pub(super) const ENOUGH: usize = 4;

/// A plan, and what the target holds before it is carried out. `online/everywhere.rs` has the online one.
struct Case {
    plan: &'static str,
    before: Before,
}

enum Before {
    /// There is no such database.
    Nothing,
    /// It is there and empty.
    Empty,
    /// It is there and holds something else.
    Filled,
    /// It holds the structure, and rows that have to go.
    Structure,
}

const CASES: &[Case] = &[
    Case {
        plan: "offline.yaml",
        before: Before::Nothing,
    },
    Case {
        plan: "dump.yaml",
        before: Before::Nothing,
    },
    Case {
        plan: "dump.yaml",
        before: Before::Empty,
    },
    Case {
        plan: "replace.yaml",
        before: Before::Filled,
    },
    Case {
        plan: "schema_only.yaml",
        before: Before::Nothing,
    },
    Case {
        plan: "data_only.yaml",
        before: Before::Structure,
    },
    Case {
        plan: "choose.yaml",
        before: Before::Nothing,
    },
    Case {
        plan: "without_owners.yaml",
        before: Before::Empty,
    },
    Case {
        plan: "stream.yaml",
        before: Before::Nothing,
    },
    Case {
        plan: "stream.yaml",
        before: Before::Empty,
    },
];

impl Case {
    fn prepare(&self, lane: &Lane) {
        lane.start_over();
        lane.folder.write(&plan(self.plan));
        let postgres = |sql: &str| lane.target.psql("postgres", sql);
        match self.before {
            Before::Nothing => return,
            Before::Empty | Before::Filled => {
                postgres(&format!("create database {TARGET} template template0"));
            }
            Before::Structure => {
                lane.folder.write(&plan("schema_only.yaml"));
                lane.apply().must_end(0, &[]);
                lane.folder.write(&plan(self.plan));
                std::fs::remove_dir_all(lane.folder.state()).expect("ours");
                lane.target
                    .psql(TARGET, "insert into readings values ('epoch', 1)");
            }
        };
        if matches!(self.before, Before::Filled) {
            lane.target.psql(
                TARGET,
                "create table orders (what text); create table gone ()",
            );
        }
    }
}

#[test]
fn every_plan_in_plans_is_one_of_those_that_are_killed() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
    for entry in std::fs::read_dir(folder).expect("it is in the repository") {
        let name = entry.expect("it can be read").file_name();
        let name = name.to_string_lossy();
        let elsewhere = ["demo", "online.yaml"];
        let known = elsewhere.contains(&&*name) || CASES.iter().any(|case| case.plan == name);
        assert!(
            known,
            "add plans/{name} to the plans that are killed everywhere"
        );
    }
}

#[test]
fn a_migration_killed_at_any_point_and_resumed_ends_equal() {
    let lanes: Vec<Lane> = (0..LANES).map(|_| Lane::new("")).collect();
    let mut expected = BTreeMap::new();
    let mut kills = Vec::new();
    for (number, case) in CASES.iter().enumerate() {
        case.prepare(&lanes[0]);
        let ran = lanes[0].apply_until(0);
        ran.must_end(0, &[]);
        expected.insert(number, lanes[0].seen());
        let points = ran.stderr.matches("crash point").count() as u64;
        assert!(points > 20, "{}", ran.stderr);
        // The first plan is the one that most begin with; of one that is killed in another case, some
        // points tell whether what was there before makes a difference.
        let known = CASES[..number].iter().any(|other| other.plan == case.plan);
        let step = match number {
            0 => 1,
            _ if known => kill_every(3),
            _ => kill_every(EVERY),
        };
        kills.extend(
            (1..=points)
                .rev()
                .step_by(step)
                .map(|point| (number, point)),
        );
        if ["offline.yaml", "dump.yaml"].contains(&case.plan) {
            lanes[0].must_be_equal();
        }
    }
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for lane in &lanes {
            let (next, wrong, kills, expected) = (&next, &wrong, &kills, &expected);
            scope.spawn(move || {
                while let Some((case, point)) = kills.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = killed_and_resumed(lane, &CASES[*case], *point, &expected[case]);
                    let mut wrong = wrong.lock().expect("no holder panics");
                    if wrong.len() > ENOUGH {
                        break;
                    }
                    wrong.extend(
                        found.map(|found| format!("{} at {point}: {found}", CASES[*case].plan)),
                    );
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no holder panics");
    assert!(
        wrong.is_empty(),
        "of {} kills:\n{}",
        kills.len(),
        wrong.join("\n")
    );
}

/// Kills at `point`, kills the resumed run somewhere else, resumes again.
fn killed_and_resumed(lane: &Lane, case: &Case, point: u64, expected: &Facts) -> Option<String> {
    case.prepare(lane);
    let first = lane.apply_until(point);
    if first.exit.is_some() {
        return Some(format!("it was not killed: {}", first.stderr));
    }
    if point.is_multiple_of(3) {
        // Anywhere, but the same anywhere on every run of the tests.
        let second = lane.apply_until(1 + point * 7919 % 31);
        if second.exit.is_some_and(|exit| exit != 0) {
            return Some(format!("the second run: {}", second.stderr));
        }
    }
    let third = lane.apply();
    if third.exit != Some(0) {
        return Some(format!("the third run: {}", third.stderr));
    }
    lane.nothing_is_left();
    let differences = between(expected, &lane.seen());
    (!differences.is_empty()).then(|| differences.join("\n"))
}
