//! Kills the demo of `plans/demo` where it can die, and resumes. Its throwaway servers live on
//! through it all. Never judges by the program's own verdict: psql asks both servers the questions
//! that the demo shows as its proof.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use pg_dbmigrator::embedded::{self, Side};

use super::kills::{ENOUGH, LANES};
use crate::support::programs::{client, must};
use crate::support::scratch::{Scratch, ran};
use crate::support::tool::Ran;
use crate::support::{kill_every, newest_tools};

const PLAN: &str = "plans/demo/migrate.yaml";

/// How far one kill is from the next: its steps are those of every plan without keys of its own.
const EVERY: usize = 3;

/// The demo, in a copy of its own.
struct Demo(Scratch);

impl Demo {
    /// The demo, with its servers started and nothing done.
    fn new() -> Self {
        let demo = Self(Scratch::with(&["plans"]));
        demo.0.run(&["plan", PLAN]).must_end(0, &[]);
        demo
    }

    fn state(&self) -> PathBuf {
        self.0.path().join(PLAN).with_extension("state")
    }

    fn apply_until(&self, point: Option<u64>) -> Ran {
        let mut command = self.0.command("pg_dbmigrator", &["apply", "--yes", PLAN]);
        if let Some(point) = point {
            command.env("PG_DBMIGRATOR_DIE_AT", point.to_string());
        }
        ran(&mut command)
    }

    fn psql(&self, side: Side, database: &str, arguments: &[&str]) -> String {
        let servers = embedded::list(&self.state()).expect("they were started");
        let server = servers
            .into_iter()
            .find(|listed| listed.server.side == side);
        let mut server = server.expect("both were started").server;
        database.clone_into(&mut server.database);
        let mut psql = client(&newest_tools(), "psql");
        must(
            psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", &server.url()])
                .args(arguments),
        )
    }

    /// What psql hears from one side.
    fn answers(&self, side: Side) -> String {
        let proof = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/demo/proof.sql");
        let proof = proof.to_str().expect("the checkout has a plain name");
        self.psql(side, "shop", &["-f", proof])
    }

    /// As before the first run, but for the servers.
    fn start_over(&self) {
        let entries = std::fs::read_dir(self.state()).expect("it is there");
        for entry in entries.map(|entry| entry.expect("ours").path()) {
            match entry.is_dir() {
                true if entry.ends_with("embedded") => Ok(()),
                true => std::fs::remove_dir_all(entry),
                false => std::fs::remove_file(entry),
            }
            .expect("ours");
        }
        for sql in [
            "drop database if exists shop with (force)",
            "drop role if exists shop_app, shop_owner, shop_report",
        ] {
            self.psql(Side::Target, "postgres", &["-c", sql]);
        }
    }

    /// What is wrong after a run that is killed at `point` and resumed.
    fn killed_and_resumed(&self, point: u64) -> Option<String> {
        self.start_over();
        let killed = self.apply_until(Some(point));
        if killed.exit.is_some() {
            return Some(format!("it was not killed: {}", killed.stderr));
        }
        let resumed = self.apply_until(None);
        if resumed.exit != Some(0) {
            return Some(format!("the second run: {}", resumed.stderr));
        }
        let [source, target] = Side::ALL.map(|side| self.answers(side));
        let equal = source == target && source.lines().count() > 20;
        (!equal).then(|| format!("source:\n{source}\ntarget:\n{target}"))
    }
}

#[test]
fn the_demo_killed_at_any_point_and_resumed_gives_the_same_answers() {
    let lanes: Vec<Demo> = (0..LANES).map(|_| Demo::new()).collect();
    let whole = lanes[0].apply_until(Some(0));
    whole.must_end(0, &[]);
    let points = whole.stderr.matches("crash point").count() as u64;
    assert!(points > 40, "{}", whole.stderr);
    let kills: Vec<u64> = (1..=points).rev().step_by(kill_every(EVERY)).collect();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for lane in &lanes {
            scope.spawn(|| {
                while let Some(point) = kills.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = lane.killed_and_resumed(*point);
                    let mut wrong = wrong.lock().expect("no holder panics");
                    wrong.extend(found.map(|found| format!("at {point}: {found}")));
                    if wrong.len() > ENOUGH {
                        break;
                    }
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
