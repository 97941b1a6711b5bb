//! Indexes, and the keys made from them, as statements: for one alone, or for many small ones.
//! It never decides when they are built.

use super::{Scene, sql};
use crate::effect::{Effect, Place};
use crate::inspect::{Index, IndexConstraint};
use crate::postgres::{qualified, quote_identifier};

/// Each takes a few slots of the lock table.
const INDEXES_PER_TRANSACTION: usize = 100;
/// Smaller than this PostgreSQL does not accept.
const LEAST_MEMORY_KIB: u64 = 1024;
/// Larger than this it does not accept before 18 on every platform.
const MOST_MEMORY_KIB: u64 = 2_147_483_647;

/// Builds indexes over one connection, one after the other.
pub(super) fn build(scene: &Scene<'_>, indexes: &[&Index]) -> Effect {
    let copy = &scene.resolved.copy;
    let mut statements = settings(scene);
    let mut tablespace = None;
    for (number, index) in indexes.iter().enumerate() {
        // Many small ones in a transaction, which costs as much as one of them.
        if number > 0 && number % INDEXES_PER_TRANSACTION == 0 {
            statements.extend(["commit".to_owned(), "begin".to_owned()]);
        }
        let wanted = index.tablespace.as_ref().filter(|_| copy.tablespaces);
        if wanted != tablespace {
            let name = wanted.map_or_else(|| "''".to_owned(), |name| quote_identifier(name));
            statements.push(format!("set default_tablespace = {name}"));
            tablespace = wanted;
        }
        statements.extend(make(index, indexes.len() > 1));
    }
    if indexes.len() > 1 {
        statements.insert(2, "begin".to_owned());
        statements.push("commit".to_owned());
    }
    sql(Place::Target, statements)
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
    let statements = indexes.iter().rev().flat_map(|index| drop(index));
    sql(Place::Target, statements.collect())
}

/// What a table is ordered by and what tells its rows apart goes with its index.
fn make(index: &Index, is_small: bool) -> Vec<String> {
    let table = qualified(&index.schema, &index.table);
    let name = quote_identifier(&index.name);
    let own = qualified(&index.schema, &index.name);
    let mut statements = match &index.constraint {
        Some(constraint) => constrain(index, (constraint, is_small), &table),
        None => vec![index.definition.clone()],
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

/// The index of a large table is made first, because ADD CONSTRAINT shuts everybody out while it
/// builds one; that of a small one with its constraint, which is half the work.
fn constrain(
    index: &Index,
    (constraint, is_small): (&IndexConstraint, bool),
    table: &str,
) -> Vec<String> {
    let IndexConstraint {
        oid: _,
        name,
        using_index,
        definition,
        deferrable,
        deferred,
    } = constraint;
    let add = format!(
        "alter table only {table} add constraint {}",
        quote_identifier(name)
    );
    let Some(kind) = using_index.as_ref().filter(|_| !is_small) else {
        return vec![format!("{add} {definition}")];
    };
    let when = match (deferrable, deferred) {
        (false, _) => "",
        (true, false) => " deferrable",
        (true, true) => " deferrable initially deferred",
    };
    let by = quote_identifier(&index.name);
    vec![
        index.definition.clone(),
        format!("{add} {kind} using index {by}{when}"),
    ]
}

fn drop(index: &Index) -> Vec<String> {
    let table = qualified(&index.schema, &index.table);
    let constraint = index.constraint.iter().map(|constraint| {
        let name = quote_identifier(&constraint.name);
        format!("alter table if exists only {table} drop constraint if exists {name}")
    });
    let own = format!(
        "drop index if exists {}",
        qualified(&index.schema, &index.name)
    );
    constraint.chain([own]).collect()
}
