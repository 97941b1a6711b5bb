//! Findings about settings that databases and roles keep.
//! It never judges a value: only the server can.

use super::{Case, Finding, Level, found, list, roles};
use crate::database_settings;

/// Another version may know other settings, and some are for superusers: worth knowing, and no
/// reason to stay on the old server.
pub(super) fn not_taken(case: &Case<'_>) -> Vec<Finding> {
    if !roles::keeps_owners(case) {
        return Vec::new();
    }
    let target = &case.facts.target;
    let database = case.facts.source.database.settings.iter();
    let made = roles::absent(case).filter(|_| case.choices.roles);
    let settings = database.chain(made.flat_map(|role| &role.settings));
    let names = database_settings::not_taken(target, settings);
    if names.is_empty() {
        return Vec::new();
    }
    let server = &target.server;
    let (or_may_not, or_connect) = match server.role.superuser {
        true => (String::new(), ""),
        false => (
            format!(", or role {} may not set there,", server.role.name),
            "; or connect as a superuser",
        ),
    };
    found(
        Level::Warning,
        "settings_left_behind",
        format!(
            "settings that PostgreSQL {} on the target does not know{or_may_not} are left behind: \
             {}",
            server.major(),
            list(names)
        ),
        format!(
            "Look them up in the release notes of the target's version, and set what replaces \
             them afterwards{or_connect}."
        ),
    )
}
