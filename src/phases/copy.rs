//! Copy: rows are streamed table by table, large tables in parts, and each table's indexes are built
//! once it is filled. What takes longest is begun first. Nothing here changes the source.

use std::collections::{BTreeMap, BTreeSet};

use super::chain::{Work, dominant};
use super::index::Build;
use super::parts::{is_filled, parts, rows, table_copy};
use super::{
    MEASURE, RESTORE, SNAPSHOT, Scene, index, large_objects, restore_runs, sql, statistics, step,
};
use crate::effect::{
    CopyInto, CopyRows, Effect, MARKS, Place, Replication, Side, TableCopy, TableRows,
};
use crate::inspect::{Index, Relation, RelationKind, RowHash};
use crate::plan::{IfInterrupted, Question, Step, StepId};
use crate::postgres::{full_name, qualified};
use crate::report::{bytes, counted};
use crate::resolve::SequenceErrors;
use crate::spec::Verify;

/// Tables up to this size are copied many in a step: a step costs two writes to the journal and two
/// connections, about as much as copying this.
const SMALL_BYTES: u64 = 4 << 20;
/// How much such a step copies at most: a second's work to be done again.
const BATCH_BYTES: u64 = 64 << 20;
/// How many tables at most: each takes a few slots of the target's lock table.
const BATCH_TABLES: usize = 200;
/// A GIN index takes several times as long to build as its size suggests.
const GIN_WEIGHT: u64 = 5;
/// To count rows takes this fraction of the time that copying them takes: a table of 2 M rows and
/// 480 MB was counted in 0.25 s and copied, with both servers' work, in 6 s.
const COUNTING: u64 = 20;
/// The same for hashing them, where their type needs no detour by text: 0.73 s.
const HASHING: u64 = 8;

/// For so many tables `pg_dump` needs long enough that it matters what is done beside it: 5,000 took
/// 1.5 s.
const MANY_TABLES: usize = 1000;
/// How long it needs for each, as bytes that could be copied meanwhile; to count an empty one takes
/// half of that.
const DUMPING: u64 = 16 << 10;

/// The step that makes room for the marks of what was copied.
pub(super) const MAKE_MARKS: &str = "copy.marks";

/// A table, and what is made from its rows.
struct Load<'a> {
    table: &'a Relation,
    indexes: Vec<&'a Index>,
}

fn weight(index: &Index) -> u64 {
    index.bytes * if index.method == "gin" { GIN_WEIGHT } else { 1 }
}

/// A step, and how long it takes from its beginning until all that waits for it is done, as bytes
/// that could be copied meanwhile.
struct Ranked {
    rank: u64,
    step: Step,
}

/// The steps of the phase. Of those that could begin, the one with the longest way to go is begun
/// first, so that no long chain is left when all else is done.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let limit = SMALL_BYTES.min(scene.resolved.copy.split_above_bytes);
    let loads = loads(scene);
    let awaited = awaited(&loads, scene.resolved.copy.jobs);
    let (small, large): (Vec<Load<'_>>, Vec<Load<'_>>) = loads
        .into_iter()
        .partition(|load| load.table.bytes <= limit);
    let tables = large.iter().flat_map(|load| table(scene, load, awaited));
    let mut ranked: Vec<Ranked> = tables.collect();
    let batches = batches(&small).enumerate();
    ranked.extend(batches.flat_map(|(at, some)| batch(scene, (at + 1, some))));
    ranked.extend(rest(scene));
    ranked.sort_by_key(|ranked| std::cmp::Reverse(ranked.rank));
    let mut steps = vec![marks()];
    steps.extend(ranked.into_iter().map(|ranked| ranked.step));
    for step in &mut steps[1..] {
        step.after.push(StepId::new(MAKE_MARKS));
    }
    for step in &mut steps {
        step.goes_with = Some(StepId::new(RESTORE));
    }
    steps
}

