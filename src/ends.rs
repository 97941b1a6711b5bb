//! Both ends of a migration, reachable: connection strings resolved, throwaway servers started,
//! and the question whether they are still the ones the plan was made for. It reads and
//! changes nothing of what is migrated.

mod ours;
mod reaching;

use std::path::Path;
use std::time::Duration;

use tokio_postgres::Client;

use crate::effect::Side;
use crate::embedded::{self, Wanted};
use crate::error::{Error, Exit, Result};
use crate::inspect::{self, Facts, Server, Source, Target, TargetNames};
use crate::postgres::{Conninfo, Environment};
use crate::resolve::{Endpoint, Resolved};
use crate::spec::Method;

/// Databases that are there on almost every server, in the order in which they are tried.
const MAINTENANCE_DATABASES: [&str; 2] = ["postgres", "template1"];

/// SQLSTATEs that speak of the database asked for: it does not exist, one may not connect to it,
/// or `pg_hba.conf` has no entry for it. Another database may do.
const ABOUT_DATABASE: [&str; 3] = ["3D000", "42501", "28000"];

/// How long sessions of a killed run may take to end after they were terminated: a backend in the
/// middle of a long operation looks up only now and then.
const LEFTOVERS_GRACE: Duration = Duration::from_secs(60);

/// Sessions that an earlier process of the same migration left on a server.
const TERMINATE: &str = "select pg_terminate_backend(pid) from pg_stat_activity \
                         where application_name = $1 and pid <> pg_backend_pid()";

/// Takes the advisory lock, unless somebody has it: here, or in another database, because an
/// advisory lock holds within one, and two machines may not be let into the same ones. `pg_locks`
/// shows those of the whole server, to everyone.
const LOCK: &str = "
    select case when pg_try_advisory_lock(hashtextextended('pg_dbmigrator ' || $1, 0)) then
        not exists (
            select from pg_locks l, hashtextextended('pg_dbmigrator ' || $1, 0) key
            where l.locktype = 'advisory' and l.granted and l.objsubid = 1
                and l.classid::bigint = (key >> 32) & 4294967295
                and l.objid::bigint = key & 4294967295
                and l.pid <> pg_backend_pid()
        )
    else false end";

/// Both ends.
#[derive(Debug, Clone)]
pub(crate) struct Ends {
    /// The source database.
    pub source: Conninfo,
    /// The target database.
    pub target: Conninfo,
    /// A database on the target's server that is always there.
    pub maintenance: Conninfo,
}

/// Keeps a second machine from filling the same target, for as long as it lives.
pub(crate) struct TargetLock {
    session: Client,
}

impl TargetLock {
    /// Whether the session that holds it is still there.
    pub(crate) fn is_held(&self) -> bool {
        !self.session.is_closed()
    }
}

/// What tells one database from another of the same name.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    /// The cluster.
    system_identifier: String,
    /// The major version.
    major: u32,
}

impl Ends {
    /// Resolves both connections, starts throwaway servers, and finds a database on the target's
    /// server that can be connected to. Every session will carry `application_name`.
    ///
    /// # Errors
    /// What the connection strings, or the servers, say.
    pub(crate) async fn reach(
        resolved: &Resolved,
        state: &Path,
        application_name: &str,
    ) -> Result<Self> {
        let ends = Self::named(resolved, state, application_name).await?;
        Ok(Self {
            maintenance: maintenance(&ends.target).await?,
            ..ends
        })
    }

    /// The same without a look at the target's server, which may not answer: its maintenance
    /// database is taken to be the target.
    ///
    /// # Errors
    /// What the connection strings say.
    pub(crate) async fn named(
        resolved: &Resolved,
        state: &Path,
        application_name: &str,
    ) -> Result<Self> {
        let source = reach(Side::Source, &resolved.source, state).await?;
        let target = reach(Side::Target, &resolved.target, state).await?;
        let target = target.with_application_name(application_name);
        Ok(Self {
            source: source.with_application_name(application_name),
            maintenance: target.clone(),
            target,
        })
    }

