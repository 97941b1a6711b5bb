//! Findings about the target database.
//! Never needs a server.

use super::made::{CHOICES, facts, filled_database, locale, names, target_database};
use super::{found_when, found_with};
use crate::inspect::{Facts, Locale, TargetDatabase};
use crate::preflight::{Choices, preflight};
use crate::selection::Selection;
use crate::spec::{Existing, Scope, Verify};

#[test]
fn a_target_database_must_be_there_or_creatable_and_ours_and_empty() {
    let barred = |f: &mut Facts| f.target.server.role.create_database = false;
    assert_eq!(found_when(barred), ["R missing_database"]);
    let data = Choices {
        scope: Scope::Data,
        ..CHOICES
    };
    assert_eq!(found_with(&data, |_| ()), ["R missing_database"]);
    let foreign = |f: &mut Facts| {
        f.target.database = Some(TargetDatabase {
            owned: false,
            ..target_database()
        });
    };
    assert_eq!(found_when(foreign), ["R not_owned"]);
    let filled = |f: &mut Facts| f.target.database = Some(filled_database());
    assert_eq!(found_when(filled), ["R not_empty"]);
    let replace = Choices {
        existing: Existing::Replace,
        ..CHOICES
    };
    assert_eq!(found_with(&replace, filled), ["W replaces_objects"]);
    let mut facts = facts();
    filled(&mut facts);
    let what = &preflight(&facts, &CHOICES, &Selection::default())[0].what;
    assert!(
        what.ends_with("21 objects: table public.items and 20 more"),
        "{what}"
    );
}

#[test]
fn another_encoding_or_locale_is_a_warning_and_missing_icu_a_refusal() {
    let other = |f: &mut Facts| {
        let locale = Locale {
            encoding: "LATIN1".to_owned(),
            collate: "C".to_owned(),
            ..locale()
        };
        f.target.database = Some(TargetDatabase {
            locale,
            ..target_database()
        });
    };
    assert_eq!(found_when(other), ["W encoding", "W locale"]);
    let hashed = Choices {
        verify: Verify::Rows,
        ..CHOICES
    };
    assert_eq!(found_with(&hashed, other), ["R encoding", "W locale"]);
    let unknown = |f: &mut Facts| f.target.locales = names(&["C"]);
    assert_eq!(found_when(unknown), ["W locale_unknown"]);
    let icu = |f: &mut Facts| {
        f.source.database.locale.provider = "icu".to_owned();
        f.target.icu = false;
    };
    assert_eq!(found_when(icu), ["R locale_unknown"]);
    let collation = |f: &mut Facts| {
        f.source.icu_collations = vec![("public".to_owned(), "natural".to_owned())];
    };
    assert_eq!(found_when(collation), [""; 0]);
    let without = |f: &mut Facts| {
        collation(f);
        f.target.icu = false;
    };
    assert_eq!(found_when(without), ["R icu_collations"]);
}
