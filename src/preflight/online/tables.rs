//! Findings about tables and objects that a stream cannot carry as they are.
//! It never names a table that the plan leaves out.

use std::collections::BTreeMap;

use super::{Finding, Level, Stream, found, refusal, warning};
use crate::inspect::{ConnectedRole, Relation};
use crate::postgres;
use crate::preflight::{full_name, list};
use crate::report::counted;
use crate::resolve::ReplicaIdentity;
use crate::selection::written;
use crate::side::Side;
use crate::streamed::{self, Streamed};

/// More lines than this nobody pastes; the rest is named by the next run.
const MOST_LINES: usize = 200;

/// Published, every update and delete of such a table would fail for the application.
pub(super) fn no_identity(stream: &Stream<'_>) -> Vec<Finding> {
    let facts = stream.case.facts;
    let major = stream.server(Side::Source).major();
    let unsettled: Vec<&Relation> = streamed::tables(facts, stream.case.selection)
        .filter(|table| !table.unlogged && !table.identity.is_usable(major))
        .filter(|table| streamed::chosen(facts, table, stream.online).is_none())
        .collect();
    if unsettled.is_empty() {
        return Vec::new();
    }
    refusal(
        "no_identity",
        format!(
            "{} without a usable replica identity: once published, updates and deletes of \
             their rows fail, for the application or on the target: {}",
            counted(unsettled.len() as u64, "table"),
            list(unsettled.iter().map(|table| full_name(table)))
        ),
        format!(
            "Give them primary keys, or add to the plan:\n{}\n`full` writes every old row to the \
             WAL, and the target searches for each; `index` costs nothing more; \
             `copy_at_cutover` copies the table while nobody can write, and lengthens the outage.",
            lines(stream, &unsettled)
        ),
    )
}

/// Lines of YAML that settle every table, partitions by their root where one word does.
fn lines(stream: &Stream<'_>, tables: &[&Relation]) -> String {
    let mut entries = BTreeMap::new();
    for table in tables {
        let fix = fix(table, stream.server(Side::Source).major());
        let named = if fix.starts_with('{') {
            table
        } else {
            root(stream, table)
        };
        let key = yaml_key(&written(named));
        let entry: &mut String = entries.entry(key).or_default();
        // One partition that cannot be carried whole decides for all.
        if entry != "copy_at_cutover" {
            *entry = fix;
        }
    }
    let lines = entries.iter().take(MOST_LINES);
    let lines: Vec<String> = lines
        .map(|(key, fix)| format!("    {key}: {fix}"))
        .collect();
    format!("online:\n  replica_identity:\n{}", lines.join("\n"))
}

/// The choice that costs least, of those that are open.
fn fix(table: &Relation, major: u32) -> String {
    let identity = &table.identity;
    if let Some(index) = identity
        .primary_key
        .iter()
        .chain(&identity.unique_indexes)
        .next()
    {
        let index = serde_json::to_string(index).expect("a string is always JSON");
        return format!("{{ index: {index} }}");
    }
    if identity.may_be_full(major) {
        return "full".to_owned();
    }
    "copy_at_cutover".to_owned()
}

/// The table that it is a part of, however deep, or itself.
fn root<'a>(stream: &Stream<'a>, table: &'a Relation) -> &'a Relation {
    let mut relation = table;
    while let Some((schema, name)) = &relation.partition_of {
        let mut relations = stream.case.facts.source.relations.iter();
        match relations.find(|r| r.schema == *schema && r.name == *name) {
            Some(parent) => relation = parent,
            None => break,
        }
    }
    relation
}

fn yaml_key(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    if name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', "''"))
    }
}

/// With the whole row as identity, rows are told apart by comparing every column.
pub(super) fn whole_row_refused(stream: &Stream<'_>) -> Vec<Finding> {
    let facts = stream.case.facts;
    let major = stream.server(Side::Source).major();
    let tables: Vec<&Relation> = streamed::tables(facts, stream.case.selection)
        .filter(|t| !t.unlogged && !t.identity.is_usable(major) && !t.identity.may_be_full(major))
        .filter(|table| {
            let chosen = streamed::chosen(facts, table, stream.online);
            chosen == Some(&ReplicaIdentity::Full)
        })
        .collect();
    if tables.is_empty() {
        return Vec::new();
    }
    let named = tables.iter().map(|table| {
        let columns = match table.identity.incomparable.as_slice() {
            [] => &table.identity.generated[..],
            columns => columns,
        };
        format!("{} (column {})", full_name(table), columns.join(", "))
    });
    refusal(
        "whole_row_refused",
        format!(
            "the whole row cannot be the replica identity of {}: a column without an equality \
             operator stops the target at the first update, and from PostgreSQL 18 on the source \
             refuses updates where a generated column is in it",
            list(named)
        ),
        format!("Write in the plan instead:\n{}", lines(stream, &tables)),
    )
}

