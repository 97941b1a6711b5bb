//! Indexes, and the keys made from them, as statements: for one alone, or for many small ones.
//! It never decides when they are built.

use super::{Scene, sql};
use crate::effect::{Effect, Place};
use crate::inspect::{Index, IndexConstraint};
use crate::plan::Question;
use crate::postgres::{qualified, quote_identifier, quote_literal};

/// Each takes a few slots of the lock table.
const INDEXES_PER_TRANSACTION: usize = 100;
/// Smaller than this PostgreSQL does not accept.
const LEAST_MEMORY_KIB: u64 = 1024;
/// Larger than this it does not accept before 18 on every platform.
const MOST_MEMORY_KIB: u64 = 2_147_483_647;

/// How one index is built beside others of its table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Build {
    /// By as many processes as the plan says, or the server.
    Parallel,
    /// By a single one, so that the index that all wait for has a core to itself.
    Aside,
}

/// Builds the indexes of small tables over one connection, one after the other, in a transaction, which
/// costs as much as one of them; their constraints with them.
pub(super) fn build_small(scene: &Scene<'_>, indexes: &[&Index]) -> Effect {
    let mut statements = settings(scene);
    statements.push("begin".to_owned());
    let mut tablespace = None;
    for (number, index) in indexes.iter().enumerate() {
        if number > 0 && number % INDEXES_PER_TRANSACTION == 0 {
            statements.extend(["commit".to_owned(), "begin".to_owned()]);
        }
        let wanted = tablespace_of(scene, index);
        if wanted != tablespace {
            statements.push(set_tablespace(wanted));
            tablespace = wanted;
        }
        match &index.constraint {
            None => statements.push(index.definition.clone()),
            Some(constraint) => statements.extend(with_its_index(index, constraint)),
        }
        statements.extend(statistics(index));
        statements.extend(marks(index));
    }
    statements.push("commit".to_owned());
    sql(Place::Target, statements)
}

/// Builds one index. A constraint that would shut out whoever builds another index of the table
/// meanwhile is left to [`settle`], where it can be made from its index.
pub(super) fn build(scene: &Scene<'_>, index: &Index, how: Build) -> Effect {
    let mut statements = settings(scene);
    let workers = match how {
        Build::Parallel => scene.resolved.copy.index_workers,
        Build::Aside => Some(0),
    };
    let set = |workers| format!("set max_parallel_maintenance_workers = {workers}");
    statements.extend(workers.map(set));
    let tablespace = tablespace_of(scene, index);
    statements.extend(tablespace.map(|name| set_tablespace(Some(name))));
    match &index.constraint {
        Some(constraint) if takes_the_table(scene, index) => {
            statements.extend(with_its_index(index, constraint));
        }
        _ => statements.push(index.definition.clone()),
    }
    statements.extend(statistics(index));
    sql(Place::Target, statements)
}

/// Whether [`build`] has the table to itself: a constraint that PostgreSQL makes of no index that is
/// there already.
pub(super) fn takes_the_table(scene: &Scene<'_>, index: &Index) -> bool {
    index.constraint.is_some() && using_index(scene, index).is_none()
}

/// What the indexes of a table are for, where saying so takes the table for a moment: constraints made
/// from them, what it is ordered by, and what tells its rows apart. All or nothing.
pub(super) fn settle(scene: &Scene<'_>, indexes: &[&Index]) -> Option<Effect> {
    let constraints = indexes.iter().filter_map(|one| using_index(scene, one));
    let marks = indexes.iter().flat_map(|index| marks(index));
    let statements: Vec<String> = constraints.chain(marks).collect();
    (!statements.is_empty()).then(|| {
        let all = ["begin".to_owned()].into_iter().chain(statements);
        sql(Place::Target, all.chain(["commit".to_owned()]).collect())
    })
}

/// How to ask whether [`settle`] was done, where it is not the same when done twice.
pub(super) fn is_settled(scene: &Scene<'_>, indexes: &[&Index]) -> Option<Question> {
    let mut indexes = indexes.iter();
    let index = indexes.find(|index| using_index(scene, index).is_some())?;
    let constraint = index.constraint.as_ref()?;
    Some(Question {
        database: Place::Target,
        sql: format!(
            "select exists (select from pg_constraint where conrelid = to_regclass({}) and conname = {})",
            quote_literal(&qualified(&index.schema, &index.table)),
            quote_literal(&constraint.name)
        ),
    })
}

fn tablespace_of<'a>(scene: &Scene<'_>, index: &'a Index) -> Option<&'a String> {
    let named = index.tablespace.as_ref();
    named.filter(|_| scene.resolved.copy.tablespaces)
}

fn set_tablespace(name: Option<&String>) -> String {
    let name = name.map_or_else(|| "''".to_owned(), |name| quote_identifier(name));
    format!("set default_tablespace = {name}")
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

fn statistics(index: &Index) -> impl Iterator<Item = String> {
    let own = qualified(&index.schema, &index.name);
    let targets = index.statistics.iter();
    targets.map(move |(column, target)| {
        format!("alter index {own} alter column {column} set statistics {target}")
    })
}

/// What the table is ordered by, and what tells its rows apart.
fn marks(index: &Index) -> impl Iterator<Item = String> {
    let table = qualified(&index.schema, &index.table);
    let name = quote_identifier(&index.name);
    let cluster = format!("alter table {table} cluster on {name}");
    let identity = format!("alter table only {table} replica identity using index {name}");
    let clustered = index.clustered.then_some(cluster);
    let identity = index.replica_identity.then_some(identity);
    clustered.into_iter().chain(identity)
}

/// Makes the constraint from the index that is there, where it can be.
fn using_index(scene: &Scene<'_>, index: &Index) -> Option<String> {
    let constraint = index.constraint.as_ref()?;
    let kind = constraint.using_index.as_ref();
    let kind = kind.filter(|_| !inherits_not_null(scene, index))?;
    Some(format!(
        "{} {kind} using index {}{}",
        add(index, constraint),
        quote_identifier(&index.name),
        deferral(constraint)
    ))
}

fn add(index: &Index, constraint: &IndexConstraint) -> String {
    format!(
        "alter table only {} add constraint {}",
        qualified(&index.schema, &index.table),
        quote_identifier(&constraint.name)
    )
}

/// Whether USING INDEX would mark what the table inherits as its own: 18 does that with the NOT NULL
/// of a partition's primary key.
fn inherits_not_null(scene: &Scene<'_>, index: &Index) -> bool {
    let mut relations = scene.facts.source.relations.iter();
    let table = relations.find(|table| table.schema == index.schema && table.name == index.table);
    scene.facts.target.server.major() >= 18
        && table.is_some_and(|table| table.partition_of.is_some())
}

/// A constraint that makes its index itself, which is half the work where the table is small.
fn with_its_index(index: &Index, constraint: &IndexConstraint) -> Vec<String> {
    let definition = constraint.definition.as_str();
    let storage = storage(&constraint.storage);
    let add = add(index, constraint);
    if definition.starts_with("EXCLUDE ") {
        let own = qualified(&index.schema, &index.name);
        let set = storage.map(|storage| format!("alter index {own} set ({storage})"));
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
