//! Kills cutovers and rollbacks wherever they can die, under the ledger, and says the same command
//! again. Never asks the program alone whether that went well: the ledger knows.
//! `KILL_EVERY=1` kills at every point, instead of every few.

use std::time::Instant;

use super::night::Night;
use super::serves;
use crate::support::kill_every;
use crate::support::ledger::{Ledger, Side};
use crate::support::tool::Ran;

/// How many points lie between two kills, unless the environment says so.
const EVERY: usize = 25;

/// One of the two switches, as a command.
struct Switch {
    command: &'static str,
    to: Side,
}

const SWITCHES: [Switch; 2] = [
    Switch {
        command: "cutover",
        to: Side::Target,
    },
    Switch {
        command: "rollback",
        to: Side::Source,
    },
];

impl Switch {
    /// Dies at this point, and goes on; `false` when there is no such point.
    fn survive(&self, night: &Night, ledger: &Ledger, point: usize) -> bool {
        let begun = Instant::now();
        let killed = night.run_until(&[self.command, "--yes"], point);
        let died = killed.exit.is_none();
        if died {
            let again = night.folder.run(&[self.command, "--yes"]);
            self.must_have_switched(&again, point);
        } else {
            self.must_have_switched(&killed, point);
        }
        serves(ledger, begun, self.to);
        died
    }

    #[track_caller]
    fn must_have_switched(&self, ran: &Ran, point: usize) {
        assert_eq!(
            ran.exit,
            Some(0),
            "{} killed at {point}, and again:\n{}\n{}",
            self.command,
            ran.stdout,
            ran.stderr
        );
    }
}

#[test]
fn a_cutover_or_rollback_killed_at_any_point_is_finished_when_asked_again() {
    let night = Night::new(15, 15, "verify: off");
    let ledger = night.open_the_shop();
    night.replicate();
    let mut deadly = 0;
    for point in (1..).step_by(kill_every(EVERY)) {
        let died = SWITCHES.map(|switch| switch.survive(&night, &ledger, point));
        deadly += died.iter().filter(|died| **died).count();
        if died == [false; 2] {
            break;
        }
    }
    assert!(deadly > 0, "no point was ever reached");
    night.must_be_on_the_source(&ledger.stop());
    night.must_abort();
}