    /// The same, whose sessions fire no event trigger where the source has any and the servers let us:
    /// one for logins (17) would write rows for ours, on either side and at any moment.
    #[must_use]
    pub(crate) fn past_event_triggers(self, facts: &Facts) -> Self {
        let counts = &facts.source.object_counts;
        if counts.get("event_triggers").copied().unwrap_or_default() == 0 {
            return self;
        }
        let past = |end: Conninfo, server: &Server| {
            let may = server.major() >= 17 && server.role.superuser;
            end.past_event_triggers(may)
        };
        Self {
            source: past(self.source, &facts.source.server),
            target: past(self.target, &facts.target.server),
            maintenance: past(self.maintenance, &facts.target.server),
        }
    }

    /// Asks everything that planning needs to know.
    ///
    /// # Errors
    /// What the servers say.
    pub(crate) async fn facts(&self, resolved: &Resolved, state: &Path) -> Result<Facts> {
        let path = std::env::var_os("PATH");
        let tools = inspect::tools(resolved.copy.tools.as_deref(), path.as_deref());
        // Which error is told does not depend on who answers first.
        let (source, target, tools) =
            tokio::join!(self.source_facts(resolved), self.target_facts(), tools);
        let (source, target, tools) = (source?, target?, tools?);
        let folder = state
            .ancestors()
            .find(|folder| folder.is_dir())
            .unwrap_or(Path::new("."));
        let free_bytes = inspect::free_bytes(folder)?;
        Ok(Facts {
            target_reaches_source: self.target_reaches_source(resolved, &target).await?,
            source_reaches_target: self.source_reaches_target(resolved, &target).await?,
            source,
            target,
            tools,
            free_bytes,
        })
    }

    async fn source_facts(&self, resolved: &Resolved) -> Result<Source> {
        let place = self.source.place();
        let rest = async {
            let client = self.source.connect().await?;
            inspect::source(&client, &place, resolved.lock_timeout).await
        };
        let built = async {
            let client = self.source.connect().await?;
            inspect::built(&client, &place, resolved.lock_timeout).await
        };
        if resolved.copy.method == Method::Dump {
            // `pg_restore` builds them all, and thousands of definitions weigh several megabytes.
            return rest.await;
        }
        let (source, built) = tokio::join!(rest, built);
        let (mut source, built) = (source?, built?);
        source.indexes = built.indexes;
        source.foreign_keys = built.foreign_keys;
        if source.schema_mark != built.schema_mark {
            // Somebody changed the schema in between: the snapshot is to be compared with all of it.
            source.schema_mark.clear();
        }
        Ok(source)
    }

    async fn target_facts(&self) -> Result<Target> {
        let maintenance = self.maintenance.connect().await?;
        let target = match exists(&maintenance, self.target.database()).await? {
            true => Some(self.target.connect().await?),
            false => None,
        };
        let names = TargetNames {
            place: self.target.place(),
            database: self.target.database().to_owned(),
            maintenance: self.maintenance.database().to_owned(),
        };
        inspect::target(&maintenance, target.as_ref(), names).await
    }

    /// Checks that these are the servers that the plan was made for.
    ///
    /// # Errors
    /// [`Exit::Refused`] when one of them is another.
    pub(crate) async fn still_are(&self, facts: &Facts, sides: &[Side]) -> Result<()> {
        for side in sides {
            let known = match side {
                Side::Source => &facts.source.server,
                Side::Target => &facts.target.server,
            };
            let found = identity(&self.server(*side).connect().await?).await?;
            if found != known.identity() {
                return Err(other_server(*side, known, &found));
            }
        }
        Ok(())
    }

