//! Stopping safely: a signal asks, and whatever runs ends at the next safe point.
//! It never ends the process itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
pub struct Stop {
    asked: watch::Receiver<Option<StopReason>>,
    ignored: Arc<AtomicBool>,
}

/// Makes the two ends.
pub fn channel() -> (StopHandle, Stop) {
    let (sender, receiver) = watch::channel(None);
    let stop = Stop {
        asked: receiver,
        ignored: Arc::default(),
    };
    (StopHandle(sender), stop)
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
        if self.ignored.load(Ordering::Relaxed) {
            return None;
        }
        *self.asked.borrow()
    }

    /// Puts requests off: for what is quick, and leaves no good state half-way.
    pub(crate) fn ignore(&self, ignored: bool) {
        self.ignored.store(ignored, Ordering::Relaxed);
    }

    /// Waits until a stop is asked for.
    pub async fn wait(&self) -> StopReason {
        let mut receiver = self.asked.clone();
        loop {
            receiver.mark_unchanged();
            if let Some(reason) = self.asked() {
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