/// The indexes that are built here; every other is left to what comes after.
pub(super) fn built_here<'a>(scene: &Scene<'a>) -> impl Iterator<Item = &'a Index> {
    let source = &scene.facts.source;
    let table = |relation: &&'a Relation| relation.kind == RelationKind::Table;
    let tables = source.relations.iter().filter(table);
    let tables: BTreeSet<(&str, &str)> = tables
        .filter(|table| scene.selection.keeps(&table.schema, &table.name))
        .map(|table| (table.schema.as_str(), table.name.as_str()))
        .collect();
    let here = move |index: &&'a Index| tables.contains(&(&*index.schema, &*index.table));
    source.indexes.iter().filter(here)
}

/// Where parts leave a mark in the transaction that copies them.
fn marks() -> Step {
    let make = format!("create schema {MARKS} create table done (step text primary key)");
    let drop = format!("drop schema if exists {MARKS} cascade");
    Step {
        effects: vec![sql(Place::Target, vec![make])],
        if_interrupted: IfInterrupted::Ask(Question {
            database: Place::Target,
            sql: format!("select to_regnamespace('{MARKS}') is not null"),
        }),
        undo: vec![sql(Place::Target, vec![drop])],
        ..step(
            MAKE_MARKS,
            "a table on the target that says which parts are there",
        )
    }
}

fn loads<'a>(scene: &Scene<'a>) -> Vec<Load<'a>> {
    let mut by_table: BTreeMap<(&str, &str), Vec<&Index>> = BTreeMap::new();
    for index in built_here(scene) {
        let indexes = by_table.entry((&index.schema, &index.table)).or_default();
        indexes.push(index);
    }
    let tables = scene.facts.source.relations.iter().filter(|relation| {
        relation.kind == RelationKind::Table
            && scene.selection.keeps(&relation.schema, &relation.name)
    });
    let mut loads: Vec<Load<'_>> = tables
        .map(|table| {
            let name = (table.schema.as_str(), table.name.as_str());
            let mut indexes = by_table.remove(&name).unwrap_or_default();
            indexes.sort_by_key(|index| std::cmp::Reverse(weight(index)));
            Load { table, indexes }
        })
        .collect();
    loads.sort_by_key(|load| std::cmp::Reverse(load.table.bytes));
    loads
}

/// The index that the end waits for alone, if there is one.
fn awaited<'a>(loads: &[Load<'a>], jobs: u32) -> Option<&'a Index> {
    let work = |load: &Load<'_>| Work {
        copy: load.table.bytes,
        indexes: load.indexes.iter().map(|index| weight(index)).collect(),
    };
    let work: Vec<Work> = loads.iter().map(work).collect();
    let table = &loads[dominant(&work, u64::from(jobs))?];
    table.indexes.first().copied()
}

/// A table by itself: its parts, then each of its indexes.
fn table(scene: &Scene<'_>, load: &Load<'_>, awaited: Option<&Index>) -> Vec<Ranked> {
    let table = load.table;
    let name = full_name(&table.schema, &table.name);
    let filling = parts(scene, table);
    let filled: Vec<StepId> = filling.iter().map(|step| step.id.clone()).collect();
    let mut building = building(scene, load, awaited);
    for build in &mut building {
        build.step.after.extend_from_slice(&filled);
    }
    let longest = building.iter().map(|build| build.rank).max();
    let side_by_side = u64::from(scene.resolved.copy.jobs).min(filling.len().max(1) as u64);
    let rank = table.bytes / side_by_side + longest.unwrap_or(0);
    let filling = filling.into_iter().map(|step| Ranked { rank, step });
    let built = building.iter().map(|built| built.step.id.clone());
    let mut after: Vec<StepId> = filled.iter().cloned().chain(built).collect();
    let settling = settling(scene, load, &after);
    after.extend(settling.iter().map(|step| step.id.clone()));
    let gathering = statistics::gather(scene, (&name, after), &[table]);
    let rest = settling.into_iter().chain(gathering);
    filling
        .chain(building)
        .chain(rest.map(nobody_waits))
        .collect()
}

