//! SIGINT and SIGTERM: the first asks for a safe stop, a second SIGINT ends the process at once, and
//! says so where that leaves the application fenced off; while a migration streams, SIGINT asks for
//! its cutover, or takes that back. Nothing is undone here; `apply` goes on from what the journal says.

use std::sync::Once;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cutover_request::CutoverHandle;
use crate::error::Exit;
use crate::leftovers;
use crate::migrator::{Migrator, still_closed};
use crate::state::CONNECTION_FILES;
use crate::stop::StopReason;

/// SIGINT and SIGTERM, for whoever waits for another process.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn listen() -> Self {
        Self {
            interrupt: on(SignalKind::interrupt()),
            terminate: on(SignalKind::terminate()),
        }
    }

    /// Waits for the next one; one that came since the last call counts.
    pub(super) async fn next(&mut self) -> StopReason {
        tokio::select! {
            _ = self.interrupt.recv() => StopReason::Interrupt,
            _ = self.terminate.recv() => StopReason::Terminate,
        }
    }
}

fn on(kind: SignalKind) -> Signal {
    signal(kind).expect("a signal handler can be installed")
}

/// Listens for signals for as long as the process lives. A command that tries again is listening.
pub(super) fn stop_on_signals(migrator: &Migrator) {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| listen(migrator));
}

fn listen(migrator: &Migrator) {
    let stop = migrator.stop_handle();
    let cutover = migrator.cutover_handle();
    let state = migrator.state().clone();
    let plan = migrator.resolved().path.clone();
    let mut interrupt = on(SignalKind::interrupt());
    let mut terminate = on(SignalKind::terminate());
    tokio::spawn(async move {
        let mut interrupts = 0;
        let mut asked = false;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {
                    if cutover.is_streaming() && turn(&cutover, &mut asked) {
                        continue;
                    }
                    interrupts += 1;
                    if interrupts > 1 {
                        // The journal is always on disk; of the child programs only the first
                        // process of each would die with this one.
                        leftovers::kill_programs(state.path(), CONNECTION_FILES);
                        if let Some(warning) = still_closed(&state, &plan) {
                            tracing::error!("{warning}");
                        }
                        std::process::exit(Exit::Interrupted as i32);
                    }
                    tracing::warn!("stopping safely; press Ctrl+C again to stop at once");
                    stop.request(StopReason::Interrupt);
                }
                _ = terminate.recv() => stop.request(StopReason::Terminate),
            }
        }
    });
}

/// Asks for the cutover, or takes that back while it waits for a backlog. `false` where a cutover was
/// what this process was started for: then there is nothing to go on with.
fn turn(cutover: &CutoverHandle, asked: &mut bool) -> bool {
    if !cutover.is_requested() {
        cutover.request();
        *asked = true;
        tracing::warn!("cutting over; press Ctrl+C again to take it back");
        return true;
    }
    if !*asked {
        return false;
    }
    cutover.withdraw();
    *asked = false;
    tracing::warn!(
        "the cutover is withdrawn: it goes on streaming; Ctrl+C asks for the cutover again, \
         SIGTERM stops"
    );
    true
}
