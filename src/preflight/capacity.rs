//! Findings about room: lock slots, connections, disk.
//! It never estimates time.

use super::{Case, Finding, Level, found, is_dumped};
use crate::inspect::{RelationKind, Server};
use crate::spec::Existing;

/// What a compressed dump takes at most of its tables' size, in percent. Text in the form of COPY
/// and gzip's level 6 seldom come to more than half of the heap with its TOAST, which holds row
/// headers, dead rows and free space; data that is compressed already comes closest.
const DUMP_SHARE_PERCENT: u64 = 50;

/// What a parallel dump or restore connects beside its workers: the leader, and one of our own.
const BESIDE_WORKERS: u64 = 2;

/// The first version whose sequences `pg_dump` reads all at once, without a lock on each
/// (`pg_get_sequence_data`).
const SEQUENCES_AT_ONCE: u32 = 18;

/// `pg_dump` locks every table that it dumps in one transaction, and every sequence that it reads.
pub(super) fn source_locks(case: &Case<'_>) -> Vec<Finding> {
    let server = &case.facts.source.server;
    let each = server.major() < SEQUENCES_AT_ONCE;
    let sequences = case
        .kept_with_rows()
        .filter(|relation| each && relation.kind == RelationKind::Sequence);
    let tables = case.kept().filter(|relation| is_dumped(relation));
    let locked = tables.count() + sequences.count();
    locks(server, locked as u64, "source", "dumping")
}

/// Removing what is there locks every table of it in one transaction, with its indexes and TOAST.
pub(super) fn target_locks(case: &Case<'_>) -> Vec<Finding> {
    let database = case.facts.target.database.as_ref();
    if case.choices.existing == Existing::Refuse || !case.with_structure() {
        return Vec::new();
    }
    let tables = database.map_or(0, |database| database.tables.len());
    locks(
        &case.facts.target.server,
        tables as u64,
        "target",
        "replacing",
    )
}

/// Too few connections are free for `copy.jobs`.
pub(super) fn connections(case: &Case<'_>) -> Vec<Finding> {
    let jobs = u64::from(case.choices.jobs);
    let needed = jobs + BESIDE_WORKERS;
    let sides = [
        ("source", &case.facts.source.server),
        ("target", &case.facts.target.server),
    ];
    let short = sides
        .into_iter()
        .filter(|(_, server)| server.free_connections < needed);
    short
        .flat_map(|(side, server)| {
            let free = server.free_connections;
            let fitting = free.saturating_sub(BESIDE_WORKERS);
            let fewer = match fitting {
                0 => String::new(),
                n => format!(", or set copy.jobs: {n}"),
            };
            found(
                Level::Refusal,
                "connections",
                format!("copy.jobs: {jobs} needs {needed} connections to the {side}, and {free} are free"),
                format!(
                    "End sessions on the {side}, raise max_connections there (or the role's \
                     connection limit){fewer}."
                ),
            )
        })
        .collect()
}

/// The dump may not fit.
pub(super) fn disk(case: &Case<'_>) -> Vec<Finding> {
    let tables: u64 = case.kept_with_rows().map(|relation| relation.bytes).sum();
    let large_objects = if case.with_rows() {
        case.facts.source.large_objects.bytes
    } else {
        0
    };
    let needed = (tables + large_objects) / 100 * DUMP_SHARE_PERCENT;
    let free = case.facts.free_bytes;
    if free >= needed {
        return Vec::new();
    }
    found(
        Level::Warning,
        "disk",
        format!(
            "the dump may take up to {} MiB, and {} MiB are free where it is written",
            mib(needed),
            mib(free)
        ),
        "Make room there, or exclude rows that are not needed.",
    )
}

fn locks(server: &Server, tables: u64, side: &str, doing: &str) -> Vec<Finding> {
    if tables <= server.lock_slots {
        return Vec::new();
    }
    let (slots, now) = (server.lock_slots, server.max_locks_per_transaction);
    let sessions = (slots / now.max(1)).max(1);
    let enough = tables.div_ceil(sessions).next_power_of_two();
    found(
        Level::Refusal,
        "locks",
        format!(
            "{doing} {tables} relations takes as many locks at once on the {side}, whose \
             lock table has {slots} slots"
        ),
        format!(
            "Set max_locks_per_transaction = {enough} on the {side} (it is {now}) and restart it."
        ),
    )
}

fn mib(bytes: u64) -> u64 {
    bytes / (1024 * 1024)
}
