//! Tests of what is found out about relations and about what needs them.
//! Never tests what is made of the facts.

use pg_dbmigrator::inspect::{Dependent, Relation, RelationKind, RowHash, Source};

use super::{MAJORS, inspected};

pub(super) fn relation<'a>(source: &'a Source, name: &str) -> &'a Relation {
    let found = source.relations.iter().find(|r| r.name == name);
    found.unwrap_or_else(|| panic!("no relation {name}"))
}

fn public(name: &str) -> Option<(String, String)> {
    Some(("public".to_owned(), name.to_owned()))
}

#[test]
fn relations_come_with_kind_parent_owner_and_what_is_odd_about_them() {
    for major in MAJORS {
        let source = &inspected(major).source;
        let kind = |name: &str| relation(source, name).kind;
        assert_eq!(kind("customers"), RelationKind::Table);
        assert_eq!(kind("events"), RelationKind::PartitionedTable);
        assert_eq!(kind("events_2026"), RelationKind::PartitionedTable);
        assert_eq!(kind("order_moods"), RelationKind::View);
        assert_eq!(kind("order_count"), RelationKind::MaterializedView);
        assert_eq!(kind("numbers"), RelationKind::Sequence);
        assert_eq!(kind("far"), RelationKind::ForeignTable);
        assert_eq!(relation(source, "orders").owner, "inspect Owner");
        assert_eq!(relation(source, "events \"click\"").schema, "Odd Schema");
        assert_eq!(
            relation(source, "events \"click\"").partition_of,
            public("events_2026")
        );
        assert_eq!(
            relation(source, "events_2026").partition_of,
            public("events")
        );
        assert_eq!(relation(source, "child").partition_of, None);
        assert_eq!(
            relation(source, "customers_id_seq").owned_by,
            public("customers")
        );
        assert_eq!(relation(source, "orders_id_seq").owned_by, public("orders"));
        assert_eq!(relation(source, "numbers").owned_by, None);
        assert!(relation(source, "scratch").unlogged && !relation(source, "orders").unlogged);
        assert!(relation(source, "order_count").populated);
        assert!(!relation(source, "unfilled").populated);
        assert_eq!(relation(source, "customers").rows_estimate, Some(100));
        assert_eq!(relation(source, "orders").rows_estimate, None);
        assert!(relation(source, "customers").bytes >= 8192);
        assert!(
            source
                .relations
                .iter()
                .all(|r| r.readable && !r.row_security)
        );
        let names: Vec<_> = source
            .relations
            .iter()
            .map(|r| (&r.schema, &r.name))
            .collect();
        assert!(names.is_sorted(), "{names:?}");
    }
}

#[test]
fn rows_are_hashed_as_records_only_where_equal_hashes_mean_equal_values() {
    for major in MAJORS {
        let source = &inspected(major).source;
        for name in ["customers", "dropped", "no_columns", "scratch", "events"] {
            assert_eq!(relation(source, name).row_hash, RowHash::Record, "{name}");
        }
        for name in ["orders", "free_text", "prices", "tags"] {
            assert_eq!(relation(source, name).row_hash, RowHash::Text, "{name}");
        }
    }
}

#[test]
fn whatever_needs_a_relation_is_named() {
    let expected = [
        "constraint orders_customer_fkey on table public.orders needs rows of public.customers",
        "constraint refers_at_kind_id_fkey on table public.refers needs rows of public.events_key",
        "constraint refers_at_kind_id_fkey1 on table public.refers needs rows of \
         public.events_key_2026",
        "default value for column id of table public.numbered needs public.numbers",
        "default value for column id of table public.orders needs public.orders_id_seq",
        "function public.counted() needs public.orders",
        "function public.mood_of(public.orders) needs public.orders",
        "materialized view public.order_count needs public.order_moods",
        "policy seen_orders on table public.prices needs public.orders",
        "rule log_it on table public.parent needs public.child",
        "sequence public.orders_id_seq needs public.orders",
        "table \"Odd Schema\".\"events \"\"click\"\"\" needs public.events_2026",
        "table public.child needs public.parent",
        "table public.events_2026 needs public.events",
        "table public.events_key_2026 needs public.events_key",
        "view public.order_moods needs public.orders",
    ];
    let told = |d: &Dependent| {
        let rows = if d.needs_rows { "rows of " } else { "" };
        format!("{} needs {rows}{}.{}", d.description, d.needs.0, d.needs.1)
    };
    for major in MAJORS {
        let dependents = &inspected(major).source.dependents;
        let found: Vec<String> = dependents.iter().map(told).collect();
        // 18 names the copies of a foreign key to a partitioned table after the partition.
        let found: Vec<String> = found
            .iter()
            .map(|f| f.replace("refers_at_kind_id_fkey_1", "refers_at_kind_id_fkey1"))
            .collect();
        assert_eq!(found, expected, "{major}");
        let function = dependents
            .iter()
            .find(|d| d.description.starts_with("function"));
        assert_eq!(function.and_then(|d| d.schema.as_deref()), Some("public"));
        let view = dependents
            .iter()
            .find(|d| d.description.starts_with("view"));
        assert_eq!(view.and_then(|d| d.of.clone()), public("order_moods"));
    }
}

#[test]
fn columns_without_a_sure_binary_form_are_named_one_by_one() {
    for major in MAJORS {
        let source = &inspected(major).source;
        let named = |name: &str| relation(source, name).text_columns.clone();
        for name in ["customers", "orders", "tags", "prices", "no_columns"] {
            assert_eq!(named(name), [], "{name}");
        }
        let text = ["moods mood[]", "odd text_pair"];
        let text = text.map(|column| {
            let (name, kind) = column.split_once(' ').expect("two words");
            (name.to_owned(), format!("public.{kind}"))
        });
        assert_eq!(named("awkward"), text);
    }
}
