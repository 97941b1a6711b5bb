//! Stopping safely: a signal asks, and whatever runs ends at the next safe point.
//! It never ends the process itself.

use tokio::sync::watch;

use crate::error::{Error, Exit};

/// Who asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// SIGINT: Ctrl+C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// Another migration holds the lock on the target, which ours lost with its session.
    LockLost,
}

/// Asks a running migration to stop safely.
#[derive(Debug, Clone)]
pub struct StopHandle(watch::Sender<Option<StopReason>>);

/// Listens for a request to stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<StopReason>>);

/// Makes the two ends.
pub fn channel() -> (StopHandle, Stop) {
    let (sender, receiver) = watch::channel(None);
    (StopHandle(sender), Stop(receiver))
}

impl StopHandle {
    /// Asks for a safe, resumable stop.
    pub fn request(&self, reason: StopReason) {
        self.0
            .send_if_modified(|asked| asked.replace(reason).is_none());
    }
}

impl Stop {
    /// Whether a stop was asked for.
    pub fn asked(&self) -> Option<StopReason> {
        *self.0.borrow()
    }

    /// Waits until a stop is asked for.
    pub async fn wait(&self) -> StopReason {
        let mut receiver = self.0.clone();
        loop {
            if let Some(reason) = *receiver.borrow_and_update() {
                return reason;
            }
            if receiver.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl StopReason {
    /// The error that a stopped step ends with.
    pub fn error(self) -> Error {
        let (exit, what) = match self {
            Self::Interrupt => (Exit::Interrupted, "stopped safely on SIGINT"),
            Self::Terminate => (Exit::Terminated, "stopped safely on SIGTERM"),
            Self::LockLost => (
                Exit::Locked,
                "stopped safely: the session that held the lock on the target was ended, and \
                 another migration has taken it",
            ),
        };
        Error::new(
            exit,
            what,
            "Run the same command again: it goes on from here.",
        )
    }
}
