//! Indexes, and the keys made from them, as statements: for one alone, or for many small ones.
//! It never decides when they are built.

use super::{Scene, sql};
use crate::effect::{Effect, Place};
use crate::inspect::{Index, IndexConstraint};
use crate::postgres::{qualified, quote_identifier, quote_literal};

/// Each takes a few slots of the lock table.
const INDEXES_PER_TRANSACTION: usize = 100;
/// Smaller than this PostgreSQL does not accept.
const LEAST_MEMORY_KIB: u64 = 1024;
/// Larger than this it does not accept before 18 on every platform.
const MOST_MEMORY_KIB: u64 = 2_147_483_647;

/// Builds indexes over one connection, one after the other.
pub(super) fn build(scene: &Scene<'_>, indexes: &[&Index]) -> Effect {
    let mut statements = settings(scene);
    // Many small ones in a transaction, which costs as much as one of them.
    if indexes.len() > 1 {
        statements.push("begin".to_owned());
    }
    statements.extend(made(scene, indexes));
    if indexes.len() > 1 {
        statements.push("commit".to_owned());
    }
    sql(Place::Target, statements)
}

/// Builds one by a single process, so that the one that all wait for has a core to itself.
pub(super) fn build_aside(scene: &Scene<'_>, index: &Index) -> Effect {
    let mut statements = settings(scene);
    statements.push("set max_parallel_maintenance_workers = 0".to_owned());
    statements.extend(made(scene, &[index]));
    sql(Place::Target, statements)
}

fn made(scene: &Scene<'_>, indexes: &[&Index]) -> Vec<String> {
    let copy = &scene.resolved.copy;
    let mut statements = Vec::new();
    let mut tablespace = None;
    for (number, index) in indexes.iter().enumerate() {
        if number > 0 && number % INDEXES_PER_TRANSACTION == 0 {
            statements.extend(["commit".to_owned(), "begin".to_owned()]);
        }
        let wanted = index.tablespace.as_ref().filter(|_| copy.tablespaces);
        if wanted != tablespace {
            let name = wanted.map_or_else(|| "''".to_owned(), |name| quote_identifier(name));
            statements.push(format!("set default_tablespace = {name}"));
            tablespace = wanted;
        }
        statements.extend(make(scene, index, indexes.len() > 1));
    }
    statements
}

/// What a session sets that builds or proves: the definitions name every schema, and the memory is
/// shared by all that work at the same time.
pub(super) fn settings(scene: &Scene<'_>) -> Vec<String> {
    let copy = &scene.resolved.copy;
    let share = copy.index_memory_bytes / 1024 / u64::from(copy.jobs);
    let memory = share.clamp(LEAST_MEMORY_KIB, MOST_MEMORY_KIB);
    vec![
        "set search_path = ''".to_owned(),
        format!("set maintenance_work_mem = {memory}"),
    ]
}

/// Removes what [`build`] made.
pub(super) fn remove(indexes: &[&Index]) -> Effect {
    let statements = indexes.iter().rev().map(|index| drop(index));
    sql(Place::Target, statements.collect())
}

/// What a table is ordered by and what tells its rows apart goes with its index.
fn make(scene: &Scene<'_>, index: &Index, is_small: bool) -> Vec<String> {
    let table = qualified(&index.schema, &index.table);
    let name = quote_identifier(&index.name);
    let own = qualified(&index.schema, &index.name);
    let mut statements = match &index.constraint {
        None => vec![index.definition.clone()],
        Some(constraint) => {
            let add = format!(
                "alter table only {table} add constraint {}",
                quote_identifier(&constraint.name)
            );
            match &constraint.using_index {
                Some(kind) if !is_small && !inherits_not_null(scene, index) => vec![
                    index.definition.clone(),
                    format!("{add} {kind} using index {name}{}", deferral(constraint)),
                ],
                _ => with_its_index(constraint, &add, &own),
            }
        }
    };
    for (column, target) in &index.statistics {
        statements.push(format!(
            "alter index {own} alter column {column} set statistics {target}"
        ));
    }
    if index.clustered {
        statements.push(format!("alter table {table} cluster on {name}"));
    }
    if index.replica_identity {
        statements.push(format!(
            "alter table only {table} replica identity using index {name}"
        ));
    }
    statements
}

/// Whether USING INDEX would mark what the table inherits as its own: 18 does that with the NOT NULL
/// of a partition's primary key.
fn inherits_not_null(scene: &Scene<'_>, index: &Index) -> bool {
    let mut relations = scene.facts.source.relations.iter();
    let table = relations.find(|table| table.schema == index.schema && table.name == index.table);
    scene.facts.target.server.major() >= 18
        && table.is_some_and(|table| table.partition_of.is_some())
}

/// A constraint that makes its index itself, which is half the work where the table is small. It shuts
/// out who builds another index of the table meanwhile, so that of a large one is made first.
fn with_its_index(constraint: &IndexConstraint, add: &str, index: &str) -> Vec<String> {
    let definition = constraint.definition.as_str();
    let storage = storage(&constraint.storage);
    if definition.starts_with("EXCLUDE ") {
        let set = storage.map(|storage| format!("alter index {index} set ({storage})"));
        let add = format!("{add} {definition}");
        return [add].into_iter().chain(set).collect();
    }
    let when = deferral(constraint);
    let what = definition.strip_suffix(when).unwrap_or(definition);
    let with = storage.map_or_else(String::new, |storage| format!(" with ({storage})"));
    vec![format!("{add} {what}{with}{when}")]
}

/// As a definition ends that says so.
fn deferral(constraint: &IndexConstraint) -> &'static str {
    match (constraint.deferrable, constraint.deferred) {
        (false, _) => "",
        (true, false) => " DEFERRABLE",
        (true, true) => " DEFERRABLE INITIALLY DEFERRED",
    }
}

fn storage(parameters: &[String]) -> Option<String> {
    let one = |parameter: &String| {
        let (name, value) = parameter.split_once('=')?;
        let name = quote_identifier(name);
        Some(format!("{name} = {}", quote_literal(value)))
    };
    let all: Vec<String> = parameters.iter().filter_map(one).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Of a partition, an index that is attached to its parent's stays until that one goes, and with it
/// all that was made.
fn drop(index: &Index) -> String {
    let table = qualified(&index.schema, &index.table);
    let constraint = index.constraint.iter().map(|constraint| {
        let name = quote_identifier(&constraint.name);
        format!("alter table if exists only {table} drop constraint if exists {name}; ")
    });
    let constraint: String = constraint.collect();
    let own = qualified(&index.schema, &index.name);
    let body = format!(
        "begin {constraint}drop index if exists {own}; \
         exception when invalid_table_definition or dependent_objects_still_exist then \
         raise notice 'it is attached'; end"
    );
    format!("do {}", quote_literal(&body))
}
