//! What patterns select, on made-up relations.
//! Never needs a server.

use super::*;
use crate::inspect::{Identity, RowHash};

fn relation(schema: &str, name: &str, kind: RelationKind) -> Relation {
    Relation {
        schema: schema.to_owned(),
        name: name.to_owned(),
        kind,
        owner: "shop".to_owned(),
        bytes: 8192,
        rows_estimate: None,
        unlogged: false,
        readable: true,
        row_security: false,
        partition_of: None,
        owned_by: None,
        populated: true,
        crossed_indexes: false,
        has_children: false,
        extended_statistics: false,
        hashed_by_enum: false,
        blocks: 0,
        text_columns: Vec::new(),
        firing_triggers: Vec::new(),
        triggered: false,
        row_hash: RowHash::Record,
        columns: Vec::new(),
        identity: Identity::default(),
        owned: true,
    }
}

fn of(schema: &str, name: &str) -> Option<RelationName> {
    Some((schema.to_owned(), name.to_owned()))
}

fn shop() -> Vec<Relation> {
    vec![
        relation("audit", "log", RelationKind::Table),
        relation("public", "Order Items", RelationKind::Table),
        relation("public", "a.b", RelationKind::Table),
        relation("public", "events", RelationKind::PartitionedTable),
        Relation {
            partition_of: of("public", "events"),
            ..relation("public", "events_2026", RelationKind::PartitionedTable)
        },
        Relation {
            partition_of: of("public", "events_2026"),
            ..relation("parts", "events_2026_01", RelationKind::Table)
        },
        relation("public", "orders", RelationKind::Table),
        Relation {
            owned_by: of("public", "orders"),
            ..relation("public", "orders_id_seq", RelationKind::Sequence)
        },
        relation("public", "recent", RelationKind::View),
    ]
}

fn texts(patterns: &[&str]) -> Vec<String> {
    patterns.iter().map(|&p| p.to_owned()).collect()
}

fn without(tables: &[&str]) -> Result<Selection, Vec<SelectionProblem>> {
    let exclude = Exclude {
        tables: texts(tables),
        ..Exclude::default()
    };
    Selection::new(&shop(), &[], None, Some(&exclude))
}

fn only(include: &Include) -> Selection {
    Selection::new(&shop(), &[], Some(include), None).expect("every pattern matches")
}

#[test]
fn without_patterns_everything_is_kept() {
    let all = Selection::new(&shop(), &[], None, None).expect("nothing to refuse");
    assert!(all.is_everything());
    assert!(all.keeps_rows("public", "orders") && all.keeps_schema("pg_catalog"));
}

#[test]
fn excluding_a_table_excludes_its_partitions_and_owned_sequences() {
    let rest = without(&["public.events", "public.orders"]).expect("both exist");
    for (schema, name) in [
        ("public", "events"),
        ("public", "events_2026"),
        ("parts", "events_2026_01"),
        ("public", "orders"),
        ("public", "orders_id_seq"),
    ] {
        assert!(!rest.keeps(schema, name), "{schema}.{name}");
    }
    assert!(rest.keeps("public", "recent") && rest.keeps_schema("parts"));
}

#[test]
fn a_name_is_written_plain_or_quoted_and_a_quoted_star_is_a_star() {
    for name in [
        "public.Order Items",
        "public.\"Order Items\"",
        "public.Order*",
    ] {
        let rest = without(&[name]).expect("it exists");
        assert_eq!(rest.excluded_relations().len(), 1, "{name}");
    }
    assert!(
        !without(&["public.\"a.b\""])
            .expect("it exists")
            .keeps("public", "a.b")
    );
    assert!(without(&["public.\"a*\""]).is_err());
}

#[test]
fn including_a_table_keeps_its_schema_and_leaves_the_others_behind() {
    let kept = only(&Include {
        tables: texts(&["public.orders"]),
        ..Include::default()
    });
    assert!(kept.keeps_schema("public") && !kept.keeps_schema("audit"));
    assert!(kept.keeps("public", "orders") && kept.keeps("public", "orders_id_seq"));
    assert!(!kept.keeps("public", "recent"));
    assert_eq!(
        kept.excluded_schemas().iter().collect::<Vec<_>>(),
        ["audit", "parts"]
    );
}

#[test]
fn including_rows_alone_keeps_every_structure() {
    let kept = only(&Include {
        table_data: texts(&["public.events"]),
        ..Include::default()
    });
    assert!(kept.keeps("audit", "log") && !kept.keeps_rows("audit", "log"));
    assert!(kept.keeps_rows("parts", "events_2026_01"));
    assert!(
        kept.keeps_rows("public", "orders_id_seq"),
        "a sequence keeps its value"
    );
}

#[test]
fn what_is_excluded_is_left_behind_though_it_is_included() {
    let include = Include {
        schemas: texts(&["p*"]),
        ..Include::default()
    };
    let exclude = Exclude {
        schemas: texts(&["parts"]),
        tables: texts(&["public.orders"]),
        table_data: texts(&["public.[ae]*"]),
    };
    let kept = Selection::new(&shop(), &[], Some(&include), Some(&exclude)).expect("all match");
    assert!(!kept.keeps_schema("parts") && !kept.keeps("public", "orders"));
    let without_rows: Vec<&str> = kept
        .without_rows()
        .iter()
        .map(|(_, n)| n.as_str())
        .collect();
    assert_eq!(without_rows, ["a.b", "events", "events_2026"]);
}

#[test]
fn every_pattern_that_cannot_be_meant_is_reported_with_its_place_and_help() {
    let exclude = Exclude {
        schemas: texts(&["audit", "audti"]),
        tables: texts(&[
            "orders",
            "public.ordres",
            "a.b.c",
            "public.\"x",
            "public.[z",
        ]),
        table_data: texts(&["public.recent", "."]),
    };
    let problems = Selection::new(&shop(), &[], None, Some(&exclude)).expect_err("all but one");
    let shown: Vec<String> = problems
        .iter()
        .map(|p| format!("{}: {} -> {}", p.pointer, p.message, p.help))
        .collect();
    assert_eq!(
        shown,
        [
            "/exclude/schemas/1: no schema is called `audti` on the source -> Did you mean `audit`?",
            "/exclude/tables/0: `orders` names no schema -> Write `public.orders`, or `*.orders` for \
             every schema.",
            "/exclude/tables/1: no table, view or sequence is called `public.ordres` on the source \
             -> Did you mean `public.orders`?",
            "/exclude/tables/2: `a.b.c` has more than one dot -> Put a name that has a dot in it in \
             double quotes: `public.\"a.b\"`.",
            "/exclude/tables/3: `public.\"x` has a double quote without its partner -> Close it; a \
             quote inside of a quoted name is written twice.",
            "/exclude/tables/4: `public.[z` is not a pattern: unclosed character class; missing ']' \
             -> Put a name that has * ? or [ in it in double quotes.",
            "/exclude/table_data/0: no table is called `public.recent` on the source -> Did you mean \
             `public.events`?",
            "/exclude/table_data/1: `.` has an empty name -> Write a name or a glob, for instance \
             `public` or `public.orders`.",
        ]
    );
}
