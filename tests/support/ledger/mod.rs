//! The ledger: a program that writes as an application does while its database is moved, and knows
//! exactly which of its commits were acknowledged. Never knows that there is a migration: it only
//! tries the other side when one refuses.

pub(crate) mod book;
mod check;
mod choice;
mod connection;
mod invariants;
mod lane;
mod outages;
mod record;
mod transaction;
mod verdict;

pub(crate) use outages::{Outages, rounds};
pub(crate) use record::Record;
pub(crate) use verdict::Verdict;

use connection::Failure;
use lane::Lane;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Decides everything that the application chooses.
const SEED: u64 = 15_180_016;

/// One of the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// Where the application begins.
    Source,
    /// Where it goes when the source refuses.
    Target,
}

/// The application: where it finds its database, and how much of it there is.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    /// URL of the database that is moved, with the role to use.
    pub(crate) source: String,
    /// URL of where it is moved to.
    pub(crate) target: String,
    /// How many entries are there from the beginning.
    pub(crate) beginning: i64,
    /// How many clients write at full speed, each over two connections.
    pub(crate) clients: i32,
}

/// The running application.
pub(crate) struct Ledger {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Record>>,
}

/// What the lanes and the test share.
struct Shared {
    application: Application,
    stopping: AtomicBool,
    refusals: AtomicUsize,
    duplicates: AtomicUsize,
    /// When each commit was acknowledged, and by whom, in order.
    commits: Mutex<Vec<(Instant, Side)>>,
}

impl Ledger {
    /// Starts the clients. The transactions of a client's two connections overlap: one does short
    /// ones, the other long ones.
    pub(crate) fn start(application: Application) -> Self {
        let clients = application.clients;
        let shared = Arc::new(Shared {
            application,
            stopping: AtomicBool::new(false),
            refusals: AtomicUsize::new(0),
            duplicates: AtomicUsize::new(0),
            commits: Mutex::default(),
        });
        let lanes = (1..=clients * 2).map(|client| Lane {
            client,
            long: client % 2 == 0,
            seed: SEED,
        });
        let lanes: Vec<Lane> = lanes.collect();
        let own = Arc::clone(&shared);
        let thread = std::thread::spawn(move || run(lanes, &own));
        Self {
            shared,
            thread: Some(thread),
        }
    }

    /// How many commits were acknowledged so far, by either side.
    pub(crate) fn acknowledged(&self) -> usize {
        self.shared.acknowledged()
    }

    /// How many commits this side has acknowledged since `begun`.
    pub(crate) fn acknowledged_since(&self, begun: Instant, side: Side) -> usize {
        let commits = self.shared.commits();
        let since = commits.partition_point(|(at, _)| *at < begun);
        commits[since..].iter().filter(|(_, s)| *s == side).count()
    }

    /// How often a client had an error so far, whatever it was.
    pub(crate) fn refusals(&self) -> usize {
        self.shared.refusals.load(Ordering::Relaxed)
    }

    /// How many inserts have failed because a sequence gave a number again.
    pub(crate) fn duplicates(&self) -> usize {
        self.shared.duplicates.load(Ordering::Relaxed)
    }

    /// The longest time without an acknowledged commit of any client since `begun`: the write
    /// outage.
    pub(crate) fn longest_gap_since(&self, begun: Instant) -> Duration {
        record::longest_gap(self.shared.commits().iter().map(|(at, _)| *at), begun)
    }

    /// Lets every client finish its transaction, and says what they have noted.
    pub(crate) fn stop(mut self) -> Record {
        self.shared.stopping.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("only stop takes it");
        thread.join().expect("the clients do not panic")
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
    }
}

fn run(lanes: Vec<Lane>, shared: &Arc<Shared>) -> Record {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("this machine has threads and sockets");
    runtime.block_on(async {
        let running: Vec<_> = lanes
            .into_iter()
            .map(|lane| {
                let shared = Arc::clone(shared);
                tokio::spawn(async move { lane.run(&shared).await })
            })
            .collect();
        let mut record = Record {
            seed: SEED,
            beginning: shared.application.beginning,
            ..Record::default()
        };
        for lane in running {
            record.add(lane.await.expect("a lane does not panic"));
        }
        record.close();
        record
    })
}

impl Side {
    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Source => Self::Target,
            Self::Target => Self::Source,
        }
    }
}

impl Shared {
    fn url(&self, side: Side) -> &str {
        match side {
            Side::Source => &self.application.source,
            Side::Target => &self.application.target,
        }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn acknowledged(&self) -> usize {
        self.commits().len()
    }

    /// Notes a commit; the time is taken here, so that times are in order.
    fn acknowledge(&self, side: Side) -> Instant {
        let mut commits = self.commits();
        let at = Instant::now();
        commits.push((at, side));
        at
    }

    fn report(&self, failure: &Failure) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
        let duplicates = usize::from(failure.is_duplicate());
        self.duplicates.fetch_add(duplicates, Ordering::Relaxed);
    }

    fn commits(&self) -> MutexGuard<'_, Vec<(Instant, Side)>> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