/// An apply worker replicates what a trigger wrote, and fires the trigger once more. Rewrite rules
/// it knows none, whatever they are enabled for.
pub(super) fn firing_triggers(stream: &Stream<'_>) -> Vec<Finding> {
    let facts = stream.case.facts;
    let tables = streamed::tables(facts, stream.case.selection);
    let mut named = Vec::new();
    let mut statements = Vec::new();
    for table in tables {
        for trigger in &table.firing_triggers {
            let word = if trigger.always { "enable" } else { "disable" };
            named.push(format!("{} on {}", trigger.name, full_name(table)));
            statements.push(format!(
                "alter table {} {word} trigger {};",
                postgres::qualified(&table.schema, &table.name),
                postgres::quote_identifier(&trigger.name)
            ));
        }
    }
    if named.is_empty() {
        return Vec::new();
    }
    statements.truncate(MOST_LINES);
    refusal(
        "triggers_fire_twice",
        format!(
            "triggers (ENABLE ALWAYS or REPLICA) fire once more on the target for every change that \
             is replicated, so that what they write is written twice: {}",
            list(named)
        ),
        format!(
            "Run on the source, and put them back after `pg_dbmigrator finalize`:\n{}",
            statements.join("\n")
        ),
    )
}

/// Large objects are no part of a stream.
pub(super) fn large_objects(stream: &Stream<'_>) -> Vec<Finding> {
    let count = stream.case.facts.source.large_objects.count;
    if count == 0 {
        return Vec::new();
    }
    refusal(
        "large_objects_not_streamed",
        format!(
            "the source holds {}, and no stream carries what is changed in them after the copy",
            counted(count, "large object")
        ),
        "Migrate with mode: offline; or keep their contents in bytea columns, and remove those \
         that nobody needs (`vacuumlo`, or `select lo_unlink(oid) from pg_largeobject_metadata`).",
    )
}

/// Their rows are removed and copied anew, which a foreign key or a trigger takes for changes; a
/// superuser may tell them not to, and since 15 whoever was granted it.
pub(super) fn triggered(stream: &Stream<'_>) -> Vec<Finding> {
    let facts = stream.case.facts;
    let settled = Streamed::settle(facts, stream.case.selection, stream.online);
    let reverse = stream.online.cutover.reverse;
    let sides = [
        (true, Side::Target, &facts.target.server.role),
        (reverse, Side::Source, &facts.source.server.role),
    ];
    let sides = sides
        .into_iter()
        .filter(|(filled, _, role)| *filled && !role.superuser);
    let triggered = |(schema, name): &&(String, String)| {
        let mut relations = facts.source.relations.iter();
        relations.any(|r| r.schema == *schema && r.name == *name && r.triggered)
    };
    let tables = settled.at_cutover.iter().filter(triggered);
    let tables: Vec<String> = tables.map(|(s, n)| postgres::full_name(s, n)).collect();
    if tables.is_empty() {
        return Vec::new();
    }
    let of_side = |(_, side, role): (bool, Side, &ConnectedRole)| {
        warning(
            "copied_at_cutover_triggered",
            format!(
                "{} has triggers or foreign keys, and a switch that fills it on the {side} is taken \
                 back unless role {} may set session_replication_role there",
                list(tables.iter().cloned()),
                role.name
            ),
            format!(
                "As a superuser on the {side}, from 15 on: `grant set on parameter \
                 session_replication_role to {}`. Or give the table a replica identity, so that it \
                 is streamed.",
                postgres::quote_identifier(&role.name)
            ),
        )
    };
    sides.flat_map(of_side).collect()
}

/// What is copied while nobody can write takes its time from the outage.
pub(super) fn at_cutover(stream: &Stream<'_>) -> Vec<Finding> {
    let facts = stream.case.facts;
    let settled = Streamed::settle(facts, stream.case.selection, stream.online);
    if settled.at_cutover.is_empty() {
        return Vec::new();
    }
    let size = |(schema, name): &(String, String)| {
        let mut relations = facts.source.relations.iter();
        let table = relations.find(|r| r.schema == *schema && r.name == *name);
        table.map_or(0, |table| table.bytes)
    };
    let bytes = settled.at_cutover.iter().map(size).sum();
    let names = settled.at_cutover.iter();
    found(
        Level::Note,
        "copied_at_cutover",
        format!(
            "{} of tables are copied while nobody can write, because they are unlogged or the \
             plan says so: {}",
            crate::report::bytes(bytes),
            list(names.map(|(schema, name)| postgres::full_name(schema, name)))
        ),
        "See that this fits into thresholds.write_outage, or leave rows that nobody needs behind \
         (exclude.table_data).",
    )
}
