//! What may happen while an online migration copies, under the ledger: servers that crash, a network
//! that is cut, Ctrl+C. Never accepts less than every acknowledged row, or a cutover nobody asked for.

use std::process::Child;
use std::time::Instant;

use rustix::process::Signal;

use super::night::Night;
use super::serves;
use crate::resume::ground::signal;
use crate::support::ledger::{Ledger, Side};
use crate::support::tool::Ran;
use crate::support::wait_until;

/// So many entries that copying them takes long enough to be caught at it.
const MANY: i64 = 60_000;

/// What was copied could not be compared: never taken for a success.
const UNPROVEN: i32 = 7;
const INTERRUPTED: i32 = 130;

/// What is under way when something happens.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Rows of the source are read.
    Dump,
    /// Rows are written to the target.
    Restore,
}

impl Moment {
    /// Waits until rows are on the move, and panics when there is nothing to interrupt any more.
    fn wait(self, night: &Night) {
        let (cluster, command) = match self {
            Self::Dump => (&night.source, "COPY TO"),
            Self::Restore => (&night.target, "COPY FROM"),
        };
        // One session that looks on: a new one for each look would miss a small part.
        let sql = format!(
            "do $$ begin
                for look in 1..20000 loop
                    perform pg_stat_clear_snapshot();
                    if exists (select from pg_stat_progress_copy
                        where command = '{command}' and tuples_processed > 0) then return; end if;
                    perform pg_sleep(0.001);
                end loop;
                raise 'nothing was copied within half a minute';
            end $$"
        );
        cluster.psql("postgres", &sql);
    }

    /// The step that was interrupted.
    fn step(self) -> &'static str {
        match self {
            Self::Dump => "dump.run",
            Self::Restore => "restore.run",
        }
    }
}

/// A copy of much, under the ledger.
struct Copying {
    night: Night,
    ledger: Ledger,
    beginning: i64,
}

impl Copying {
    fn of(night: Night) -> Self {
        let beginning = night.add_a_burst(MANY);
        let ledger = night.open_the_shop();
        Self {
            night,
            ledger,
            beginning,
        }
    }

    /// An apply that is at this moment.
    fn at(&self, moment: Moment) -> Child {
        let apply = self.night.start(&["apply", "--yes"]);
        moment.wait(&self.night);
        apply
    }

    /// This moment's step does not end well: apply ends so, with these words.
    #[track_caller]
    fn ends(&self, apply: Child, moment: Moment, (exit, words): (i32, &[&str])) {
        self.night.end_of(apply).must_end(exit, words);
        let journal = self.journal();
        let done = format!("\"done\",\"step\":\"{}\"", moment.step());
        assert!(!journal.contains(&done), "{moment:?} was over:\n{journal}");
    }

    /// Waits for the end of an apply that may do all its work again, as long as it gets on.
    fn end_of_busy(&self, mut apply: Child) -> Ran {
        let mut ended = || apply.try_wait().expect("it is a child").is_some();
        while !ended() {
            let done = self.journal().len();
            wait_until("another step, or the end", || {
                ended() || self.journal().len() > done
            });
        }
        self.night.end_of(apply)
    }

    fn journal(&self) -> String {
        let journal = self.night.folder.state().join("journal.jsonl");
        std::fs::read_to_string(journal).expect("apply wrote it")
    }

    /// Everything is as if nothing had happened: the application writes to the source, and what it
    /// ever wrote is on the target after the cutover, and nothing is left behind after all.
    fn must_lose_nothing(self, apply: Option<Child>) {
        serves(&self.ledger, Instant::now(), Side::Source);
        match &apply {
            Some(_) => wait_until("the target has caught up", || {
                self.night.times_caught_up() > 0
            }),
            None => self.night.replicate(),
        }
        assert!(!self.journal().contains("cutover."), "{}", self.journal());
        let begun = Instant::now();
        self.night.cut_over().must_end(0, &[]);
        serves(&self.ledger, begun, Side::Target);
        if let Some(apply) = apply {
            self.night.end_of(apply).must_end(0, &[]);
        }
        let mut record = self.ledger.stop();
        record.beginning = self.beginning;
        self.night.must_be_on_the_target(&record);
        self.night.must_finalize();
    }
}

/// What is said of a program that lost its server.
const STARTS_OVER: &[&str] = &["did not succeed", "next:", "again: this step starts over"];

