//! Roles that the objects need and the target lacks: made without passwords, with what else they
//! have on the source. A role that was there before is never changed.

use super::{Scene, sql, step};
use crate::database_settings;
use crate::effect::Place;
use crate::inspect::{Membership, Role};
use crate::plan::{IfInterrupted, Question, Step};
use crate::postgres::{quote_identifier, quote_literal};
use crate::report::counted;

/// The first version where a membership has options of its own besides ADMIN.
const MEMBERSHIP_OPTIONS: u32 = 16;

/// Roles that the objects need and the target lacks, a step each; then what may name several of
/// them, their memberships, and what they are set to.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let missing = missing_roles(scene);
    let mut steps: Vec<Step> = missing
        .iter()
        .map(|role| create_role(scene, role))
        .collect();
    let grants: Vec<String> = missing
        .iter()
        .flat_map(|role| memberships(scene, role))
        .collect();
    if !grants.is_empty() {
        let summary = counted(grants.len() as u64, "membership");
        steps.push(Step {
            effects: vec![sql(Place::TargetMaintenance, grants)],
            ..step("target.memberships", summary)
        });
    }
    let rest: Vec<String> = missing
        .iter()
        .flat_map(|role| properties(scene, role))
        .collect();
    if !rest.is_empty() {
        steps.push(Step {
            effects: vec![sql(Place::TargetMaintenance, rest)],
            ..step(
                "target.role_settings",
                "comments and settings of the roles that are made",
            )
        });
    }
    steps
}

/// Roles that the plan makes.
pub(super) fn missing_roles<'a>(scene: &'a Scene<'_>) -> Vec<&'a Role> {
    if !scene.resolved.copy.roles {
        return Vec::new();
    }
    let there = &scene.facts.target.roles;
    scene
        .facts
        .source
        .roles
        .iter()
        .filter(|role| !there.contains(&role.name))
        .collect()
}

fn create_role(scene: &Scene<'_>, role: &Role) -> Step {
    let name = quote_identifier(&role.name);
    let attributes = attributes(role, scene.facts.target.server.role.superuser);
    Step {
        effects: vec![sql(
            Place::TargetMaintenance,
            vec![format!("create role {name}{attributes}")],
        )],
        if_interrupted: IfInterrupted::Ask(Question {
            database: Place::TargetMaintenance,
            sql: format!(
                "select exists (select from pg_roles where rolname = {})",
                quote_literal(&role.name)
            ),
        }),
        undo: vec![sql(Place::TargetMaintenance, vec![drop_role(&name)])],
        ..step(
            &format!("target.role.{}", role.name),
            "missing on the target; without a password",
        )
    }
}

/// Another migration to the same server may have come to need the role: then it stays.
fn drop_role(name: &str) -> String {
    let body = format!(
        "begin drop role if exists {name}; \
         exception when dependent_objects_still_exist then \
         raise notice 'the role stays: other databases need it'; end"
    );
    format!("do {}", quote_literal(&body))
}

/// Only a superuser may give the first three.
fn attributes(role: &Role, by_superuser: bool) -> String {
    let mut words = Vec::new();
    for (on, word) in [
        (role.superuser && by_superuser, "superuser"),
        (role.replication && by_superuser, "replication"),
        (role.bypass_rls && by_superuser, "bypassrls"),
        (role.create_role, "createrole"),
        (role.create_database, "createdb"),
        (role.login, "login"),
        (!role.inherit, "noinherit"),
    ] {
        if on {
            words.push(word.to_owned());
        }
    }
    if role.connection_limit != -1 {
        words.push(format!("connection limit {}", role.connection_limit));
    }
    if let Some(end) = &role.valid_until {
        words.push(format!("valid until {}", quote_literal(end)));
    }
    if words.is_empty() {
        String::new()
    } else {
        format!(" {}", words.join(" "))
    }
}

fn memberships(scene: &Scene<'_>, role: &Role) -> Vec<String> {
    let known = |membership: &&Membership| {
        let name = &membership.role;
        let made = |role: &Role| role.name == *name;
        scene.facts.target.roles.contains(name) || scene.facts.source.roles.iter().any(made)
    };
    let with_options = scene.facts.target.server.major() >= MEMBERSHIP_OPTIONS;
    let grant = |membership: &Membership| {
        format!(
            "grant {} to {}{}",
            quote_identifier(&membership.role),
            quote_identifier(&role.name),
            options(membership, role, with_options)
        )
    };
    role.member_of.iter().filter(known).map(grant).collect()
}

/// Those that are not what a GRANT without options gives: INHERIT as the member has it, and SET.
fn options(membership: &Membership, member: &Role, all: bool) -> String {
    let Membership {
        role: _,
        admin,
        inherit,
        set,
    } = membership;
    let mut words = Vec::new();
    if *admin {
        words.push("admin option".to_owned());
    }
    let inherit = inherit.filter(|inherit| all && *inherit != member.inherit);
    words.extend(inherit.map(|inherit| format!("inherit {inherit}")));
    let set = set.filter(|set| all && !set);
    words.extend(set.map(|set| format!("set {set}")));
    if words.is_empty() {
        String::new()
    } else {
        format!(" with {}", words.join(", "))
    }
}

/// The comment, and `ALTER ROLE … SET` for every database.
fn properties(scene: &Scene<'_>, role: &Role) -> Vec<String> {
    let name = quote_identifier(&role.name);
    let comment = role.comment.iter();
    comment
        .map(|text| format!("comment on role {name} is {}", quote_literal(text)))
        .chain(
            role.settings
                .iter()
                .filter(|setting| scene.facts.target.takes_setting(&setting.name))
                .map(|setting| database_settings::role_setting(&role.name, setting)),
        )
        .collect()
}
