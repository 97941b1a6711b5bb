//! Findings about what a selection tears apart.
//! Never needs a server.

use super::ids;
use super::made::{CHOICES, facts, table};
use crate::inspect::{Dependent, Relation, Schema};
use crate::selection::Selection;
use crate::spec::Exclude;

#[test]
fn a_selection_must_not_tear_objects_from_what_they_need() {
    let facts = facts();
    let without = |exclude: &Exclude| {
        let source = &facts.source;
        let selection = Selection::new(&source.relations, &source.schemas, None, Some(exclude));
        ids(&facts, &CHOICES, &selection.expect("every pattern matches"))
    };
    let orders = vec!["public.orders".to_owned()];
    let both = vec!["public.*".to_owned()];
    assert_eq!(
        without(&Exclude {
            tables: orders.clone(),
            ..Exclude::default()
        }),
        ["R needed_relation"]
    );
    assert_eq!(
        without(&Exclude {
            table_data: orders,
            ..Exclude::default()
        }),
        ["R needed_rows"]
    );
    assert_eq!(
        without(&Exclude {
            tables: both.clone(),
            ..Exclude::default()
        }),
        [""; 0]
    );
    assert_eq!(
        without(&Exclude {
            table_data: both,
            ..Exclude::default()
        }),
        [""; 0]
    );
}

#[test]
fn a_function_left_behind_with_its_schema_needs_nothing() {
    let mut facts = facts();
    facts.source.schemas.push(Schema {
        name: "audit".to_owned(),
        owner: "shop".to_owned(),
    });
    facts.source.relations.push(Relation {
        schema: "audit".to_owned(),
        ..table("log")
    });
    facts.source.dependents = vec![Dependent {
        description: "function audit.f()".to_owned(),
        of: None,
        schema: Some("audit".to_owned()),
        needs: ("audit".to_owned(), "log".to_owned()),
        needs_rows: false,
    }];
    let exclude = Exclude {
        schemas: vec!["audit".to_owned()],
        ..Exclude::default()
    };
    let source = &facts.source;
    let selection = Selection::new(&source.relations, &source.schemas, None, Some(&exclude))
        .expect("the schema is there");
    assert_eq!(ids(&facts, &CHOICES, &selection), [""; 0]);
}