#[test]
fn a_source_that_crashes_while_it_is_copied_loses_nothing() {
    let copying = Copying::of(Night::new(15, 18, "verify: counts").dumped());
    let apply = copying.at(Moment::Dump);
    copying.night.source.restart();
    copying.ends(apply, Moment::Dump, (1, STARTS_OVER));
    // All is read: a restore does not need the source.
    let apply = copying.at(Moment::Restore);
    copying.night.source.restart();
    copying.must_lose_nothing(Some(apply));
}

#[test]
fn a_target_that_crashes_while_it_is_filled_loses_nothing() {
    let copying = Copying::of(Night::new(15, 18, "verify: counts").dumped());
    // Nothing is written yet: a dump does not need the target.
    let apply = copying.at(Moment::Dump);
    copying.night.target.restart();
    Moment::Restore.wait(&copying.night);
    copying.night.target.restart();
    copying.ends(apply, Moment::Restore, (1, STARTS_OVER));
    copying.must_lose_nothing(None);
}

#[test]
fn a_network_cut_while_it_copies_loses_nothing() {
    let (night, network) = Night::over_a_network();
    let copying = Copying::of(night.dumped());
    let apply = copying.at(Moment::Dump);
    network.of_the_program.cut();
    copying.ends(apply, Moment::Dump, (1, STARTS_OVER));
    network.of_the_program.heal();
    let apply = copying.at(Moment::Restore);
    network.of_the_program.cut();
    let words = ["cannot connect to the source", "verify.", "next:"];
    copying.night.end_of(apply).must_end(UNPROVEN, &words);
    network.of_the_program.heal();
    copying.must_lose_nothing(None);
}

#[test]
fn ctrl_c_while_it_copies_stops_safely_and_never_cuts_over() {
    let copying = Copying::of(Night::new(15, 15, "verify: off").dumped());
    let before = copying.ledger.refusals();
    for moment in [Moment::Dump, Moment::Restore] {
        let apply = copying.at(moment);
        signal(&apply, Signal::INT);
        let words = ["stopped safely", "again: it goes on from here"];
        copying.ends(apply, moment, (INTERRUPTED, &words));
    }
    let refusals = copying.ledger.refusals() - before;
    assert_eq!(refusals, 0, "the application saw an error");
    copying.must_lose_nothing(None);
}

/// What befalls a streamed copy ends it, or costs it a part or all that it has; another apply ends
/// what the first did not.
fn a_streamed_copy_survives(night: Night, misfortune: impl FnOnce(&Night)) {
    let copying = Copying::of(night.in_parts());
    let apply = copying
        .night
        .start(&["apply", "--yes", "--until", "caught-up"]);
    Moment::Restore.wait(&copying.night);
    misfortune(&copying.night);
    let ran = copying.end_of_busy(apply);
    assert!(matches!(ran.exit, Some(0 | 1 | UNPROVEN)), "{ran:?}");
    assert!(
        ran.exit == Some(0) || ran.stderr.contains("next:"),
        "{ran:?}"
    );
    copying.night.replicate();
    copying.must_lose_nothing(None);
}

#[test]
fn a_source_that_crashes_while_it_is_streamed_loses_nothing() {
    a_streamed_copy_survives(Night::new(15, 18, "verify: counts"), |night| {
        night.source.restart();
    });
}

#[test]
fn a_target_that_crashes_while_it_is_streamed_to_loses_nothing() {
    a_streamed_copy_survives(Night::new(15, 18, "verify: counts"), |night| {
        night.target.restart();
    });
}

#[test]
fn a_network_cut_while_it_streams_loses_nothing() {
    let (night, network) = Night::over_a_network();
    a_streamed_copy_survives(night, |_| {
        network.of_the_program.cut();
        network.of_the_program.heal();
    });
}

#[test]
fn ctrl_c_while_it_streams_stops_safely_and_never_cuts_over() {
    let copying = Copying::of(Night::new(15, 15, "verify: off").in_parts());
    let before = copying.ledger.refusals();
    let apply = copying.at(Moment::Restore);
    signal(&apply, Signal::INT);
    let words = ["stopped safely", "again: it goes on from here"];
    copying.night.end_of(apply).must_end(INTERRUPTED, &words);
    let refusals = copying.ledger.refusals() - before;
    assert_eq!(refusals, 0, "the application saw an error");
    copying.must_lose_nothing(None);
}
