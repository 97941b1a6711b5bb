//! Findings about what is to keep applications from writing during the cutover.
//! It never judges whether the fence is whole: that nobody writes is proven when it stands.

use super::{Finding, Stream, refusal, warning};
use crate::inspect::{ConnectedRole, Streams};
use crate::postgres::{quote_identifier, subscription_user};
use crate::preflight::list;
use crate::side::Side;

/// The first version where CREATEROLE alone does not let alter every role.
const ADMIN_OF_EACH: u32 = 16;

/// What comes of a fence that somebody gets past.
const LATE: &str = "That nobody is there is proven for moments only: what somebody writes before the \
    last of them takes the cutover back or is carried over, and what is written later is found after \
    the switch, when nothing is undone any more.";

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
        format!("Let applications log in as plain roles. {LATE}"),
    )
}

/// What the fence is made of takes privileges of its own.
pub(super) fn powerless(stream: &Stream<'_>) -> Vec<Finding> {
    let (fence, there) = (&stream.online.cutover.fence, source(stream));
    let role = &stream.server(Side::Source).role;
    let own = format!(
        "`alter database {} owner to {}`, or the owner's role",
        quote_identifier(stream.database_name(Side::Source)),
        quote_identifier(&role.name)
    );
    let mut missing = Vec::new();
    missing.extend(unalterable(stream, Side::Source));
    if fence.connect && !there.owned {
        missing.push((
            "take CONNECT from others (cutover.fence.connect)".to_owned(),
            own.clone(),
        ));
    }
    if fence.read_only && !there.owned {
        missing.push((
            "make the database read-only (cutover.fence.read_only)".to_owned(),
            own,
        ));
    }
    if fence.terminate && !role.signal_backend {
        missing.push(ending_sessions(role));
    }
    if missing.is_empty() {
        return Vec::new();
    }
    let (powers, mut grants): (Vec<String>, Vec<String>) = missing.into_iter().unzip();
    grants.dedup();
    refusal(
        "fence_powerless",
        format!(
            "role {} may not {} on the source",
            role.name,
            powers.join(", nor ")
        ),
        format!(
            "Run on the source: {}. Or take out of cutover.fence what it may not do.{}",
            grants.join("; "),
            in_place_of_roles(stream)
        ),
    )
}

/// Roles of the fence that are on a side and may not be altered there: what that is called, and what
/// it takes.
pub(super) fn unalterable(stream: &Stream<'_>, side: Side) -> Option<(String, String)> {
    let server = stream.server(side);
    let there = match side {
        Side::Source => &source(stream).roles,
        Side::Target => &stream.case.facts.target.roles,
    };
    let roles = stream.online.cutover.fence.roles.iter();
    let barred: Vec<&String> = roles
        .filter(|role| there.contains(*role) && !server.role.alterable_roles.contains(*role))
        .collect();
    if barred.is_empty() {
        return None;
    }
    let name = quote_identifier(&server.role.name);
    let mut takes = Vec::new();
    if !server.role.create_role {
        takes.push(format!("`alter role {name} createrole`"));
    }
    if server.major() >= ADMIN_OF_EACH {
        let each: Vec<String> = barred.iter().map(|role| quote_identifier(role)).collect();
        takes.push(format!(
            "`grant {} to {name} with admin option`",
            each.join(", ")
        ));
    } else if server.role.create_role {
        // Superusers and roles with REPLICATION.
        takes.push(format!("`alter role {name} superuser`"));
    }
    Some((
        format!("bar {} from logging in (cutover.fence.roles)", list(barred)),
        takes.join(" and "),
    ))
}

