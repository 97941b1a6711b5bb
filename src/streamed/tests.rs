//! What travels in the stream, from facts made for it.
//! Never needs a server.

use super::*;
use crate::inspect::Dependent;
use crate::preflight::tests::made;
use crate::spec::Exclude;

fn names(all: &[&str]) -> Vec<RelationName> {
    let name = |name: &&str| ("public".to_owned(), (*name).to_owned());
    all.iter().map(name).collect()
}

fn keyless(name: &str) -> Relation {
    let mut table = made::table(name);
    table.identity.primary_key = None;
    table
}

fn settled(relations: Vec<Relation>, chosen: &[(&str, ReplicaIdentity)]) -> Streamed {
    let mut facts = made::facts();
    facts.source.relations = relations;
    let mut online = made::online();
    for (name, identity) in chosen {
        let name = ("public".to_owned(), (*name).to_owned());
        online.replica_identity.insert(name, identity.clone());
    }
    Streamed::settle(&facts, &Selection::default(), &online)
}

#[test]
fn tables_are_published_one_by_one_and_what_cannot_be_is_copied_at_the_cutover() {
    let mut root = keyless("events");
    root.kind = RelationKind::PartitionedTable;
    let mut leaf = made::table("events_2026");
    leaf.partition_of = Some(("public".to_owned(), "events".to_owned()));
    let mut unlogged = made::table("scratch");
    unlogged.unlogged = true;
    let mut view = made::table("view");
    view.kind = RelationKind::View;
    let found = settled(
        vec![root, leaf, made::table("orders"), unlogged, view],
        &[("orders", ReplicaIdentity::CopyAtCutover)],
    );
    assert_eq!(found.tables, names(&["events_2026"]));
    assert_eq!(found.at_cutover, names(&["orders", "scratch"]));
    assert_eq!(found.identities, []);
}

#[test]
fn an_identity_is_changed_where_there_is_none_and_remembers_what_it_was() {
    let mut nothing = keyless("codes");
    nothing.identity.setting = IdentitySetting::Nothing;
    let mut gone = keyless("gone");
    gone.identity.setting = IdentitySetting::Index;
    let mut leaf = keyless("events_2026");
    leaf.partition_of = Some(("public".to_owned(), "events".to_owned()));
    let mut root = keyless("events");
    root.kind = RelationKind::PartitionedTable;
    let found = settled(
        vec![
            nothing,
            root,
            leaf,
            gone,
            made::table("orders"),
            keyless("unsettled"),
        ],
        &[
            ("codes", ReplicaIdentity::Index("codes \"x\"".to_owned())),
            ("events", ReplicaIdentity::Full),
            ("gone", ReplicaIdentity::Full),
            ("orders", ReplicaIdentity::Full),
        ],
    );
    let told: Vec<String> = found
        .identities
        .iter()
        .map(|one| format!("{}: {}, was {}", one.name, one.to, one.was))
        .collect();
    assert_eq!(
        told,
        [
            "codes: using index \"codes \"\"x\"\"\", was nothing",
            "events_2026: full, was default",
            "gone: full, was nothing",
        ]
    );
    assert_eq!(found.tables.len(), 5, "all but the root");
}

#[test]
fn what_is_left_out_of_the_copy_is_left_out_of_the_stream() {
    let facts = made::facts();
    let exclude = Exclude {
        tables: vec!["public.items".to_owned()],
        table_data: vec!["public.orders".to_owned()],
        ..Exclude::default()
    };
    let source = &facts.source;
    let selection = Selection::new(&source.relations, &source.schemas, None, Some(&exclude));
    let selection = selection.expect("both are there");
    let found = Streamed::settle(&facts, &selection, &made::online());
    assert_eq!(found, Streamed::default());
}

#[test]
fn materialized_views_are_refreshed_after_those_they_read_through_views() {
    let of_kind = |name: &str, kind| {
        let mut relation = made::table(name);
        relation.kind = kind;
        relation
    };
    let mut unfilled = of_kind("b", RelationKind::MaterializedView);
    unfilled.populated = false;
    let mut facts = made::facts();
    facts.source.relations = vec![
        of_kind("a", RelationKind::MaterializedView),
        unfilled,
        of_kind("v", RelationKind::View),
        of_kind("z", RelationKind::MaterializedView),
    ];
    let needs = |of: &str, needs: &str| Dependent {
        description: String::new(),
        of: Some(("public".to_owned(), of.to_owned())),
        schema: None,
        needs: ("public".to_owned(), needs.to_owned()),
        needs_rows: false,
    };
    facts.source.dependents = vec![needs("a", "v"), needs("v", "z"), needs("z", "orders")];
    let found = Streamed::settle(&facts, &Selection::default(), &made::online());
    assert_eq!(found.refreshed, names(&["z", "a"]));
}
