//! Which client programs do the work, and the finding that there are none.
//! It never looks for programs: it chooses among those that were found.

use super::{Case, Finding, Level, found, list};
use crate::inspect::Toolset;
use crate::spec::Statistics;

/// `pg_restore` begins every connection with `SET transaction_timeout = 0` since 17, which an
/// older server refuses (measured: pg_restore 18 into 15 ends with exit 1, 16 into 15 with 0).
const KNOWS_TRANSACTION_TIMEOUT: u32 = 17;

/// The programs for a migration between two majors. `pg_dump` must not be older than the source,
/// and PostgreSQL promises that what it writes loads into its own major and later ones: so the
/// target's major is best, then the newest before it (measured: pg_dump and pg_restore 15 into 18
/// work), then the oldest after it that the target understands. `tools` come newest first, so the
/// newest minor version of a major is taken.
pub fn choose_tools(tools: &[Toolset], source_major: u32, target_major: u32) -> Option<&Toolset> {
    let reads_source = |tools: &&Toolset| tools.major >= source_major;
    let understood = |tools: &&Toolset| {
        tools.major < KNOWS_TRANSACTION_TIMEOUT || target_major >= KNOWS_TRANSACTION_TIMEOUT
    };
    let rank = |tools: &&Toolset| {
        (
            tools.major > target_major,
            tools.major.abs_diff(target_major),
        )
    };
    tools
        .iter()
        .filter(reads_source)
        .filter(understood)
        .min_by_key(rank)
}

/// No `pg_dump` and `pg_restore` on this machine fit both servers.
pub(super) fn no_tools(case: &Case<'_>) -> Vec<Finding> {
    let tools = &case.facts.tools;
    let source = case.facts.source.server.major();
    let target = case.facts.target.server.major();
    if target < source || choose_tools(tools, source, target).is_some() {
        return Vec::new();
    }
    let there = if tools.is_empty() {
        "none are installed here".to_owned()
    } else {
        let versions = tools
            .iter()
            .map(|t| format!("{} in {}", t.version, t.directory.display()));
        format!("here are only {}", list(versions))
    };
    found(
        Level::Refusal,
        "no_tools",
        format!(
            "no pg_dump and pg_restore can read PostgreSQL {source} and fill PostgreSQL {target}: \
             {there}"
        ),
        format!(
            "Install those of PostgreSQL {target}: `apt-get install postgresql-client-{target}`, \
             `dnf install postgresql{target}` or `brew install postgresql@{target}`; or set \
             copy.tools to their folder."
        ),
    )
}

/// The first version whose `pg_dump` reads statistics, and whose server takes them.
const CARRIES_STATISTICS: u32 = 18;

/// The source's statistics are to be carried over, and PostgreSQL cannot.
pub(super) fn statistics_not_carried(case: &Case<'_>) -> Vec<Finding> {
    let source = case.facts.source.server.major();
    let target = case.facts.target.server.major();
    let tools = choose_tools(&case.facts.tools, source, target).map_or(target, |tools| tools.major);
    let can = target.min(tools) >= CARRIES_STATISTICS;
    if case.choices.statistics != Statistics::Carry || !case.with_rows() || can {
        return Vec::new();
    }
    found(
        Level::Refusal,
        "statistics_not_carried",
        format!(
            "restore.statistics is `carry`, which takes PostgreSQL {CARRIES_STATISTICS} or later: \
             the target is {target}, and pg_dump {tools}"
        ),
        "Write `restore.statistics: analyze`, or install the client programs of the target's version.",
    )
}
