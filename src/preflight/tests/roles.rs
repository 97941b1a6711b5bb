//! Findings about roles.
//! Never needs a server.

use super::made::{CHOICES, names, plain, target_database};
use super::{found_when, found_with};
use crate::inspect::{Facts, Membership, Owner, Setting};
use crate::preflight::Choices;
use crate::spec::Scope;

#[test]
fn roles_are_created_or_must_be_there_and_be_ours_to_act_as() {
    let absent = |f: &mut Facts| f.target.roles = names(&["migrator"]);
    assert_eq!(found_when(absent), [""; 0]);
    let by_hand = Choices {
        roles: false,
        ..CHOICES
    };
    assert_eq!(found_with(&by_hand, absent), ["R missing_roles"]);
    let without = Choices {
        owners: false,
        roles: false,
        ..CHOICES
    };
    assert_eq!(found_with(&without, absent), [""; 0]);
    let plain_runner = |f: &mut Facts| {
        plain(&mut f.target.server.role);
        f.target.database = Some(target_database());
    };
    let barred = |f: &mut Facts| {
        plain_runner(f);
        absent(f);
    };
    assert_eq!(found_when(barred), ["R cannot_create_roles"]);
    let no_member = |f: &mut Facts| {
        plain_runner(f);
        f.target.settable_roles = names(&["migrator"]);
    };
    assert_eq!(found_when(no_member), ["R cannot_act_as"]);
    let attributes = |f: &mut Facts| {
        plain_runner(f);
        absent(f);
        f.target.server.role.create_role = true;
        f.source.roles[0].superuser = true;
    };
    assert_eq!(found_when(attributes), ["W role_attributes"]);
}

#[test]
fn owners_of_all_kinds_must_be_ours_to_act_as() {
    let owned = |kind: &str| {
        let kind = kind.to_owned();
        move |f: &mut Facts| {
            plain(&mut f.target.server.role);
            f.target.database = Some(target_database());
            f.target.roles.insert("other".to_owned());
            f.source.owners = vec![Owner {
                role: "other".to_owned(),
                kind,
                schema: None,
            }];
        }
    };
    assert_eq!(found_when(owned("function")), ["R cannot_act_as"]);
    let allowed = Choices {
        allow_errors: true,
        ..CHOICES
    };
    assert_eq!(found_with(&allowed, owned("function")), ["W cannot_act_as"]);
    let structure = Choices {
        scope: Scope::Schema,
        ..CHOICES
    };
    assert_eq!(found_with(&structure, owned("large object")), [""; 0]);
}

#[test]
fn new_roles_become_members_only_of_what_is_ours_to_grant() {
    let member = |f: &mut Facts| {
        f.target.roles = names(&["migrator", "pg_monitor"]);
        f.source.roles[0].member_of = vec![Membership {
            role: "pg_monitor".to_owned(),
            admin: false,
            inherit: None,
            set: None,
        }];
    };
    assert_eq!(found_when(member), [""; 0]);
    let plain_runner = |f: &mut Facts| {
        member(f);
        f.target.server.role.superuser = false;
    };
    assert_eq!(found_when(plain_runner), ["R cannot_grant"]);
    let granted = |f: &mut Facts| {
        plain_runner(f);
        f.target.grantable_roles = names(&["pg_monitor"]);
    };
    assert_eq!(found_when(granted), [""; 0]);
    let lacks = |f: &mut Facts| f.source.predefined_roles = names(&["pg_gone"]);
    assert_eq!(found_when(lacks), ["R predefined_roles"]);
}

#[test]
fn settings_that_the_target_does_not_take_are_a_warning() {
    let set = |name: &str, role: Option<&str>| Setting {
        role: role.map(str::to_owned),
        name: name.to_owned(),
        value: "on".to_owned(),
    };
    let gone = |f: &mut Facts| f.source.database.settings = vec![set("gone", None)];
    assert_eq!(found_when(gone), ["W settings_left_behind"]);
    let known = |f: &mut Facts| {
        f.source.database.settings = vec![set("Work_Mem", None), set("app.tenant", Some("shop"))];
    };
    assert_eq!(found_when(known), [""; 0]);
    let plain_runner = |f: &mut Facts| {
        known(f);
        f.target.server.role.superuser = false;
    };
    assert_eq!(found_when(plain_runner), ["W settings_left_behind"]);
    let of_a_role_that_is_there =
        |f: &mut Facts| f.source.roles[0].settings = vec![set("gone", None)];
    assert_eq!(found_when(of_a_role_that_is_there), [""; 0]);
    let of_a_new_role = |f: &mut Facts| {
        of_a_role_that_is_there(f);
        f.target.roles = names(&["migrator"]);
    };
    assert_eq!(found_when(of_a_new_role), ["W settings_left_behind"]);
}
