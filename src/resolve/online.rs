//! What `mode: online` means: names, limits, the cutover, with nothing left open.
//! It asks no server: whether a table or a role is there is a matter of findings.

use std::collections::BTreeMap;
use std::time::Duration;

use super::limits::{duration, size};
use crate::secret::Sealed;
use crate::spec::{self, Document, Mode, Problems, Scope, Spec, Verify};

pub use crate::spec::{ReplicaIdentity, SequenceErrors, Trigger};

/// What a steady application writes in seconds and a target applies in a moment: with less, whether
/// a look falls between two commits is a matter of luck. The cutover drains what is left anyway.
const DEFAULT_LAG_BYTES: u64 = 1024 * 1024;
/// Longer than any transaction that is not forgotten.
const DEFAULT_SLOT_CREATION_TIMEOUT: Duration = Duration::from_secs(300);
/// Hours of WAL of a busy server, and little enough for most of its disks.
const DEFAULT_RETAINED_WAL: u64 = 100 << 30;
/// The patience of most applications' connection pools.
const DEFAULT_WRITE_OUTAGE: Duration = Duration::from_secs(30);
/// PostgreSQL cuts names at 63 bytes; the names of the way back are longer than ours by their end.
const LONGEST_NAME: usize = 55;

/// The stream, and how it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Online {
    /// The publication on the source.
    pub publication: String,
    /// The replication slot on the source.
    pub slot: String,
    /// The subscription on the target.
    pub subscription: String,
    /// How the target's server reaches the source, where the plan says so.
    pub subscription_source: Option<Sealed>,
    /// How the source's server reaches the target, where the plan says so.
    pub subscription_target: Option<Sealed>,
    /// What the plan settles for tables, by schema and name.
    pub replica_identity: BTreeMap<(String, String), ReplicaIdentity>,
    /// The lag that counts as caught up, in bytes of WAL.
    pub lag_bytes: u64,
    /// How long making the slot may wait.
    pub slot_creation_timeout: Duration,
    /// How much WAL the slot may keep, in bytes.
    pub retained_wal_bytes: u64,
    /// The deadline of the cutover.
    pub write_outage: Duration,
    /// How the target takes over.
    pub cutover: Cutover,
}

impl Online {
    /// What publication, slot and subscription of the way back are called.
    pub fn reverse_name(&self) -> String {
        format!("{}_reverse", self.subscription)
    }
}

/// How the target takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cutover {
    /// What starts it.
    pub trigger: Trigger,
    /// What keeps applications from writing.
    pub fence: Fence,
    /// Whether positions of sequences are carried over.
    pub sequences: bool,
    /// What becomes of the cutover when one cannot be.
    pub sequence_errors: SequenceErrors,
    /// How the two sides are compared before the switch.
    pub verify: Verify,
    /// Whether a stream goes back to the source.
    pub reverse: bool,
    /// Whether the subscription and its slot stay, disabled.
    pub keep_subscription: bool,
    /// Whether a changed schema of the source is accepted.
    pub accept_drift: bool,
    /// Whether a server on another timeline is accepted, since every row is compared.
    pub accept_timeline: bool,
    /// What is run at the turning points.
    pub hooks: Hooks,
}

/// What keeps applications from writing to the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fence {
    /// The roles that may no longer log in.
    pub roles: Vec<String>,
    /// Whether nobody but the migration may connect to the database.
    pub connect: bool,
    /// Whether the database becomes read-only by default.
    pub read_only: bool,
    /// Whether open sessions are ended.
    pub terminate: bool,
}

/// What is run at the turning points, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Before the source is fenced.
    pub before_fence: Vec<Hook>,
    /// Once the target serves.
    pub after_switch: Vec<Hook>,
    /// Once the source serves again.
    pub on_rollback: Vec<Hook>,
}

/// One thing to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hook {
    /// A program and its arguments, without a shell.
    Command(Vec<String>),
    /// A PgBouncer to pause and resume.
    Pgbouncer {
        /// Its admin console.
        url: Sealed,
    },
}

/// Settles the stream: `Some` if and only if the plan is online.
pub(super) fn online(document: &Document, name: &str, problems: &mut Problems) -> Option<Online> {
    let spec = &document.spec;
    if spec.mode == Mode::Offline {
        refuse_sections(document, problems);
        return None;
    }
    refuse_scope(document, problems);
    let online = spec.online.clone().unwrap_or_default();
    let limits = Limits {
        document,
        thresholds: spec.thresholds.clone().unwrap_or_default(),
    };
    let ours = format!("pg_dbmigrator_{}", identifier(name));
    let ours: String = ours.chars().take(LONGEST_NAME).collect();
    Some(Online {
        publication: online.publication.unwrap_or_else(|| ours.clone()),
        slot: online.slot.unwrap_or_else(|| ours.clone()),
        subscription: online.subscription.unwrap_or(ours),
        subscription_source: online.subscription_source,
        subscription_target: online.subscription_target,
        replica_identity: replica_identity(document, online.replica_identity, problems),
        lag_bytes: limits.thresholds.lag_bytes.unwrap_or(DEFAULT_LAG_BYTES),
        slot_creation_timeout: limits.slot_creation_timeout(problems),
        retained_wal_bytes: limits.retained_wal(problems),
        write_outage: limits.write_outage(problems),
        cutover: cutover(spec),
    })
}

