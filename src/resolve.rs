//! From what was written to what was meant: defaults filled in, contradictions found, all at once.
//! It asks no server and reads no file.

mod identities;
mod limits;
mod online;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Result;
use crate::inspect::{Relation, Schema};
use crate::preflight::Choices;
use crate::secret::Sealed;
use crate::selection::{Patterns, Selection};
use crate::spec::{
    self, Document, Embedded, Exclude, Existing, Format, Include, Method, Mode, Problems, Scope,
    Statistics, Verify,
};

use limits::{duration, size as size_of};
pub use online::{Cutover, Fence, Hook, Hooks, Online, ReplicaIdentity, SequenceErrors, Trigger};

/// Used where the plan says nothing: two per core of a small server, and few enough to leave its
/// connections to others.
const DEFAULT_JOBS: u32 = 4;
/// Often enough to watch, rarely enough to cost nothing.
const DEFAULT_POLL: Duration = Duration::from_secs(5);
/// `pg_dump` gives up rather than queue behind a long DDL while others queue behind it.
const DEFAULT_LOCK_TIMEOUT: Duration = Duration::from_secs(60);
/// The dump lives for minutes; the fastest level keeps the processors for the servers.
const DEFAULT_COMPRESS: u32 = 1;
/// Large enough that a part takes seconds, small enough that the parts of one table keep all busy.
const DEFAULT_SPLIT_ABOVE: u64 = 256 << 20;
/// Longer than it takes to see why an apply stopped, and short for a vacuum that waits.
const DEFAULT_KEEP_SNAPSHOT: Duration = Duration::from_secs(3600);
/// What a server that does little else can spare.
const DEFAULT_INDEX_MEMORY: u64 = 1 << 30;

/// A plan file, with nothing left open.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The plan's name.
    pub name: String,
    /// The plan file.
    pub path: PathBuf,
    /// The database to migrate from.
    pub source: Endpoint,
    /// The database to migrate to.
    pub target: Endpoint,
    /// How the data moves.
    pub mode: Mode,
    /// The stream and its end, if and only if the mode is online.
    pub online: Option<Online>,
    /// How the copy is made.
    pub copy: Copy,
    /// How the target is filled.
    pub restore: Restore,
    /// How often progress is asked for.
    pub poll: Duration,
    /// How long we wait for a lock on the source.
    pub lock_timeout: Duration,
    /// How the end result is proven.
    pub verify: Verify,
    /// What `--set` overrode, as `key=value`.
    pub set: Vec<String>,
    document: Document,
}

/// One side, reachable or to be started.
#[derive(Debug, Clone)]
pub enum Endpoint {
    /// A connection string.
    Url(Sealed),
    /// A throwaway server.
    Embedded {
        /// The major version, or the newest.
        major: Option<u32>,
        /// The database's name.
        database: String,
        /// SQL files to run once, as absolute paths.
        sql: Vec<PathBuf>,
    },
}

/// How the copy is made.
#[derive(Debug, Clone)]
pub struct Copy {
    /// The way rows travel.
    pub method: Method,
    /// Structure, rows or both.
    pub scope: Scope,
    /// How many at a time.
    pub jobs: u32,
    /// Above how many bytes a table is copied in parts.
    pub split_above_bytes: u64,
    /// The form in which rows travel.
    pub format: Format,
    /// How long the snapshot is kept while no apply runs.
    pub keep_snapshot: Duration,
    /// The memory for all index builds together, in bytes.
    pub index_memory_bytes: u64,
    /// How many processes help with an index build; none is the target's own setting.
    pub index_workers: Option<u32>,
    /// Whether owners, privileges and the database's properties are kept.
    pub owners: bool,
    /// Whether missing roles are created.
    pub roles: bool,
    /// Whether tablespaces are kept.
    pub tablespaces: bool,
    /// `pg_dump --compress`.
    pub compress: u32,
    /// The folder of the client programs.
    pub tools: Option<PathBuf>,
}

/// How the target is filled.
#[derive(Debug, Clone)]
pub struct Restore {
    /// Whether known-harmless errors are warnings.
    pub allow_errors: bool,
    /// What to do with a target that is not empty.
    pub existing: Existing,
    /// Where the planner's statistics come from.
    pub statistics: Statistics,
}

