//! Dump: `pg_dump` writes the snapshot to a directory, while the same snapshot is measured.
//! Nothing here touches the target.

use std::collections::BTreeMap;

use super::{DUMP, MEASURE, SNAPSHOT, Scene, step};
use crate::effect::{Argument, Effect, Measure, Program, Tool};
use crate::inspect::{Relation, RelationKind};
use crate::plan::{Step, StepId};
use crate::postgres::{qualified, quote_identifier};
use crate::report::counted;
use crate::spec::{Scope, Statistics, Verify};

/// A dump of everything but rows and large objects, for those to be streamed.
pub(super) fn structure(scene: &Scene<'_>) -> Step {
    let mut arguments = arguments(scene);
    // It is sent over connections of our own, which speak UTF-8 alone.
    let flags = ["--encoding=UTF8", "--no-blobs"];
    arguments.extend(flags.map(|flag| Argument::Plain(flag.to_owned())));
    arguments.extend(without_rows(scene).into_iter().map(Argument::Plain));
    Step {
        under: Some(StepId::new(SNAPSHOT)),
        effects: vec![Effect::Program(Program {
            tool: Tool::PgDump,
            directory: scene.tools.directory.clone(),
            arguments,
            allow_errors: false,
            tables: Vec::new(),
        })],
        undo: vec![Effect::RemoveDump],
        ..step(DUMP, "everything but rows and large objects")
    }
}

/// How many names one pattern has: it is an argument, which has a limit of 128 KiB.
const NAMES_PER_PATTERN: usize = 500;

/// What is in the dump all the same: the tables in which extensions keep what was set up, and the
/// orders to fill materialized views. Where there is none of it, one pattern says it all.
fn without_rows(scene: &Scene<'_>) -> Vec<String> {
    let mut kept = scene.kept();
    if !has_config_tables(scene) && !kept.any(Relation::populated_view) {
        return vec!["--exclude-table-data=*.*".to_owned()];
    }
    let mut by_schema: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for relation in scene.kept().filter(|r| r.kind == RelationKind::Table) {
        let names = by_schema.entry(&relation.schema).or_default();
        names.push(quoted(&relation.name));
    }
    let patterns = by_schema.into_iter().flat_map(|(schema, names)| {
        let chunks = names.chunks(NAMES_PER_PATTERN);
        let pattern = |some: &[String]| {
            let names = some.join("|");
            format!("--exclude-table-data={}.({names})", quoted(schema))
        };
        chunks.map(pattern).collect::<Vec<_>>()
    });
    patterns.collect()
}

/// A name in a pattern, where what is quoted means itself.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether an extension keeps something in tables of its own.
pub(super) fn has_config_tables(scene: &Scene<'_>) -> bool {
    let mut extensions = scene.facts.source.extensions.iter();
    extensions.any(|extension| !extension.config_tables.is_empty())
}

/// The steps of the phase.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let under = Some(StepId::new(SNAPSHOT));
    let mut steps = vec![Step {
        under: under.clone(),
        effects: vec![Effect::Program(Program {
            tool: Tool::PgDump,
            directory: scene.tools.directory.clone(),
            arguments: arguments(scene),
            allow_errors: false,
            tables: if scene.moves_rows() {
                scene.sizes()
            } else {
                Vec::new()
            },
        })],
        undo: vec![Effect::RemoveDump],
        ..step(DUMP, dump_summary(scene))
    }];
    let measure = scene.measure().without_sequences();
    if scene.resolved.verify != Verify::Off && scene.moves_rows() {
        steps.push(Step {
            under,
            effects: vec![Effect::MeasureSource(measure.clone())],
            ..step(MEASURE, measure_summary(&measure))
        });
    }
    steps
}

fn dump_summary(scene: &Scene<'_>) -> String {
    match scene.resolved.copy.scope {
        Scope::All => scene.amount(),
        Scope::Schema => "structure alone".to_owned(),
        Scope::Data => format!("rows alone: {}", scene.amount()),
    }
}

pub(super) fn measure_summary(measure: &Measure) -> String {
    let hashed = measure.tables.iter().any(|table| table.hash.is_some());
    format!(
        "{} of {}",
        if hashed {
            "count and hash the rows"
        } else {
            "count the rows"
        },
        counted(measure.tables.len() as u64, "table")
    )
}

fn arguments(scene: &Scene<'_>) -> Vec<Argument> {
    let copy = &scene.resolved.copy;
    let mut arguments = vec![
        Argument::Plain("--format=directory".into()),
        Argument::Plain(format!("--jobs={}", copy.jobs)),
        Argument::Plain(format!("--compress={}", copy.compress)),
        Argument::Plain("--no-subscriptions".into()),
        Argument::Plain("--verbose".into()),
        Argument::Plain(format!(
            "--lock-wait-timeout={}",
            scene.resolved.lock_timeout.as_millis()
        )),
        Argument::Connection,
        Argument::Snapshot,
        Argument::DumpFile,
    ];
    let mut flag = |flag: &str, on: bool| {
        if on {
            arguments.push(Argument::Plain(flag.to_owned()));
        }
    };
    flag("--schema-only", copy.scope == Scope::Schema);
    flag("--data-only", copy.scope == Scope::Data);
    let online = scene.stream.is_some();
    flag("--no-publications", online && !scene.dumps_publication());
    let statistics = scene.resolved.restore.statistics;
    flag(
        "--statistics",
        statistics == Statistics::Carry && scene.moves_rows(),
    );
    flag("--no-owner", !copy.owners);
    flag("--no-privileges", !copy.owners);
    flag("--no-tablespaces", !copy.tablespaces);
    arguments.extend(filters(scene).into_iter().map(Argument::Plain));
    arguments
}

/// Names, not patterns: what is excluded was settled in the plan, and is printed there.
fn filters(scene: &Scene<'_>) -> Vec<String> {
    let selection = &scene.selection;
    let schemas = selection.excluded_schemas().iter();
    let mut all: Vec<String> = schemas
        .map(|schema| format!("--exclude-schema={}", quote_identifier(schema)))
        .collect();
    for (flag, relations) in [
        ("--exclude-table", selection.excluded_relations()),
        ("--exclude-table-data", selection.without_rows()),
    ] {
        let named = relations
            .iter()
            .map(|(schema, name)| format!("{flag}={}", qualified(schema, name)));
        all.extend(named);
    }
    all
}
