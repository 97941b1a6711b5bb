//! Findings about the two servers themselves.
//! It never looks into a database.

use super::{Case, Finding, Level, found, full_name, list};

/// Source and target are one and the same database.
pub(super) fn same_database(case: &Case<'_>) -> Vec<Finding> {
    let (source, target) = (&case.facts.source, &case.facts.target);
    if source.server.system_identifier != target.server.system_identifier
        || source.database.name != target.database_name
    {
        return Vec::new();
    }
    found(
        Level::Refusal,
        "same_database",
        format!(
            "source and target are the same database: {} of the cluster with system identifier {}",
            source.database.name, source.server.system_identifier
        ),
        "Correct source.url or target.url; both may be one cluster, with two databases.",
    )
}

/// PostgreSQL does not go back: what a newer server dumps may not load into an older one.
pub(super) fn target_older(case: &Case<'_>) -> Vec<Finding> {
    let (source, target) = (&case.facts.source.server, &case.facts.target.server);
    if target.major() >= source.major() {
        return Vec::new();
    }
    found(
        Level::Refusal,
        "target_older",
        format!(
            "the target is PostgreSQL {}, older than the source, which is {}",
            target.version, source.version
        ),
        format!(
            "Migrate to a server of PostgreSQL {} or later.",
            source.major()
        ),
    )
}

/// A standby takes no writes.
pub(super) fn target_standby(case: &Case<'_>) -> Vec<Finding> {
    if !case.facts.target.server.in_recovery {
        return Vec::new();
    }
    found(
        Level::Refusal,
        "target_standby",
        format!(
            "the target at {} is a standby, which is read-only",
            case.facts.target.server.place
        ),
        "Point target.url at its primary, or promote it.",
    )
}

/// A long dump on a standby may be cancelled in favour of replay.
pub(super) fn source_standby(case: &Case<'_>) -> Vec<Finding> {
    if !case.facts.source.server.in_recovery {
        return Vec::new();
    }
    found(
        Level::Warning,
        "source_standby",
        "the source is a standby: replay may cancel a dump that runs longer than \
         max_standby_streaming_delay"
            .to_owned(),
        "Set hot_standby_feedback = on, or max_standby_streaming_delay = -1, on the source while \
         the migration runs; or migrate from its primary.",
    )
}

/// Unlogged tables have no rows on a standby.
pub(super) fn unlogged_on_standby(case: &Case<'_>) -> Vec<Finding> {
    if !case.facts.source.server.in_recovery {
        return Vec::new();
    }
    let unlogged: Vec<_> = case
        .kept_with_rows()
        .filter(|r| r.unlogged)
        .map(full_name)
        .collect();
    if unlogged.is_empty() {
        return Vec::new();
    }
    found(
        Level::Refusal,
        "unlogged_on_standby",
        format!(
            "the source is a standby, where unlogged tables cannot be read: {}",
            list(unlogged)
        ),
        "Migrate from its primary, or put them into exclude.table_data.",
    )
}