    /// Where an end's server is asked: the target database may not exist.
    fn server(&self, side: Side) -> &Conninfo {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.maintenance,
        }
    }

    /// Ends what an earlier process of this migration left on the servers, so that it cannot meet
    /// this one.
    ///
    /// # Errors
    /// When such a session does not end.
    pub(crate) async fn end_leftovers(&self, application_name: &str, sides: &[Side]) -> Result<()> {
        for side in sides {
            let client = self.server(*side).connect().await?;
            let deadline = tokio::time::Instant::now() + LEFTOVERS_GRACE;
            while !client
                .query(TERMINATE, &[&application_name])
                .await?
                .is_empty()
            {
                if tokio::time::Instant::now() > deadline {
                    return Err(Error::failed(
                        format!("a session of an earlier run is still there on the {side}"),
                        format!(
                            "Look for application_name = '{application_name}' in \
                             pg_stat_activity there, wait for it or end it, then run the same \
                             command again."
                        ),
                    ));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    /// Takes the lock that keeps a second machine from filling the same target.
    ///
    /// # Errors
    /// [`Exit::Locked`] when another migration holds it.
    pub(crate) async fn lock(&self) -> Result<TargetLock> {
        let client = self.maintenance.connect_untimed().await?;
        let database = self.target.database();
        if client.query_one(LOCK, &[&database]).await?.try_get(0)? {
            return Ok(TargetLock { session: client });
        }
        Err(Error::new(
            Exit::Locked,
            format!(
                "another migration is filling database {} on the target",
                self.target.database()
            ),
            "Wait for it to end, or stop it; it may run on another machine. It holds an advisory \
             lock: see pg_locks and pg_stat_activity on the target.",
        ))
    }
}

impl Server {
    fn identity(&self) -> Identity {
        Identity {
            system_identifier: self.system_identifier.clone(),
            major: self.major(),
        }
    }
}

async fn reach(side: Side, endpoint: &Endpoint, state: &Path) -> Result<Conninfo> {
    match endpoint {
        Endpoint::Url(url) => Conninfo::resolve(&side.to_string(), url, &Environment::of_process()),
        Endpoint::Embedded {
            major,
            database,
            sql,
        } => {
            let wanted = Wanted {
                side,
                major: *major,
                database: database.clone(),
                sql: sql.clone(),
                create_database: side == Side::Source,
            };
            let server = embedded::start(&wanted, state).await?;
            Ok(embedded_conninfo(&server))
        }
    }
}

/// The connection to a throwaway server.
pub(crate) fn embedded_conninfo(server: &embedded::Server) -> Conninfo {
    let login = (server.user.as_str(), server.database.as_str());
    let directory = &server.socket_directory;
    Conninfo::socket(&server.side.to_string(), directory, server.port, login)
}

/// The first database that lets us in; the target itself may not exist yet.
async fn maintenance(target: &Conninfo) -> Result<Conninfo> {
    let mut first_error = None;
    for database in MAINTENANCE_DATABASES.into_iter().chain([target.database()]) {
        let candidate = target.with_database(database);
        match candidate.connect().await {
            Ok(_) => return Ok(candidate),
            Err(error) if ABOUT_DATABASE.iter().any(|code| error.has_sqlstate(code)) => {
                first_error = first_error.or(Some(error));
            }
            Err(error) => return Err(error),
        }
    }
    Err(first_error.expect("at least one database was tried"))
}

async fn exists(maintenance: &Client, database: &str) -> Result<bool> {
    let sql = "select exists (select from pg_database where datname = $1)";
    Ok(maintenance.query_one(sql, &[&database]).await?.try_get(0)?)
}

async fn identity(client: &Client) -> Result<Identity> {
    let sql = "select system_identifier::text, current_setting('server_version_num')::int / 10000 \
               from pg_control_system()";
    let row = client.query_one(sql, &[]).await?;
    let major: i32 = row.try_get(1)?;
    Ok(Identity {
        system_identifier: row.try_get(0)?,
        major: major.unsigned_abs(),
    })
}

fn other_server(side: Side, known: &Server, found: &Identity) -> Error {
    Error::refused(
        format!("the {side} is another server than the one this migration began with"),
        "Point the plan at the server it began with, or start over with `pg_dbmigrator abort`.",
    )
    .because(format!(
        "was: PostgreSQL {} with system identifier {}\nnow: PostgreSQL {} with system identifier {}",
        known.major(),
        known.system_identifier,
        found.major,
        found.system_identifier
    ))
}