fn refuse_sections(document: &Document, problems: &mut Problems) {
    let spec = &document.spec;
    let written = [
        ("online", spec.online.is_some()),
        ("cutover", spec.cutover.is_some()),
    ];
    for (section, _) in written.into_iter().filter(|(_, is_written)| *is_written) {
        problems.push(document.problem_at_key(
            &format!("/{section}"),
            &format!("`{section}` means nothing with `mode: offline`"),
            &format!("write `mode: online`, or remove `{section}`"),
        ));
    }
}

fn refuse_scope(document: &Document, problems: &mut Problems) {
    let scope = document.spec.copy.as_ref().map(|copy| copy.scope);
    if scope.is_some_and(|scope| scope != Scope::All) {
        problems.push(document.problem(
            "/copy/scope",
            "`mode: online` copies structure and rows",
            "write `scope: all`, or `mode: offline`",
        ));
    }
}

/// A name as slots may have it: the plan's own is one, unless it comes from a file's name.
fn identifier(name: &str) -> String {
    let plain = |c: char| {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_alphanumeric() { c } else { '_' }
    };
    name.chars().map(plain).collect()
}

fn replica_identity(
    document: &Document,
    written: BTreeMap<String, ReplicaIdentity>,
    problems: &mut Problems,
) -> BTreeMap<(String, String), ReplicaIdentity> {
    let mut settled = BTreeMap::new();
    for (table, identity) in written {
        if let Some(name) = table_name(&table) {
            settled.insert(name, identity);
            continue;
        }
        problems.push(document.problem_at_entry(
            "/online/replica_identity",
            &table,
            (
                "this is not the name of a table",
                "write schema and name, such as `public.events`; one with a dot in it stands in \
                 double quotes",
            ),
        ));
    }
    settled
}

/// Takes `schema.name` apart; a part in double quotes may hold a dot.
pub(super) fn table_name(text: &str) -> Option<(String, String)> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let part = parts.last_mut()?;
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => part.push('"'),
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            c => part.push(c),
        }
    }
    match <[String; 2]>::try_from(parts).ok()? {
        [schema, name] if !quoted && !schema.is_empty() && !name.is_empty() => Some((schema, name)),
        _ => None,
    }
}

fn cutover(spec: &Spec) -> Cutover {
    let cutover = spec.cutover.clone().unwrap_or_default();
    let fence = cutover.fence.unwrap_or_default();
    let hooks = cutover.hooks.unwrap_or_default();
    let all = |hooks: Vec<spec::Hook>| hooks.into_iter().map(hook).collect();
    Cutover {
        trigger: cutover.trigger,
        fence: Fence {
            roles: fence.roles,
            connect: fence.connect.unwrap_or(false),
            read_only: fence.read_only.unwrap_or(true),
            terminate: fence.terminate.unwrap_or(true),
        },
        sequences: cutover.sequences.unwrap_or(true),
        sequence_errors: cutover.sequence_errors,
        verify: cutover.verify.unwrap_or(spec.verify),
        reverse: cutover.reverse.unwrap_or(true),
        keep_subscription: cutover.keep_subscription.unwrap_or(false),
        accept_drift: cutover.accept_drift.unwrap_or(false),
        accept_timeline: cutover.accept_timeline.unwrap_or(false),
        hooks: Hooks {
            before_fence: all(hooks.before_fence),
            after_switch: all(hooks.after_switch),
            on_rollback: all(hooks.on_rollback),
        },
    }
}

fn hook(hook: spec::Hook) -> Hook {
    match hook {
        spec::Hook::Command(argv) => Hook::Command(argv),
        spec::Hook::Pgbouncer { pgbouncer } => Hook::Pgbouncer { url: pgbouncer.url },
    }
}

/// The limits as they are written.
struct Limits<'a> {
    document: &'a Document,
    thresholds: spec::Thresholds,
}

impl Limits<'_> {
    fn slot_creation_timeout(&self, problems: &mut Problems) -> Duration {
        let text = self.thresholds.slot_creation_timeout.as_deref();
        let pointer = "/thresholds/slot_creation_timeout";
        let duration = text.map(|text| duration(self.document, pointer, text, problems));
        duration.unwrap_or(DEFAULT_SLOT_CREATION_TIMEOUT)
    }

    fn write_outage(&self, problems: &mut Problems) -> Duration {
        let text = self.thresholds.write_outage.as_deref();
        let pointer = "/thresholds/write_outage";
        let duration = text.map(|text| duration(self.document, pointer, text, problems));
        duration.unwrap_or(DEFAULT_WRITE_OUTAGE)
    }

    fn retained_wal(&self, problems: &mut Problems) -> u64 {
        let Some(text) = self.thresholds.retained_wal.as_deref() else {
            return DEFAULT_RETAINED_WAL;
        };
        let read = size(self.document, "/thresholds/retained_wal", text, problems);
        read.unwrap_or(DEFAULT_RETAINED_WAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_named_as_patterns_name_it() {
        let of = |schema: &str, name: &str| Some((schema.to_owned(), name.to_owned()));
        assert_eq!(table_name("public.events"), of("public", "events"));
        assert_eq!(table_name("Sales.\"a.\"\"b\"\"\""), of("Sales", "a.\"b\""));
        for wrong in ["events", "a.b.c", "a.", ".b", "a.\"b"] {
            assert_eq!(table_name(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_file_s_name_becomes_a_name_that_a_slot_may_have() {
        assert_eq!(identifier("Migrate.v2-ö"), "migrate_v2__");
    }
}
