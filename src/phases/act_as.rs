//! Membership in the roles that are made, for a connected role that is no superuser: from 16 on,
//! who makes a role may grant it but not act as it, and before that not even its owner's objects
//! are readable. It never touches a role that was there before.

use super::roles::missing_roles;
use super::{Scene, step};
use crate::effect::{Effect, Place};
use crate::plan::Step;
use crate::postgres::quote_identifier;
use crate::report::counted;

/// The first version that tells acting as a role (SET) from having its privileges (INHERIT), and
/// where both can be granted to a role that is NOINHERIT.
const GRANT_OPTIONS: u32 = 16;

/// Grants the roles to the connected one, before the first object is given away.
pub(super) fn begin(scene: &Scene<'_>) -> Option<Step> {
    let options = if scene.facts.target.server.major() >= GRANT_OPTIONS {
        " with inherit true, set true"
    } else {
        ""
    };
    let grants = statements(scene, |role, me| format!("grant {role} to {me}{options}"));
    let until = match scene.stream {
        None => "all is proven",
        Some(_) => "finalize",
    };
    let summary = format!(
        "of {} that are made, until {until}",
        counted(grants.len() as u64, "role")
    );
    (!grants.is_empty()).then(|| Step {
        effects: vec![effect(grants)],
        undo: vec![effect(revokes(scene))],
        ..step(
            "target.act_as",
            format!("make the connected role a member {summary}"),
        )
    })
}

/// Takes the memberships back, when nothing has to be read any more, nor a database to be closed.
pub(super) fn end(scene: &Scene<'_>) -> Option<Step> {
    let revokes = revokes(scene);
    (!revokes.is_empty()).then(|| Step {
        effects: vec![effect(revokes)],
        ..step(
            "target.act_as.end",
            "end the connected role's memberships in the roles that were made",
        )
    })
}

fn revokes(scene: &Scene<'_>) -> Vec<String> {
    statements(scene, |role, me| format!("revoke {role} from {me}"))
}

fn statements(scene: &Scene<'_>, sql: impl Fn(&str, &str) -> String) -> Vec<String> {
    let me = &scene.facts.target.server.role;
    if me.superuser || !scene.moves_structure() {
        return Vec::new();
    }
    let name = quote_identifier(&me.name);
    missing_roles(scene)
        .into_iter()
        .map(|role| sql(&quote_identifier(&role.name), &name))
        .collect()
}

fn effect(statements: Vec<String>) -> Effect {
    Effect::Sql {
        place: Place::TargetMaintenance,
        statements,
    }
}