impl Resolved {
    /// What findings depend on.
    pub fn choices(&self) -> Choices {
        Choices {
            scope: self.copy.scope,
            existing: self.restore.existing,
            owners: self.copy.owners,
            roles: self.copy.roles,
            tablespaces: self.copy.tablespaces,
            verify: self.verify,
            allow_errors: self.restore.allow_errors,
            statistics: self.restore.statistics,
            jobs: self.copy.jobs,
            format: self.copy.format,
            online: self.online.clone(),
        }
    }

    /// Which objects are migrated, of those that are there.
    ///
    /// # Errors
    /// Every pattern that matches nothing, with its place in the file.
    pub fn selection(&self, relations: &[Relation], schemas: &[Schema]) -> Result<Selection> {
        let spec = &self.document.spec;
        let (include, exclude): (Option<&Include>, Option<&Exclude>) =
            (spec.include.as_ref(), spec.exclude.as_ref());
        Selection::new(relations, schemas, include, exclude).or_else(|found| {
            let mut problems = Problems::default();
            problems.extend(found.into_iter().map(|problem| {
                self.document
                    .problem(&problem.pointer, &problem.message, &problem.help)
            }));
            problems.settle().map(|()| Selection::default())
        })
    }

    /// The plan's patterns, for what comes after the selection was settled.
    pub fn patterns(&self) -> Patterns {
        let spec = &self.document.spec;
        Patterns {
            include: spec.include.clone().unwrap_or_default(),
            exclude: spec.exclude.clone().unwrap_or_default(),
        }
    }
}

/// Settles a plan file.
///
/// # Errors
/// Every contradiction, with its place in the file.
pub fn resolve(document: Document) -> Result<Resolved> {
    let mut problems = Problems::default();
    let spec = document.spec.clone();
    let path = &document.path;
    let stem = || Some(path.file_stem()?.to_string_lossy().into_owned());
    let name = spec.name.or_else(stem).unwrap_or_else(|| "plan".to_owned());
    let folder = std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let folder = folder.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let place = Place {
        document: &document,
        name: &name,
        folder: &folder,
    };
    let source = endpoint(place, "/source", &spec.source, &mut problems);
    let target = endpoint(place, "/target", &spec.target, &mut problems);
    let online = online::online(&document, &name, &mut problems);
    let copy = copy(place, spec.copy.unwrap_or_default(), &mut problems);
    let restore = spec.restore.unwrap_or_default();
    let thresholds = spec.thresholds.unwrap_or_default();
    let lock_timeout = lock_timeout(place, &thresholds, &mut problems);
    problems.settle()?;
    let (source, target) = source
        .zip(target)
        .expect("an endpoint is missing only with a problem");
    let set = document.sets.iter();
    Ok(Resolved {
        path: path.clone(),
        source,
        target,
        mode: spec.mode,
        online,
        copy,
        restore: Restore {
            allow_errors: restore.allow_errors.unwrap_or(false),
            existing: restore.existing,
            statistics: restore.statistics,
        },
        poll: thresholds
            .poll_secs
            .map_or(DEFAULT_POLL, |secs| Duration::from_secs(secs.into())),
        lock_timeout,
        verify: spec.verify,
        set: set.map(|(key, value)| format!("{key}={value}")).collect(),
        name,
        document,
    })
}

/// Where values stand: the file, the plan's name, and the folder that paths are relative to.
#[derive(Clone, Copy)]
struct Place<'a> {
    document: &'a Document,
    name: &'a str,
    folder: &'a Path,
}

fn copy(place: Place<'_>, copy: spec::Copy, problems: &mut Problems) -> Copy {
    let owners = copy.owners.unwrap_or(true);
    if copy.roles == Some(true) && !owners {
        problems.push(place.document.problem(
            "/copy/roles",
            "roles are created for owners and privileges, which are switched off",
            "remove `roles`, or `owners: false`",
        ));
    }
    let method = method(place, &copy, problems);
    carried_alone(place, copy.scope, problems);
    let keep_snapshot = copy.keep_snapshot.as_deref();
    let read = |text| duration(place.document, "/copy/keep_snapshot", text, problems);
    let keep_snapshot = keep_snapshot.map_or(DEFAULT_KEEP_SNAPSHOT, read);
    let mut size = |key: &str, text: Option<String>, otherwise| {
        let pointer = format!("/copy/{key}");
        text.map_or(otherwise, |text| {
            size_of(place.document, &pointer, &text, problems).unwrap_or(otherwise)
        })
    };
    Copy {
        method,
        scope: copy.scope,
        jobs: copy.jobs.unwrap_or(DEFAULT_JOBS),
        split_above_bytes: size(
            "split_larger_than",
            copy.split_larger_than,
            DEFAULT_SPLIT_ABOVE,
        ),
        format: copy.format,
        keep_snapshot,
        index_memory_bytes: size("index_memory", copy.index_memory, DEFAULT_INDEX_MEMORY),
        index_workers: copy.index_workers,
        owners,
        roles: owners && copy.roles.unwrap_or(true),
        tablespaces: copy.tablespaces.unwrap_or(true),
        compress: copy.compress.unwrap_or(DEFAULT_COMPRESS),
        tools: copy.tools.map(|tools| place.folder.join(tools)),
    }
}

