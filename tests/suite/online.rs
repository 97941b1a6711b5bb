//! Tests of online migrations, with an application that writes all the while.
//! Never migrates by other means than the built program.

mod bouncer;
mod clerk;
mod closing;
mod connect;
mod copying;
mod cutover;
mod dead_ends;
mod everywhere;
mod failed_apply;
mod gone;
mod guarded;
mod in_the_way;
mod kills;
mod logins;
mod meanwhile;
mod misfortunes;
mod night;
mod promoted;
mod races;
mod sequences;
mod small;
mod stream;
mod switch;
mod taking_back;
mod told;
mod unprivileged;
mod valve;

use std::time::Instant;

use crate::support::ledger::{Ledger, Side};
use crate::support::wait_until;

/// Waits until the application has written to this side for a moment since `begun`.
fn serves(ledger: &Ledger, begun: Instant, side: Side) {
    wait_until("the application writes to the other side", || {
        ledger.acknowledged_since(begun, side) >= 300
    });
}
