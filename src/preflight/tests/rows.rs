//! Findings about rows: tables that are there, and the form in which they travel.
//! Never needs a server.

use super::found_with;
use super::made::{CHOICES, filled_database};
use crate::inspect::{Facts, TargetDatabase, TargetTable};
use crate::preflight::Choices;
use crate::spec::{Existing, Format, Scope};

#[test]
fn rows_alone_go_into_tables_that_are_there_and_empty() {
    let data = Choices {
        scope: Scope::Data,
        ..CHOICES
    };
    let filled = |f: &mut Facts| f.target.database = Some(filled_database());
    assert_eq!(
        found_with(&data, filled),
        ["R filled_tables", "R missing_tables"]
    );
    let replace = Choices {
        existing: Existing::Replace,
        ..data.clone()
    };
    assert_eq!(
        found_with(&replace, filled),
        ["R missing_tables", "W replaces_rows"]
    );
    let ready = |f: &mut Facts| {
        let ready = ["items", "orders"].map(|name| TargetTable {
            schema: "public".to_owned(),
            name: name.to_owned(),
            empty: true,
        });
        f.target.database = Some(TargetDatabase {
            tables: ready.into(),
            ..filled_database()
        });
    };
    assert_eq!(found_with(&data, ready), [""; 0]);
}

#[test]
fn binary_for_all_is_refused_while_a_table_needs_text() {
    let geometry = |f: &mut Facts| {
        let columns = ["geom", "area"].map(|name| (name.to_owned(), "public.geometry".to_owned()));
        f.source.relations[0].text_columns = columns.into();
    };
    let binary = Choices {
        format: Format::Binary,
        ..CHOICES
    };
    assert_eq!(found_with(&CHOICES, geometry), [""; 0]);
    assert_eq!(found_with(&binary, |_| ()), [""; 0]);
    assert_eq!(found_with(&binary, geometry), ["R without_binary_form"]);
    let schema_alone = Choices {
        scope: Scope::Schema,
        ..binary
    };
    assert_eq!(found_with(&schema_alone, geometry), [""; 0]);
}