/// The indexes of a table, side by side. One that takes the table comes after them: it would stand in
/// a queue until the slowest is built, at the expense of one of the jobs, and all that come later behind it.
fn building(scene: &Scene<'_>, load: &Load<'_>, awaited: Option<&Index>) -> Vec<Ranked> {
    let (alone, beside): (Vec<&Index>, Vec<&Index>) =
        (load.indexes.iter()).partition(|index| index::takes_the_table(scene, index));
    let name = full_name(&load.table.schema, &load.table.name);
    let build = |index: &Index, after: Vec<StepId>, later: u64| Ranked {
        rank: weight(index) + later,
        step: Step {
            after,
            effects: vec![index::build(scene, index, how(awaited, index))],
            undo: vec![index::remove(&[index])],
            ..step(
                &format!("index.{}", full_name(&index.schema, &index.name)),
                format!("{} on {name}, {}", index.method, bytes(index.bytes)),
            )
        },
    };
    let mut later: u64 = alone.iter().map(|index| weight(index)).sum();
    let beside = beside.into_iter();
    let mut built: Vec<Ranked> = beside.map(|one| build(one, Vec::new(), later)).collect();
    for index in alone {
        later -= weight(index);
        let before = built.iter().map(|built| built.step.id.clone()).collect();
        built.push(build(index, before, later));
    }
    built
}

fn how(awaited: Option<&Index>, index: &Index) -> Build {
    match awaited {
        Some(awaited) if awaited.oid != index.oid => Build::Aside,
        _ => Build::Parallel,
    }
}

/// After all its indexes: before, it would stand in a queue for the table, at the expense of one of the
/// jobs, for as long as the slowest is built.
fn settling(scene: &Scene<'_>, load: &Load<'_>, after: &[StepId]) -> Option<Step> {
    let settle = index::settle(scene, &load.indexes)?;
    let name = full_name(&load.table.schema, &load.table.name);
    let id = StepId::new(format!("keys.{name}"));
    let again = IfInterrupted::RedoFrom(id.clone());
    let settled = index::is_settled(scene, &load.indexes);
    Some(Step {
        after: after.to_vec(),
        effects: vec![settle],
        if_interrupted: settled.map_or(again, IfInterrupted::Ask),
        ..step(id.as_str(), "from its indexes")
    })
}

/// Small tables in the order of their size, so many that a step is worth its while.
fn batches<'l, 'a>(small: &'l [Load<'a>]) -> impl Iterator<Item = &'l [Load<'a>]> {
    let mut rest = small;
    std::iter::from_fn(move || {
        let mut total = 0;
        let fits = rest.iter().take(BATCH_TABLES).take_while(|load| {
            total += load.table.bytes;
            total <= BATCH_BYTES
        });
        let (some, later) = rest.split_at(fits.count().max(rest.len().min(1)));
        rest = later;
        (!some.is_empty()).then_some(some)
    })
}