fn in_place_of_roles(stream: &Stream<'_>) -> &'static str {
    match unalterable(stream, Side::Source) {
        Some(_) if !stream.online.cutover.fence.connect => {
            " In place of cutover.fence.roles, `cutover.fence.connect: true` takes no more than the \
             ownership of the database."
        }
        _ => "",
    }
}

/// Who reads the stream has to come in when nobody else may.
pub(super) fn reader_unknown(stream: &Stream<'_>) -> Vec<Finding> {
    let link = |side: Side| match side {
        Side::Source => &stream.online.subscription_source,
        Side::Target => &stream.online.subscription_target,
    };
    let unsaid = |side: &&Side| {
        let link = link(**side).as_ref();
        link.is_some_and(|link| subscription_user(link).is_none())
    };
    if !stream.online.cutover.fence.connect {
        return Vec::new();
    }
    let sides = stream.publishers().iter().filter(unsaid);
    let refused = sides.flat_map(|side| {
        refusal(
            "fence_reader_unknown",
            format!(
                "cutover.fence.connect shuts out all but a few roles, and as which one the server \
                 of the {} connects to the {side} is not said",
                side.other()
            ),
            format!("Write `user=` in online.subscription_{side}, in plain words."),
        )
    });
    refused.collect()
}

/// Who has the privileges of a role that keeps CONNECT has that one too.
pub(super) fn connect_members(stream: &Stream<'_>) -> Vec<Finding> {
    let members = &source(stream).members;
    let fence = &stream.online.cutover.fence;
    let left: Vec<&String> = members
        .iter()
        .filter(|role| !fence.roles.contains(*role))
        .collect();
    if !fence.connect || left.is_empty() {
        return Vec::new();
    }
    let role = &stream.server(Side::Source).role.name;
    warning(
        "fence_connect_members",
        format!(
            "cutover.fence.connect does not keep out {}, with the privileges of {role}, which keeps \
             CONNECT",
            list(left)
        ),
        format!(
            "Let the migration log in as a role of its own that no application is a member of. {LATE}"
        ),
    )
}

/// Of a session that one cannot look into, nobody can be told what it does.
pub(super) fn blind(stream: &Stream<'_>) -> Vec<Finding> {
    if source(stream).sees_sessions {
        return Vec::new();
    }
    let role = &stream.server(Side::Source).role.name;
    warning(
        "fence_blind",
        format!(
            "role {role} does not see what the sessions of other roles on the source do: who holds \
             up the slot, or the cutover, cannot be named"
        ),
        format!(
            "Run `grant pg_read_all_stats to {}` on the source.",
            quote_identifier(role)
        ),
    )
}

/// Nothing keeps anybody from writing.
pub(super) fn nothing(stream: &Stream<'_>) -> Vec<Finding> {
    let fence = &stream.online.cutover.fence;
    if !fence.roles.is_empty() || fence.connect || fence.read_only {
        return Vec::new();
    }
    warning(
        "no_fence",
        "nothing keeps applications from writing to the source during the cutover: \
         cutover.fence names no role, and connect and read_only are false"
            .to_owned(),
        format!(
            "Name the applications' roles in cutover.fence.roles, or stop them yourself \
             (cutover.hooks.before_fence). {LATE}"
        ),
    )
}

/// A default may be lifted by whoever it is for.
pub(super) fn read_only_alone(stream: &Stream<'_>) -> Vec<Finding> {
    let fence = &stream.online.cutover.fence;
    if !fence.roles.is_empty() || fence.connect || !fence.read_only {
        return Vec::new();
    }
    warning(
        "fence_read_only_alone",
        "cutover.fence makes the source read-only by default and no more: everybody may log in \
         meanwhile, and a session may lift that for itself (`begin read write`)"
            .to_owned(),
        format!(
            "Name the applications' roles in cutover.fence.roles, or set cutover.fence.connect: \
             true. {LATE}"
        ),
    )
}

/// What is set for a role goes before what is set for a database.
pub(super) fn own_settings(stream: &Stream<'_>) -> Vec<Finding> {
    let fence = &stream.online.cutover.fence;
    let own = &stream.server(Side::Source).role.name;
    let writing = source(stream).writing.iter();
    let left: Vec<&String> = writing
        .filter(|role| !fence.roles.contains(*role) && *role != own)
        .collect();
    if left.is_empty() || fence.connect || !fence.read_only {
        return Vec::new();
    }
    refusal(
        "fence_own_settings",
        format!(
            "cutover.fence.read_only does not keep {} from writing: `alter role … set \
             default_transaction_read_only = off` goes before the database's setting",
            list(left)
        ),
        "Name them in cutover.fence.roles, or run `alter role … reset default_transaction_read_only` \
         (with `in database …` where it was set so) on the source.",
    )
}

/// A target database that was there before is closed before the first table comes to it, and the
/// sessions that are in it are ended.
pub(super) fn closing_target(stream: &Stream<'_>) -> Vec<Finding> {
    let target = &stream.case.facts.target;
    let Some(database) = &target.database else {
        return Vec::new();
    };
    let role = &target.server.role;
    let (name, owner) = (
        quote_identifier(&role.name),
        quote_identifier(&database.owner),
    );
    if !database.owned {
        return refusal(
            "target_not_closed",
            format!(
                "role {} does not own the target database {}, so it cannot close it to applications \
                 until the cutover",
                role.name, target.database_name
            ),
            format!("Run `grant {owner} to {name}` on the target, or connect as the owner."),
        );
    }
    if role.signal_backend {
        return Vec::new();
    }
    warning(
        "target_sessions",
        format!(
            "role {} may not end sessions of others on the target: it stops where one is in the \
             database when that is closed to applications",
            role.name
        ),
        format!("See that nobody is in it, or run `grant pg_signal_backend to {name}` there."),
    )
}

fn source<'a>(stream: &Stream<'a>) -> &'a Streams {
    &stream.case.facts.source.streams
}

/// The power to end the sessions of applications, and what grants it.
pub(super) fn ending_sessions(role: &ConnectedRole) -> (String, String) {
    let name = quote_identifier(&role.name);
    (
        "end sessions (cutover.fence.terminate)".to_owned(),
        format!("`grant pg_signal_backend to {name}`"),
    )
}
