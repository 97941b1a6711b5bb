//! Findings about roles.
//! Never needs a server.

use super::made::{CHOICES, names, plain, target_database};
use super::{found_when, found_with};
use crate::inspect::Facts;
use crate::preflight::Choices;

#[test]
fn roles_are_created_or_must_be_there_and_be_ours_to_act_as() {
    let absent = |f: &mut Facts| f.target.roles = names(&["migrator"]);
    assert_eq!(found_when(absent), [""; 0]);
    let by_hand = Choices {
        roles: false,
        ..CHOICES
    };
    assert_eq!(found_with(by_hand, absent), ["R missing_roles"]);
    let without = Choices {
        owners: false,
        roles: false,
        ..CHOICES
    };
    assert_eq!(found_with(without, absent), [""; 0]);
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