fn batch(scene: &Scene<'_>, (number, some): (usize, &[Load<'_>])) -> Vec<Ranked> {
    let filled = some.iter().map(|load| load.table);
    let filled = filled.filter(|table| is_filled(scene, table));
    let tables: Vec<TableCopy> = filled.map(|table| table_copy(scene, table, None)).collect();
    let total: u64 = some.iter().map(|load| load.table.bytes).sum();
    let indexes: Vec<&Index> = some.iter().flat_map(|load| load.indexes.clone()).collect();
    let building: u64 = indexes.iter().map(|index| weight(index)).sum();
    let mut ranked = Vec::new();
    let id = StepId::new(format!("copy.small.{number}"));
    let empty = tables
        .iter()
        .map(|table| qualified(&table.schema, &table.name));
    let empty = empty.collect::<Vec<_>>().join(", only ");
    let mut after = Vec::new();
    if !tables.is_empty() {
        let summary = format!(
            "{}, {}",
            counted(tables.len() as u64, "table"),
            bytes(total)
        );
        after.push(id.clone());
        ranked.push(Ranked {
            rank: total + building,
            step: Step {
                // Not at first: thousands of new tables would have to be made anew.
                undo: vec![sql(Place::Target, vec![format!("truncate only {empty}")])],
                ..rows(
                    id.as_str(),
                    summary,
                    CopyRows {
                        tables,
                        into: CopyInto::Empty,
                    },
                )
            },
        });
    }
    if !indexes.is_empty() {
        ranked.push(Ranked {
            rank: building,
            step: Step {
                after: after.clone(),
                effects: vec![index::build_small(scene, &indexes)],
                undo: vec![index::remove(&indexes)],
                ..step(
                    &format!("index.small.{number}"),
                    counted(indexes.len() as u64, "index"),
                )
            },
        });
        after.push(StepId::new(format!("index.small.{number}")));
    }
    let filled: Vec<&Relation> = some.iter().map(|load| load.table).collect();
    let name = format!("small.{number}");
    let gathering = statistics::gather(scene, (&name, after), &filled);
    ranked.extend(gathering.map(nobody_waits));
    ranked
}

fn nobody_waits(step: Step) -> Ranked {
    Ranked { rank: 0, step }
}

/// How long it takes to measure a table, as bytes that could be copied meanwhile.
fn reading(table: &TableRows) -> u64 {
    match table.hash {
        None => table.bytes / COUNTING,
        Some(RowHash::Record) => table.bytes / HASHING,
        Some(RowHash::Text) => table.bytes,
    }
}

/// The count that the proof needs, where it is made beside `pg_dump`: where that takes longer for the
/// structure than this, nobody misses the cores that it leaves idle meanwhile.
pub(super) fn counted_early(scene: &Scene<'_>) -> Option<Step> {
    measured(scene, true).map(|measured| measured.step)
}

fn measured(scene: &Scene<'_>, early: bool) -> Option<Ranked> {
    if scene.resolved.verify == Verify::Off || !scene.moves_rows() {
        return None;
    }
    let measure = scene.measure().without_sequences();
    let tables = measure.tables.len();
    let reading: u64 = measure.tables.iter().map(reading).sum();
    let is_early = tables >= MANY_TABLES && reading <= tables as u64 * DUMPING;
    (is_early == early).then(|| Ranked {
        rank: reading / u64::from(measure.jobs),
        step: Step {
            under: Some(StepId::new(SNAPSHOT)),
            effects: vec![Effect::MeasureSource(measure.clone())],
            ..step(MEASURE, super::dump::measure_summary(&measure))
        },
    })
}

/// What is no table: large objects, sequences, and the count that the proof needs.
fn rest(scene: &Scene<'_>) -> Vec<Ranked> {
    if !scene.moves_rows() {
        return Vec::new();
    }
    let all = &scene.facts.source;
    let objects = large_objects::steps(scene).into_iter().map(|step| Ranked {
        rank: all.large_objects.bytes / all.large_object_parts.len() as u64,
        step,
    });
    let measured = measured(scene, false);
    let others = [sequences(scene), restore_runs::kept_by_extensions(scene)];
    objects
        .chain(measured)
        .chain(others.into_iter().flatten().map(nobody_waits))
        .collect()
}

fn sequences(scene: &Scene<'_>) -> Option<Step> {
    let sequences: Vec<(String, String)> = scene
        .kept()
        .filter(|relation| relation.kind == RelationKind::Sequence)
        .map(|relation| (relation.schema.clone(), relation.name.clone()))
        .collect();
    let summary = counted(sequences.len() as u64, "sequence");
    (!sequences.is_empty()).then(|| Step {
        effects: vec![Effect::Replication(Replication::CarrySequences {
            from: Side::Source,
            sequences,
            patterns: scene.resolved.patterns(),
            errors: SequenceErrors::Stop,
        })],
        ..step("copy.sequences", summary)
    })
}
