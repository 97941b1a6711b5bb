//! The exported snapshot of the source: one moment that the dump, the streams and the counts all see.
//! It never outlives the session that holds it: of this process, or of a keeper's.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::effect::SnapshotWanted;
use crate::effect::replication::slot::{self, Making, SlotMade};
use crate::error::{Error, Result};
use crate::postgres::{Conninfo, NO_TIMEOUTS, Session, qualified};

/// Exports the snapshot and says its name.
const EXPORT: &str = "select pg_export_snapshot()";

/// How many tables one statement locks: few enough for its text to stay readable.
const TABLES_PER_STATEMENT: usize = 50;

/// What the session that holds the snapshot sends, in order, for tables of (schema, name). An
/// exported snapshot lives as long as its session, so nothing may time it out.
///
/// The locks come before the snapshot, which the transaction takes with its first query: TRUNCATE
/// and a rewriting ALTER TABLE are not MVCC-safe, and one that committed between a snapshot and
/// the lock of `pg_dump` would show that snapshot an empty table (Caveats of the chapter
/// Concurrency Control).
///
/// The snapshot of a slot is another session's, a walsender's, and is exported again from here:
/// LOCK TABLE takes no snapshot, so that one can still be set after it.
pub(crate) fn statements(wanted: &SnapshotWanted) -> Vec<String> {
    let SnapshotWanted {
        tables,
        lock_timeout,
        slot,
        keep: _,
    } = wanted;
    let mut all = vec![
        NO_TIMEOUTS.to_owned(),
        set_lock_timeout(*lock_timeout),
        "begin isolation level repeatable read, read only".to_owned(),
    ];
    all.extend(tables.chunks(TABLES_PER_STATEMENT).map(|some| {
        let names: Vec<String> = some.iter().map(|(s, n)| qualified(s, n)).collect();
        let names = names.join(", only ");
        format!("lock table only {names} in access share mode")
    }));
    if let Some(slot) = slot {
        all.push(slot::create(&slot.name));
        all.push(set_snapshot("<snapshot of the slot>"));
    }
    all.push(EXPORT.to_owned());
    all
}

fn set_snapshot(id: &str) -> String {
    format!("set transaction snapshot '{id}'")
}

fn set_lock_timeout(lock_timeout: Duration) -> String {
    format!("set lock_timeout = {}", lock_timeout.as_millis())
}

/// How often the locks are let go for somebody who waits for them.
const TRIES: u32 = 5;

/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Where an exported snapshot is held.
enum Holder {
    /// By a session of this process.
    Here(Client),
    /// By a keeper's. The name alone would not do: after a restart of the server, another session
    /// may export a snapshot of the same name.
    Kept(Session),
}

/// An exported snapshot.
pub struct Snapshot {
    holder: Holder,
    id: String,
    lock_timeout: Duration,
}

impl Snapshot {
    /// Exports a snapshot of the source by [`statements`], and makes its slot where one is wanted.
    ///
    /// # Errors
    /// Whatever the server says; that the slot was not made in time, with who stood in its way.
    pub(crate) async fn export(
        source: &Conninfo,
        wanted: &SnapshotWanted,
    ) -> Result<(Self, Option<SlotMade>)> {
        let client = source.connect().await?;
        let made = lock_and_make(source, &client, wanted).await?;
        let exported = async {
            if let Some((made, _walsender)) = &made {
                client.batch_execute(&set_snapshot(&made.snapshot)).await?;
            }
            Ok(client.query_one(EXPORT, &[]).await?.try_get(0)?)
        };
        let id = match (exported.await, &wanted.slot) {
            (Err(error), Some(slot)) => {
                // Else it would look as if the refusal had left nothing behind.
                slot::remove(source, &slot.name).await;
                return Err(error);
            }
            (exported, _) => exported?,
        };
        let snapshot = Self {
            holder: Holder::Here(client),
            id,
            lock_timeout: wanted.lock_timeout,
        };
        Ok((snapshot, made.map(|(made, _walsender)| made)))
    }

    /// A snapshot that a keeper holds.
    pub(crate) fn kept((id, session): (String, Session), lock_timeout: Duration) -> Self {
        Self {
            holder: Holder::Kept(session),
            id,
            lock_timeout,
        }
    }

