//! SIGINT and SIGTERM: the first asks for a safe stop, a second SIGINT ends the process at once;
//! while a migration streams, the first SIGINT asks for its cutover.
//! Nothing is undone here; `apply` goes on from what the journal says.

use std::sync::Once;

use tokio::signal::unix::{SignalKind, signal};

use crate::error::Exit;
use crate::leftovers;
use crate::migrator::Migrator;
use crate::stop::StopReason;

/// Listens for signals for as long as the process lives. A command that tries again is listening.
pub(super) fn stop_on_signals(migrator: &Migrator) {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| listen(migrator));
}

fn listen(migrator: &Migrator) {
    let stop = migrator.stop_handle();
    let cutover = migrator.cutover_handle();
    let state = migrator.state().path().to_owned();
    let on = |kind| signal(kind).expect("a signal handler can be installed");
    let mut interrupt = on(SignalKind::interrupt());
    let mut terminate = on(SignalKind::terminate());
    tokio::spawn(async move {
        let mut interrupts = 0;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {
                    if cutover.is_streaming() {
                        tracing::warn!("cutting over; press Ctrl+C again to take it back");
                        cutover.request();
                        continue;
                    }
                    interrupts += 1;
                    if interrupts > 1 {
                        // The journal is always on disk; of the child programs only the first
                        // process of each would die with this one.
                        leftovers::kill_programs(&state);
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
