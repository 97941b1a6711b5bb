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
        let (exit, signal) = match self {
            Self::Interrupt => (Exit::Interrupted, "SIGINT"),
            Self::Terminate => (Exit::Terminated, "SIGTERM"),
        };
        Error::new(
            exit,
            format!("stopped safely on {signal}"),
            "Run the same `pg_dbmigrator apply` again: it goes on from here.",
        )
    }
}
