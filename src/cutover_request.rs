//! The request to cut over: made by a handle in this process, or by a file beside the journal from
//! any other, each with its own. It never cuts over itself; whoever follows the replication sees it.

use std::io::{ErrorKind, Result as IoResult};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use crate::error::Result;
use crate::state::StateDir;

/// Requests the cutover of a migration that streams, or as soon as it does.
#[derive(Debug, Clone)]
pub struct CutoverHandle {
    requested: watch::Sender<bool>,
    streaming: Arc<AtomicBool>,
}

/// Sees requests.
#[derive(Debug, Clone)]
pub(crate) struct CutoverRequests {
    handle: CutoverHandle,
    requested: watch::Receiver<bool>,
}

/// Makes the two ends.
pub(crate) fn channel() -> (CutoverHandle, CutoverRequests) {
    let (sender, receiver) = watch::channel(false);
    let handle = CutoverHandle {
        requested: sender,
        streaming: Arc::default(),
    };
    let requests = CutoverRequests {
        handle: handle.clone(),
        requested: receiver,
    };
    (handle, requests)
}

impl CutoverHandle {
    /// Asks for the cutover; a run that does not stream yet begins it once it does.
    pub fn request(&self) {
        self.requested.send_replace(true);
    }

    /// Takes the request of this process back, as long as nobody has begun to carry it out.
    pub fn withdraw(&self) {
        self.requested.send_replace(false);
    }

    /// Whether this process has asked.
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// Whether the run streams now, waiting for this request.
    pub fn is_streaming(&self) -> bool {
        self.streaming.load(Ordering::Relaxed)
    }
}

impl CutoverRequests {
    /// Says whether the run streams now.
    pub(crate) fn set_streaming(&self, streaming: bool) {
        self.handle.streaming.store(streaming, Ordering::Relaxed);
    }

    /// Whether a request was made.
    pub(crate) fn is_made(&self, state: &StateDir) -> bool {
        *self.requested.borrow() || state.is_asked_for_cutover()
    }

    /// Waits for a request of this process.
    pub(crate) async fn wait(&self) {
        let mut receiver = self.requested.clone();
        // The handle lives as long as this does.
        let _ = receiver.wait_for(|made| *made).await;
    }

    /// Forgets all requests, which are being carried out; whether there was one. Whoever made it
    /// may withdraw it at any moment before.
    ///
    /// # Errors
    /// When the file system says no.
    pub(crate) fn take(&self, state: &StateDir) -> Result<bool> {
        let ours = self.handle.requested.send_replace(false);
        Ok(state.take_cutover_requests()? || ours)
    }
}

/// How the files begin by which other processes ask; each ends with the number of its process, so
/// that one that withdraws its request leaves those of others alone.
const REQUEST: &str = "cutover.requested";

impl StateDir {
    /// Where this process asks for the cutover.
    pub(crate) fn cutover_request(&self) -> PathBuf {
        self.path()
            .join(format!("{REQUEST}.{}", std::process::id()))
    }

    /// Whether a file of the state directory is somebody's request.
    pub(crate) fn is_cutover_request(file: &Path) -> bool {
        let name = file.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with(REQUEST)
    }

    /// Whether a process asks for the cutover by a file.
    pub(crate) fn is_asked_for_cutover(&self) -> bool {
        self.cutover_requests().next().is_some()
    }

    /// Asks whoever works on this plan for the cutover.
    ///
    /// # Errors
    /// When the file system says no.
    pub(crate) fn request_cutover(&self) -> Result<()> {
        std::fs::write(self.cutover_request(), "")
            .map_err(|error| self.trouble("cannot write the request for the cutover", &error))
    }

    /// Keeps the request of this process fresh, if it is there, while it waits: an apply that begins
    /// meanwhile leaves it alone.
    pub(crate) fn renew_cutover_request(&self) {
        let request = std::fs::File::options()
            .write(true)
            .open(self.cutover_request());
        // Taken at this moment, or about to look stale to one that begins: then it is asked anew.
        let _ = request.and_then(|file| file.set_modified(std::time::SystemTime::now()));
    }

    /// Removes the request of this process; whether there was one.
    ///
    /// # Errors
    /// When the file system says no.
    pub(crate) fn withdraw_cutover(&self) -> Result<bool> {
        self.removed(std::fs::remove_file(self.cutover_request()))
    }

    /// Removes the requests of all processes; whether there was one.
    fn take_cutover_requests(&self) -> Result<bool> {
        let mut taken = false;
        for request in self.cutover_requests() {
            taken |= self.removed(std::fs::remove_file(request))?;
        }
        Ok(taken)
    }

    fn cutover_requests(&self) -> impl Iterator<Item = PathBuf> {
        let entries = std::fs::read_dir(self.path()).into_iter().flatten();
        let files = entries.flatten().map(|entry| entry.path());
        files.filter(|file| Self::is_cutover_request(file))
    }

    fn removed(&self, removed: IoResult<()>) -> Result<bool> {
        match removed {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.trouble("cannot remove the request for the cutover", &error)),
        }
    }
}
