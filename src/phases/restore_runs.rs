//! The runs of `pg_restore` that fill the target: one, or several where one would lock itself out.
//! It says nothing of what is made before them or undone after.

use super::{Scene, dump, restore, step};
use crate::effect::{AfterData, Argument, Effect, Program, Script, ScriptPart, Tool};
use crate::inspect::{Relation, RelationKind};
use crate::plan::{IfInterrupted, Step, StepId};
use crate::spec::{Scope, Statistics};

/// The runs, in order.
///
/// With several jobs, `pg_restore` locks itself out in two ways, both measured on 15 to 18, after
/// which PostgreSQL ends one of the two with "deadlock detected":
/// - It attaches the indexes of partitions while it adds foreign keys to the same partitioned
///   table: every fifth restore failed with two levels of partitions. The attaching, which takes no
///   time, has a run of its own with one job.
/// - It makes an index for CLUSTER ON while it makes one for REPLICA IDENTITY of the same table,
///   both with a lock that the other must wait for. A database with such a table, a rare one, has
///   all its indexes made with one job.
pub(super) fn runs(scene: &Scene<'_>) -> Vec<Effect> {
    let jobs = scene.resolved.copy.jobs;
    let has = |what: fn(&Relation) -> bool| scene.kept().any(what);
    let attaches = has(|relation| relation.kind == RelationKind::PartitionedTable);
    let crossed = has(|relation| relation.crossed_indexes);
    if jobs == 1 || !scene.moves_structure() || !(attaches || crossed) {
        return vec![run(scene, jobs, Vec::new())];
    }
    let before = ["--section=pre-data", "--section=data"];
    let before = before.map(|flag| Argument::Plain(flag.to_owned()));
    let part = |jobs, part| run(scene, jobs, vec![Argument::Listed(part)]);
    vec![
        run(scene, jobs, before.to_vec()),
        part(if crossed { 1 } else { jobs }, AfterData::Indexes),
        part(1, AfterData::Attaching),
        part(jobs, AfterData::Rest),
    ]
}

/// Rows that are in the dump all the same: what extensions keep in tables.
pub(super) fn kept_by_extensions(scene: &Scene<'_>) -> Option<Step> {
    let data = Argument::Plain("--section=data".to_owned());
    dump::has_config_tables(scene).then(|| Step {
        effects: vec![program(scene, scene.resolved.copy.jobs, vec![data])],
        if_interrupted: IfInterrupted::RedoFrom(StepId::new(restore::again_from(scene))),
        ..step("copy.extensions", "what extensions keep in tables")
    })
}

/// Statistics, which nothing else of the dump brings along.
pub(super) fn statistics(scene: &Scene<'_>) -> Effect {
    let only = Argument::Plain("--statistics-only".to_owned());
    program(scene, scene.resolved.copy.jobs, vec![only])
}

/// A part of the dump without its rows, but what was `made` already, by OID.
pub(super) fn script(scene: &Scene<'_>, part: ScriptPart, made: &[u32]) -> Effect {
    let resolved = scene.resolved;
    let flags = [
        ("--no-owner", !resolved.copy.owners),
        ("--no-privileges", !resolved.copy.owners),
        ("--no-tablespaces", !resolved.copy.tablespaces),
        ("--no-statistics", carries_statistics(scene)),
    ];
    let flags = flags.iter().filter(|(_, on)| *on);
    Effect::Script(Script {
        part,
        directory: scene.tools.directory.clone(),
        flags: flags.map(|(flag, _)| (*flag).to_owned()).collect(),
        made: made.to_vec(),
        allow_errors: resolved.restore.allow_errors,
        jobs: resolved.copy.jobs,
    })
}

/// Whether the dump holds statistics; programs that are too old do not know the flag.
fn carries_statistics(scene: &Scene<'_>) -> bool {
    scene.resolved.restore.statistics == Statistics::Carry && scene.moves_rows()
}

fn program(scene: &Scene<'_>, jobs: u32, what: Vec<Argument>) -> Effect {
    Effect::Program(Program {
        tool: Tool::PgRestore,
        directory: scene.tools.directory.clone(),
        arguments: arguments(scene, jobs, what),
        allow_errors: scene.resolved.restore.allow_errors,
        tables: Vec::new(),
    })
}

fn run(scene: &Scene<'_>, jobs: u32, what: Vec<Argument>) -> Effect {
    let fills = !matches!(what.as_slice(), [Argument::Listed(_)]);
    let tables = if fills && scene.moves_rows() {
        scene.sizes()
    } else {
        Vec::new()
    };
    Effect::Program(Program {
        tool: Tool::PgRestore,
        directory: scene.tools.directory.clone(),
        arguments: arguments(scene, jobs, what),
        allow_errors: scene.resolved.restore.allow_errors,
        tables,
    })
}

fn arguments(scene: &Scene<'_>, jobs: u32, what: Vec<Argument>) -> Vec<Argument> {
    let resolved = scene.resolved;
    let mut arguments = vec![
        Argument::Plain(format!("--jobs={jobs}")),
        Argument::Plain("--verbose".into()),
        Argument::Connection,
    ];
    let mut flag = |flag: &str, on: bool| {
        if on {
            arguments.push(Argument::Plain(flag.to_owned()));
        }
    };
    let superuser = scene.facts.target.server.role.superuser;
    flag("--exit-on-error", !resolved.restore.allow_errors);
    flag("--no-owner", !resolved.copy.owners);
    flag("--no-privileges", !resolved.copy.owners);
    flag("--no-tablespaces", !resolved.copy.tablespaces);
    let statistics_alone = what.contains(&Argument::Plain("--statistics-only".to_owned()));
    flag(
        "--no-statistics",
        carries_statistics(scene) && !statistics_alone,
    );
    flag("--data-only", resolved.copy.scope == Scope::Data);
    flag(
        "--disable-triggers",
        resolved.copy.scope == Scope::Data && superuser,
    );
    arguments.extend(what);
    arguments.push(Argument::Dump);
    arguments
}
