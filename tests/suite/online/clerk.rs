//! A small application: one session that writes to every table all the while, goes to the other side
//! when one refuses, and knows which of its commits were acknowledged. Never pauses for long.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, Config, NoTls};

use crate::support::Cluster;

/// The application's role.
pub(super) const CLERK: &str = "clerk";

/// Between two transactions: enough of them, and time for the program on a small machine.
const PAUSE: Duration = Duration::from_millis(4);

/// How long an answer may take, or a new session.
const PATIENCE: Duration = Duration::from_secs(5);

/// The running application; it stops when dropped.
pub(super) struct Clerk {
    stopping: Arc<AtomicBool>,
    acknowledged: [Arc<AtomicU64>; 2],
    thread: Option<JoinHandle<Written>>,
}

/// What it knows of its commits.
#[derive(Default)]
pub(super) struct Written {
    acknowledged: BTreeSet<i64>,
    in_doubt: BTreeSet<i64>,
}

impl Clerk {
    /// Starts to write on the first of two URLs; the second is the target's.
    pub(super) fn start(urls: [String; 2]) -> Self {
        let stopping = Arc::new(AtomicBool::new(false));
        let acknowledged = [Arc::default(), Arc::default()];
        let (stop, counts) = (Arc::clone(&stopping), acknowledged.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("this machine has threads and sockets");
            runtime.block_on(write(&urls, &stop, &counts))
        });
        Self {
            stopping,
            acknowledged,
            thread: Some(thread),
        }
    }

    /// How many commits a side has acknowledged: 0 is the source, 1 the target.
    pub(super) fn acknowledged(&self, side: usize) -> u64 {
        self.acknowledged[side].load(Ordering::Relaxed)
    }

    /// Ends the transaction under way, and says what is known.
    pub(super) fn stop(mut self) -> Written {
        self.stopping.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("only stop takes it");
        thread.join().expect("the application does not panic")
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}

impl Written {
    /// Every way in which a database does not hold what was acknowledged, exactly once.
    pub(super) fn differences(&self, cluster: &Cluster, database: &str) -> Vec<String> {
        let numbers = |sql: &str| -> Vec<i64> {
            let answer = cluster.psql(database, sql);
            let numbers = answer.lines().map(|line| line.parse().expect("a number"));
            numbers.collect()
        };
        let mut all = Vec::new();
        for table in ["entries", "measures"] {
            let found = numbers(&format!("select number from {table} order by 1"));
            let there: BTreeSet<i64> = found.iter().copied().collect();
            let lost: Vec<&i64> = self.acknowledged.difference(&there).collect();
            let strange = |n: &&i64| !self.acknowledged.contains(n) && !self.in_doubt.contains(n);
            let strangers: Vec<&i64> = there.iter().filter(strange).collect();
            if !lost.is_empty() || !strangers.is_empty() || there.len() != found.len() {
                let doubled = found.len() - there.len();
                all.push(format!(
                    "{table}: lost {lost:?}, made up {strangers:?}, {doubled} doubled"
                ));
            }
            let counted = numbers("select value from readings");
            if counted.len() != 3 || counted.iter().any(|n| *n != there.len() as i64) {
                all.push(format!("{} rows, readings say {counted:?}", there.len()));
            }
        }
        all
    }
}

async fn write(urls: &[String; 2], stop: &AtomicBool, counts: &[Arc<AtomicU64>; 2]) -> Written {
    let mut written = Written::default();
    let mut session: Option<Client> = None;
    let (mut side, mut number) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        sleep(PAUSE).await;
        let Some(client) = &session else {
            session = connect(&urls[side]).await;
            if session.is_none() {
                side = 1 - side;
            }
            continue;
        };
        number += 1;
        let sql = transaction(number);
        match timeout(PATIENCE, client.batch_execute(&sql)).await {
            Ok(Ok(())) => {
                written.acknowledged.insert(number);
                counts[side].fetch_add(1, Ordering::Relaxed);
            }
            _ => {
                written.in_doubt.insert(number);
                session = None;
                side = 1 - side;
            }
        }
    }
    written
}

/// One message is one transaction.
fn transaction(number: i64) -> String {
    format!(
        "insert into entries (number, ticket) values ({number}, nextval('tickets')); \
         insert into measures values ({}, {number}); update readings set value = value + 1; \
         insert into drafts values ({number})",
        number % 2
    )
}

async fn connect(url: &str) -> Option<Client> {
    let config: Config = url.parse().expect("the test made the URL");
    let connected = timeout(PATIENCE, config.connect(NoTls)).await;
    let (client, driver) = connected.ok()?.ok()?;
    tokio::spawn(async {
        // Whoever waits for an answer learns of the error too.
        driver.await.unwrap_or_default();
    });
    Some(client)
}
