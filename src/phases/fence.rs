//! The fences of a switch, on either side: what they are made of, and the statements that close them.
//! It opens none: what was there before is known only when it was read.

use super::{CLOSE, Scene, TARGET_BEFORE, step};
use crate::effect::replication::{Fence, READ_ONLY, Replication, closing_connect};
use crate::effect::{Effect, Place, Side};
use crate::plan::{Step, StepId};
use crate::postgres::{quote_identifier, quote_literal, subscription_user};
use crate::resolve::Online;

/// What keeps applications from the source during the cutover, and after it.
pub(super) fn source(scene: &Scene<'_>, online: &Online) -> Fence {
    Fence {
        side: Side::Source,
        database: scene.facts.source.database.name.clone(),
        roles: online.cutover.fence.roles.clone(),
        connect_only: connect_only(scene, online, Side::Source),
        read_only: online.cutover.fence.read_only,
    }
}

/// Who may connect to a fenced side, where not everybody may: the migration itself, and the other
/// server, which reads the stream from it.
fn connect_only(scene: &Scene<'_>, online: &Online, side: Side) -> Vec<String> {
    if !online.cutover.fence.connect {
        return Vec::new();
    }
    let (server, link) = match side {
        Side::Source => (&scene.facts.source.server, &online.subscription_source),
        Side::Target => (&scene.facts.target.server, &online.subscription_target),
    };
    let reader = link.as_ref().and_then(subscription_user);
    let mut roles = vec![server.role.name.clone()];
    roles.extend(reader.filter(|reader| *reader != server.role.name));
    roles
}

/// What closes the target to its applications until they may come. People may look at it.
pub(super) fn target(scene: &Scene<'_>) -> Fence {
    Fence {
        side: Side::Target,
        database: scene.facts.target.database_name.clone(),
        roles: Vec::new(),
        connect_only: Vec::new(),
        read_only: true,
    }
}

/// Ends the sessions that were opened before the target was closed, which may write as long as they
/// live. Three looks on end must see none: one that is just being opened is seen late. Only a
/// superuser may end a superuser's, and no application should be one. Who may not see what a session
/// is does not see its `backend_type` either.
const END_SESSIONS: &str = include_str!("end_sessions.sql");

/// Closes the target before its first table is there: an application that knows both addresses, and
/// takes the target for the one to write to, is refused. `opens` has it opened when it is taken back.
pub(super) fn close_target(scene: &Scene<'_>, opens: bool) -> Vec<Step> {
    let fence = target(scene);
    let mut statements = closing(&fence);
    statements.push(END_SESSIONS.to_owned());
    let undo = opens.then(|| {
        Effect::Replication(Replication::OpenFence {
            fence: fence.clone(),
            before: StepId::new(TARGET_BEFORE),
            also: Vec::new(),
        })
    });
    vec![
        Step {
            effects: vec![Effect::Replication(Replication::ReadFence(fence))],
            ..step(TARGET_BEFORE, "what closing the target will change")
        },
        Step {
            effects: vec![super::sql(Place::Target, statements)],
            undo: undo.into_iter().collect(),
            ..step(CLOSE, "read-only until the cutover, but for this migration")
        },
    ]
}

/// What keeps applications from the target while it is left again. Its roles are those that are there
/// by then: one that no object needed was not made by the migration, but may have been since.
pub(super) fn serving_target(scene: &Scene<'_>, online: &Online) -> Fence {
    Fence {
        roles: online.cutover.fence.roles.clone(),
        connect_only: connect_only(scene, online, Side::Target),
        ..target(scene)
    }
}

/// The statements that close a fence.
pub(super) fn closing(fence: &Fence) -> Vec<String> {
    let roles = fence.roles.iter();
    let roles = roles.map(|role| barring(fence.side, role));
    let read_only = fence.read_only.then(|| {
        let database = quote_identifier(&fence.database);
        format!("alter database {database} set {READ_ONLY} = on")
    });
    let only = &fence.connect_only;
    let connect = (!only.is_empty()).then(|| closing_connect(&fence.database, only));
    roles.chain(connect).chain(read_only).collect()
}

/// Bars a role from logging in. The target need not have it.
fn barring(side: Side, role: &str) -> String {
    let bar = format!("alter role {} nologin", quote_identifier(role));
    if side == Side::Source {
        return bar;
    }
    let role = quote_literal(role);
    let body = format!(
        "begin if exists (select from pg_roles where rolname = {role}) then {bar}; end if; end"
    );
    format!("do {}", quote_literal(&body))
}

/// A fence in a few words.
pub(super) fn summary(fence: &Fence) -> String {
    let mut words = Vec::new();
    if !fence.roles.is_empty() {
        words.push(format!("NOLOGIN for {}", fence.roles.join(", ")));
    }
    if !fence.connect_only.is_empty() {
        let only = fence.connect_only.join(", ");
        words.push(format!("CONNECT for {only} alone"));
    }
    if fence.read_only {
        words.push(format!("the {} read-only", fence.side));
    }
    words.join(", ")
}