    /// The session that holds it.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) async fn session(&self) -> Result<Session> {
        match &self.holder {
            Holder::Kept(session) => Ok(*session),
            Holder::Here(client) => Session::of(client).await,
        }
    }

    /// How long a lock is waited for under it.
    pub(crate) fn lock_timeout(&self) -> Duration {
        self.lock_timeout
    }

    /// Whether another process holds it.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self.holder, Holder::Kept(_))
    }

    /// The snapshot's name, for `pg_dump --snapshot` and `set transaction snapshot`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether the session still lives, as far as that can be told from here.
    pub fn is_alive(&self) -> bool {
        match &self.holder {
            Holder::Here(client) => !client.is_closed(),
            Holder::Kept(_) => true,
        }
    }

    /// Says something on the session that holds it here, so that nothing on the way takes the
    /// connection for an idle one.
    ///
    /// # Errors
    /// When the session was ended.
    pub(crate) async fn touch(&self) -> Result<()> {
        match &self.holder {
            Holder::Here(client) => Ok(client.batch_execute("").await?),
            Holder::Kept(_) => Ok(()),
        }
    }

    /// Opens another session that sees the same moment.
    ///
    /// # Errors
    /// When the snapshot is gone, because the session that holds it was ended.
    pub async fn join(&self, source: &Conninfo) -> Result<Client> {
        if !self.is_alive() {
            return Err(gone());
        }
        let client = source.connect_untimed().await?;
        // An ALTER TABLE that waits for the snapshot's locks stands in the way of every later one:
        // to wait without end would be to wait for ourselves, which the server cannot see.
        client
            .batch_execute(&set_lock_timeout(self.lock_timeout))
            .await?;
        client
            .batch_execute("begin isolation level repeatable read, read only")
            .await?;
        let set = client.batch_execute(&set_snapshot(&self.id)).await;
        set.map_err(|error| match error.code() {
            Some(code) if SAYS_GONE.contains(code) => gone(),
            _ => error.into(),
        })?;
        if let Holder::Kept(session) = &self.holder
            && !session.is_there(&client).await?
        {
            return Err(gone());
        }
        client.batch_execute("savepoint unlocked").await?;
        Ok(client)
    }
}

/// Takes the locks, and makes the slot where one is wanted. Whoever comes to wait for the locks
/// meanwhile is let through first, and all is tried again: the slot may be waiting for that very
/// transaction, and the application for it.
async fn lock_and_make(
    source: &Conninfo,
    client: &Client,
    wanted: &SnapshotWanted,
) -> Result<Option<(SlotMade, Client)>> {
    let all = statements(&SnapshotWanted {
        slot: None,
        ..wanted.clone()
    });
    let (settings, locks) = all.split_at(2);
    run(client, settings).await?;
    let Some(slot) = &wanted.slot else {
        run(client, &locks[..locks.len() - 1]).await?;
        return Ok(None);
    };
    let pid = client.query_one("select pg_backend_pid()", &[]).await?;
    let pid: i32 = pid.try_get(0)?;
    let mut waited = Vec::new();
    for _ in 0..TRIES {
        run(client, &locks[..locks.len() - 1]).await?;
        match slot::make(source, slot, pid).await? {
            Making::Made(made, walsender) => return Ok(Some((made, walsender))),
            Making::LetGo(waiting) => waited = waiting,
        }
        client.batch_execute("rollback").await?;
        tokio::time::sleep(PAUSE).await;
    }
    Err(somebody_waits(&waited))
}

async fn run(client: &Client, statements: &[String]) -> Result<()> {
    for sql in statements {
        let done = client.batch_execute(sql).await;
        done.map_err(|error| match error.as_db_error() {
            Some(said) if SAYS_MISSING.contains(said.code()) => outdated(said.message()),
            _ => error.into(),
        })?;
    }
    Ok(())
}

/// How a server says that a table to be locked, or its schema, is gone.
const SAYS_MISSING: [SqlState; 2] = [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME];

/// The source is not what the plan was made from.
pub(crate) fn outdated(why: &str) -> Error {
    Error::refused(
        "the source was changed between the plan and the snapshot, and the plan does not fit any more",
        "Run `pg_dbmigrator abort`, then `pg_dbmigrator apply`: the plan is made anew. Change no \
         table of the source until `apply` holds its snapshot.",
    )
    .because(why)
}

fn somebody_waits(waited: &[String]) -> Error {
    let error = Error::failed(
        format!(
            "the tables of the source were locked {TRIES} times, and somebody waited to change one \
             each time"
        ),
        "Wait until no schema is changed there, then run the same command again.",
    );
    waited.iter().fold(error, Error::because)
}

/// Makes settings on a session that joined a snapshot, for as long as it stays under it: those made
/// later go when locks are given back (manual, SET: "canceled if the savepoint is rolled back").
///
/// # Errors
/// Whatever the server says.
pub(crate) async fn set(joined: &Client, settings: &[&str]) -> Result<()> {
    let settings = settings.join("; ");
    let sql = format!("release savepoint unlocked; {settings}; savepoint unlocked");
    Ok(joined.batch_execute(&sql).await?)
}

/// Gives back what a session that joined a snapshot has locked since, and stays under it.
///
/// # Errors
/// Whatever the server says.
pub(crate) async fn give_back_locks(joined: &Client) -> Result<()> {
    Ok(joined
        .batch_execute("rollback to savepoint unlocked")
        .await?)
}

/// How a server says that there is no such snapshot: up to 16, and from 17 on; and that the session is
/// about to end which had it. Whatever else goes wrong says nothing of the snapshot.
const SAYS_GONE: [SqlState; 3] = [
    SqlState::INVALID_PARAMETER_VALUE,
    SqlState::UNDEFINED_OBJECT,
    SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
];

/// What a lost snapshot is called.
const GONE: &str = "the session that held the snapshot of the source was ended";

/// Whether an error says that the snapshot is gone.
pub(crate) fn is_gone(error: &Error) -> bool {
    error.what() == GONE
}

fn gone() -> Error {
    Error::failed(
        GONE,
        "Run `pg_dbmigrator apply` again: the copy starts over under a new snapshot.",
    )
}
