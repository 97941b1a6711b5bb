//! Findings about the way back: a rollback fences the target.
//! It never speaks of its database, which the migration makes or owns.

use super::fence::{ending_sessions, unalterable};
use super::{Finding, Stream, or_no_way_back, refusal};
use crate::side::Side;

/// What a fence around the target takes, of which the roles that the migration makes there are no
/// part: it may alter them, and act as them until it is finalized.
pub(super) fn powerless(stream: &Stream<'_>) -> Vec<Finding> {
    if !stream.online.cutover.reverse {
        return Vec::new();
    }
    let role = &stream.server(Side::Target).role;
    let mut missing: Vec<(String, String)> = Vec::new();
    missing.extend(unalterable(stream, Side::Target));
    if stream.online.cutover.fence.terminate && !role.signal_backend && !acts_as_all(stream) {
        missing.push(ending_sessions(role));
    }
    if missing.is_empty() {
        return Vec::new();
    }
    let (powers, grants): (Vec<String>, Vec<String>) = missing.into_iter().unzip();
    refusal(
        "rollback_powerless",
        format!(
            "role {} may not {} on the target, as a rollback would",
            role.name,
            powers.join(", nor ")
        ),
        format!(
            "Run on the target: {}.{}",
            grants.join("; "),
            or_no_way_back(true)
        ),
    )
}

/// Whether the applications log in as roles alone whose sessions one may end as their member.
fn acts_as_all(stream: &Stream<'_>) -> bool {
    let (roles, target) = (
        &stream.online.cutover.fence.roles,
        &stream.case.facts.target,
    );
    let acts_as =
        |role: &String| !target.roles.contains(role) || target.settable_roles.contains(role);
    !roles.is_empty() && roles.iter().all(acts_as)
}
