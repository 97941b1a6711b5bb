//! Findings about what is to keep applications from writing during the cutover.
//! It never judges whether the fence is whole: that nobody writes is proven when it stands.

use super::{Finding, Stream, refusal, warning};
use crate::inspect::Streams;
use crate::postgres::quote_identifier;
use crate::preflight::list;
use crate::side::Side;

/// A role of another name writes on.
pub(super) fn unknown_roles(stream: &Stream<'_>) -> Vec<Finding> {
    let known = &source(stream).roles;
    let roles = stream.online.cutover.fence.roles.iter();
    let unknown: Vec<&String> = roles.filter(|role| !known.contains(*role)).collect();
    if unknown.is_empty() {
        return Vec::new();
    }
    refusal(
        "fence_roles_unknown",
        format!("the source has no role {}", list(unknown)),
        "Name in cutover.fence.roles the roles that applications log in as: `select distinct \
         usename from pg_stat_activity` on the source shows who does.",
    )
}

/// Applications that log in as it cannot, after the switch.
pub(super) fn not_on_target(stream: &Stream<'_>) -> Vec<Finding> {
    let facts = stream.case.facts;
    let known = &source(stream).roles;
    let comes = |role: &String| {
        let made = facts.source.roles.iter().any(|made| made.name == *role);
        facts.target.roles.contains(role) || (made && stream.case.choices.roles)
    };
    let roles = stream.online.cutover.fence.roles.iter();
    let missing: Vec<&String> = roles
        .filter(|role| known.contains(*role) && !comes(role))
        .collect();
    if missing.is_empty() {
        return Vec::new();
    }
    warning(
        "fence_roles_left_behind",
        format!(
            "nobody can log in to the target as {}: no object needs it, so it is not made there",
            list(missing)
        ),
        "Make it on the target before the cutover (`create role … login`), with its password.",
    )
}

/// We would lock ourselves out.
pub(super) fn own_role(stream: &Stream<'_>) -> Vec<Finding> {
    let role = &stream.server(Side::Source).role.name;
    if !stream.online.cutover.fence.roles.contains(role) {
        return Vec::new();
    }
    refusal(
        "fence_own_role",
        format!("cutover.fence.roles names {role}, the role that this migration itself logs in as"),
        "Let the migration log in as a role of its own, and name those of the applications alone.",
    )
}

/// No setting stops a superuser.
pub(super) fn superusers(stream: &Stream<'_>) -> Vec<Finding> {
    let superusers = &source(stream).superusers;
    let roles = stream.online.cutover.fence.roles.iter();
    let named: Vec<&String> = roles.filter(|role| superusers.contains(*role)).collect();
    if named.is_empty() {
        return Vec::new();
    }
    warning(
        "fence_superusers",
        format!(
            "an application logs in as superuser {}: once in, it can lift every fence itself",
            list(named)
        ),
        "Let applications log in as plain roles; the cutover is undone when somebody writes all \
         the same.",
    )
}

/// What the fence is made of takes privileges of its own.
pub(super) fn powerless(stream: &Stream<'_>) -> Vec<Finding> {
    let (fence, there) = (&stream.online.cutover.fence, source(stream));
    let role = &stream.server(Side::Source).role;
    let database = quote_identifier(stream.database_name(Side::Source));
    let name = quote_identifier(&role.name);
    let mut missing = Vec::new();
    if !fence.roles.is_empty() && !role.create_role {
        missing.push((
            "bar roles from logging in (cutover.fence.roles)",
            format!("`alter role {name} createrole` (from 16 on also `grant … to {name} with admin option`)"),
        ));
    }
    if fence.read_only && !there.owned {
        missing.push((
            "make the database read-only (cutover.fence.read_only)",
            format!("`alter database {database} owner to {name}`, or the owner's role"),
        ));
    }
    if fence.terminate && !there.may_signal {
        missing.push((
            "end sessions (cutover.fence.terminate)",
            format!("`grant pg_signal_backend to {name}`"),
        ));
    }
    if missing.is_empty() {
        return Vec::new();
    }
    let (powers, grants): (Vec<&str>, Vec<String>) = missing.into_iter().unzip();
    refusal(
        "fence_powerless",
        format!(
            "role {} may not {} on the source",
            role.name,
            powers.join(", nor ")
        ),
        format!(
            "Run on the source: {}. Or take out of cutover.fence what it may not do.",
            grants.join("; ")
        ),
    )
}

/// Nothing keeps anybody from writing.
pub(super) fn nothing(stream: &Stream<'_>) -> Vec<Finding> {
    let fence = &stream.online.cutover.fence;
    if !fence.roles.is_empty() || fence.read_only {
        return Vec::new();
    }
    warning(
        "no_fence",
        "nothing keeps applications from writing to the source during the cutover: \
         cutover.fence names no role, and read_only is false"
            .to_owned(),
        "Name the applications' roles in cutover.fence.roles, or stop them yourself \
         (cutover.hooks.before_fence); the cutover is undone when somebody writes.",
    )
}

fn source<'a>(stream: &Stream<'a>) -> &'a Streams {
    &stream.case.facts.source.streams
}
