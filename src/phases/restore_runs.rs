//! The runs of `pg_restore` that fill the target: one, or several where one would lock itself out.
//! It says nothing of what is made before them or undone after.

use super::Scene;
use crate::effect::{AfterData, Argument, Effect, Program, Tool};
use crate::inspect::RelationKind;
use crate::spec::Scope;

/// The runs, in order.
///
/// With several jobs, `pg_restore` attaches the indexes of partitions while it adds foreign keys to
/// the same partitioned table, each waiting for the other: measured with two levels of partitions,
/// every fifth restore ended in a deadlock (15 to 18). So the attaching has a run of its own, with
/// one job, between those that are worth several.
pub(super) fn runs(scene: &Scene<'_>) -> Vec<Effect> {
    let attaches = scene.moves_structure()
        && scene.resolved.copy.jobs > 1
        && scene
            .kept()
            .any(|relation| relation.kind == RelationKind::PartitionedTable);
    let jobs = scene.resolved.copy.jobs;
    if !attaches {
        return vec![run(scene, jobs, Vec::new())];
    }
    let before = ["--section=pre-data", "--section=data"];
    let before = before.map(|flag| Argument::Plain(flag.to_owned()));
    let part = |jobs, part| run(scene, jobs, vec![Argument::Listed(part)]);
    vec![
        run(scene, jobs, before.to_vec()),
        part(jobs, AfterData::Indexes),
        part(1, AfterData::Attaching),
        part(jobs, AfterData::Rest),
    ]
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
    flag("--data-only", resolved.copy.scope == Scope::Data);
    flag(
        "--disable-triggers",
        resolved.copy.scope == Scope::Data && superuser,
    );
    arguments.extend(what);
    arguments.push(Argument::Dump);
    arguments
}
