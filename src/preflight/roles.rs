//! Findings about roles: those that objects need, and what the connected role may do with them.
//! It never creates or grants one.

use std::collections::BTreeSet;

use super::{Case, Finding, Level, found, list};
use crate::inspect::Role;

/// The first version where BYPASSRLS and REPLICATION can be given by who has them (and
/// CREATEROLE), instead of by superusers alone.
const ATTRIBUTES_CAN_BE_PASSED_ON: u32 = 16;

/// The kind of object that counts as rows.
const LARGE_OBJECT: &str = "large object";

/// Owners and grantees are missing, and the plan does not create them.
pub(super) fn missing(case: &Case<'_>) -> Vec<Finding> {
    let names = list(absent(case).map(|role| &role.name));
    if names.is_empty() || case.choices.roles {
        return Vec::new();
    }
    found(
        Level::Refusal,
        "missing_roles",
        format!("the target lacks roles that own objects or have privileges: {names}"),
        "Set copy.roles: true to have them created without passwords, create them on the target, \
         or set copy.owners: false to leave owners and privileges behind.",
    )
}

/// The plan creates roles, which the connected role may not.
pub(super) fn cannot_create(case: &Case<'_>) -> Vec<Finding> {
    let role = &case.facts.target.server.role;
    let names = list(absent(case).map(|role| &role.name));
    if names.is_empty() || !case.choices.roles || role.create_role {
        return Vec::new();
    }
    found(
        Level::Refusal,
        "cannot_create_roles",
        format!(
            "the target lacks roles that role {} may not create: {names}",
            role.name
        ),
        format!(
            "Run `alter role {} createrole` on the target, create them there, or set copy.owners: \
             false to leave owners and privileges behind.",
            role.name
        ),
    )
}

/// Giving an object to a role takes the right to act as it. The database is given with its very
/// creation; what fails for other objects is let through where the plan says so.
pub(super) fn cannot_act_as(case: &Case<'_>) -> Vec<Finding> {
    let target = &case.facts.target;
    if !keeps_owners(case) || target.server.role.superuser {
        return Vec::new();
    }
    let barred = |owner: &&str| {
        target.roles.contains(*owner) && !target.settable_roles.contains(*owner)
            // A database's owner is the one member of this role, and no one can be granted it.
            && *owner != "pg_database_owner"
    };
    let database = case.facts.source.database.owner.as_str();
    let names = list(owners(case).into_iter().filter(barred));
    if names.is_empty() {
        return Vec::new();
    }
    let level = match case.choices.allow_errors && !barred(&database) {
        true => Level::Warning,
        false => Level::Refusal,
    };
    let role = &target.server.role.name;
    found(
        level,
        "cannot_act_as",
        format!("role {role} cannot give objects on the target to their owners: {names}"),
        format!(
            "Grant these roles to {role} on the target, connect as a superuser, or set \
             copy.owners: false."
        ),
    )
}

/// Roles that are made are granted others, which takes ADMIN OPTION from 16 on.
pub(super) fn cannot_grant(case: &Case<'_>) -> Vec<Finding> {
    let target = &case.facts.target;
    let made = absent(case).filter(|_| case.choices.roles);
    let groups = made.flat_map(|role| role.member_of.iter().map(|m| m.role.as_str()));
    let barred = groups
        .filter(|group| target.roles.contains(*group) && !target.grantable_roles.contains(*group));
    let names = list(barred);
    if names.is_empty() || target.server.role.superuser {
        return Vec::new();
    }
    let role = &target.server.role.name;
    found(
        Level::Refusal,
        "cannot_grant",
        format!("role {role} may not make the new roles on the target members of: {names}"),
        format!(
            "Run `grant … to {role} with admin option` for each on the target, connect as a \
             superuser, or create the roles there beforehand."
        ),
    )
}

/// A role that only the source's version knows as its own.
pub(super) fn predefined(case: &Case<'_>) -> Vec<Finding> {
    let lacks = |name: &&String| !case.facts.target.roles.contains(*name);
    let names = list(case.facts.source.predefined_roles.iter().filter(lacks));
    if names.is_empty() || !keeps_owners(case) {
        return Vec::new();
    }
    found(
        Level::Refusal,
        "predefined_roles",
        format!(
            "PostgreSQL {} on the target lacks predefined roles that have members or privileges \
             on the source: {names}",
            case.facts.target.server.major()
        ),
        "Revoke them on the source, or set copy.owners: false.",
    )
}

/// SUPERUSER, REPLICATION and BYPASSRLS cannot be given by everyone.
pub(super) fn unearned_attributes(case: &Case<'_>) -> Vec<Finding> {
    let server = &case.facts.target.server;
    if server.role.superuser || !case.choices.roles {
        return Vec::new();
    }
    let passes_bypass = server.role.bypass_rls && server.major() >= ATTRIBUTES_CAN_BE_PASSED_ON;
    let mut lost = Vec::new();
    for role in absent(case) {
        let Role {
            name,
            superuser,
            replication,
            bypass_rls,
            ..
        } = role;
        lost.extend(superuser.then(|| format!("{name} SUPERUSER")));
        lost.extend(replication.then(|| format!("{name} REPLICATION")));
        lost.extend((*bypass_rls && !passes_bypass).then(|| format!("{name} BYPASSRLS")));
    }
    if lost.is_empty() {
        return Vec::new();
    }
    found(
        Level::Warning,
        "role_attributes",
        format!(
            "role {} cannot give new roles on the target all that they have on the source: {}",
            server.role.name,
            list(lost)
        ),
        "Connect as a superuser, or alter these roles on the target afterwards.",
    )
}

/// Whether owners, privileges and settings are migrated.
pub(super) fn keeps_owners(case: &Case<'_>) -> bool {
    case.choices.owners && case.with_structure()
}

/// Roles of the source that the target lacks, where owners are kept.
pub(super) fn absent<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Role> {
    let (roles, wanted) = (&case.facts.target.roles, keeps_owners(case));
    case.facts
        .source
        .roles
        .iter()
        .filter(move |role| wanted && !roles.contains(&role.name))
}

fn owners<'a>(case: &Case<'a>) -> BTreeSet<&'a str> {
    let source = &case.facts.source;
    let schemas = source
        .schemas
        .iter()
        .filter(|s| case.selection.keeps_schema(&s.name));
    let others = source.owners.iter().filter(|owner| {
        let schema = owner.schema.as_deref();
        schema.is_none_or(|schema| case.selection.keeps_schema(schema))
            && (case.with_rows() || owner.kind != LARGE_OBJECT)
    });
    case.kept()
        .map(|relation| relation.owner.as_str())
        .chain(schemas.map(|schema| schema.owner.as_str()))
        .chain([source.database.owner.as_str()])
        .chain(others.map(|owner| owner.role.as_str()))
        .collect()
}