/// `pg_dump` refuses statistics without structure.
fn carried_alone(place: Place<'_>, scope: Scope, problems: &mut Problems) {
    let restore = place.document.spec.restore.as_ref();
    let carried = restore.is_some_and(|restore| restore.statistics == Statistics::Carry);
    if carried && scope == Scope::Data {
        problems.push(place.document.problem_at_key(
            "/restore/statistics",
            "`pg_dump` carries no statistics with `scope: data`",
            "write `analyze` or `off`",
        ));
    }
}

/// The way rows travel: streamed, unless something is written that a dump alone knows, or that one is
/// mostly made for. Keys of the other way are problems.
fn method(place: Place<'_>, copy: &spec::Copy, problems: &mut Problems) -> Method {
    let of_stream = [
        ("/copy/split_larger_than", copy.split_larger_than.is_some()),
        ("/copy/format", copy.format != Format::Auto),
        ("/copy/index_memory", copy.index_memory.is_some()),
        ("/copy/index_workers", copy.index_workers.is_some()),
        ("/copy/keep_snapshot", copy.keep_snapshot.is_some()),
    ];
    let of_dump = [
        ("/copy/scope", copy.scope == Scope::Data),
        ("/copy/compress", copy.compress.is_some()),
    ];
    let is_written = |(_, is_written): &&(_, bool)| *is_written;
    let restore = place.document.spec.restore.as_ref();
    let allow_errors = restore.is_some_and(|restore| restore.allow_errors == Some(true));
    let for_dump =
        allow_errors || copy.scope != Scope::All || of_dump.iter().any(|key| is_written(&key));
    let otherwise = match for_dump {
        true => Method::Dump,
        false => Method::Stream,
    };
    let method = copy.method.unwrap_or(otherwise);
    let (others, method_word, other) = match method {
        Method::Dump => (&of_stream[..], "dump", "stream"),
        Method::Stream => (&of_dump[..], "stream", "dump"),
    };
    for (pointer, _) in others.iter().filter(is_written) {
        let key = pointer[1..].replace('/', ".");
        problems.push(place.document.problem_at_key(
            pointer,
            &format!("`{key}` as it is written means nothing with `method: {method_word}`"),
            &format!("remove it, or write `method: {other}`"),
        ));
    }
    method
}

fn lock_timeout(
    place: Place<'_>,
    thresholds: &spec::Thresholds,
    problems: &mut Problems,
) -> Duration {
    let text = thresholds.lock_timeout.as_deref();
    let pointer = "/thresholds/lock_timeout";
    let read = |text| duration(place.document, pointer, text, problems);
    text.map_or(DEFAULT_LOCK_TIMEOUT, read)
}

fn endpoint(
    place: Place<'_>,
    pointer: &str,
    endpoint: &spec::Endpoint,
    problems: &mut Problems,
) -> Option<Endpoint> {
    let side = &pointer[1..];
    match (&endpoint.url, &endpoint.embedded) {
        (Some(url), None) => Some(Endpoint::Url(url.clone())),
        (
            None,
            Some(Embedded {
                sql,
                major,
                database,
            }),
        ) => Some(Endpoint::Embedded {
            major: *major,
            database: database.clone().unwrap_or_else(|| place.name.to_owned()),
            sql: sql.iter().map(|path| place.folder.join(path)).collect(),
        }),
        (both, _) => {
            let what = if both.is_some() {
                "both `url` and"
            } else {
                "neither `url` nor"
            };
            problems.push(place.document.problem(
                pointer,
                &format!("{side} has {what} `embedded`"),
                "say exactly one: where the database is, or how to start it",
            ));
            None
        }
    }
}
