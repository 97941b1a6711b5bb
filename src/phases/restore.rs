//! Restore: roles and database are made on the target, `pg_restore` fills it, and what `pg_dump`
//! keeps only with `--create` is set at the end, so that no setting of the source's meets the
//! restore. Nothing here is done to the source.

use super::{DATABASE, DROP, PUBLIC, RESTORE, Scene, sql, step};
use crate::database_settings::{self, CreateOptions};
use crate::effect::{Effect, Place};
use crate::inspect::RelationKind;
use crate::plan::{IfInterrupted, Question, Step, StepId};
use crate::postgres::{qualified, quote_identifier, quote_literal};
use crate::spec::{Existing, Scope};

/// Removes every object of the users' own from a database, one at a time, so that thousands of
/// them do not have to fit into the lock table together.
pub(super) const EMPTY_DATABASE: &str = include_str!("empty_database.sql");

/// Removes every large object, a thousand at a time: each takes a slot of the lock table.
pub(super) const UNLINK: &str = "do $unlink$ begin loop perform lo_unlink(oid) from \
    (select oid from pg_largeobject_metadata limit 1000) as batch; exit when not found; commit; \
    end loop; end $unlink$";

/// The steps of the phase.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    if scene.moves_structure() {
        steps.extend(super::roles::steps(scene));
        steps.extend(super::act_as::begin(scene));
        steps.extend(database(scene));
    }
    steps.push(restore(scene));
    steps.extend(finish(scene));
    super::in_order(&mut steps);
    steps
}

/// What is done once everything is there.
pub(super) fn finish(scene: &Scene<'_>) -> Vec<Step> {
    let mut steps = super::statistics::rest(scene);
    if scene.moves_structure() && scene.resolved.copy.owners {
        steps.extend(settings(scene));
    }
    let brought = scene.stream.as_ref().filter(|_| scene.dumps_publication());
    if let Some((online, _)) = brought {
        let name = quote_identifier(&online.publication);
        let drop = format!("drop publication if exists {name}");
        steps.push(Step {
            effects: vec![sql(Place::Target, vec![drop])],
            ..step(
                "target.publication",
                "the dump brought the migration's own along",
            )
        });
    }
    steps
}

/// The database is created, or emptied, or already there and empty.
pub(super) fn database(scene: &Scene<'_>) -> Vec<Step> {
    let target = &scene.facts.target;
    let name = quote_identifier(&target.database_name);
    let drop = format!("drop database if exists {name} with (force)");
    let make = || Step {
        effects: vec![
            sql(Place::TargetMaintenance, vec![create(scene)]),
            Effect::Remember {
                place: Place::TargetMaintenance,
                sql: format!(
                    "select oid::text from pg_database where datname = {}",
                    quote_literal(&target.database_name)
                ),
            },
        ],
        if_interrupted: IfInterrupted::Ask(exists(&target.database_name)),
        undo: vec![sql(Place::TargetMaintenance, vec![drop.clone()])],
        ..step(DATABASE, "create it, with the source's encoding and locale")
    };
    let mut steps = match &target.database {
        None => vec![make()],
        // Two steps, so that taking back what was made never removes what was there before.
        Some(there) if there.object_count > 0 && replaceable(scene) => vec![
            Step {
                effects: vec![sql(Place::TargetMaintenance, vec![drop.clone()])],
                ..step(DROP, "REPLACE the database: everything in it is removed")
            },
            make(),
        ],
        Some(there) if there.object_count > 0 => vec![Step {
            effects: vec![sql(Place::Target, vec![EMPTY_DATABASE.to_owned()])],
            ..step(DATABASE, "EMPTY it: everything in it is removed")
        }],
        Some(_) => Vec::new(),
    };
    if scene.stream.is_some() {
        // Nothing has to be opened again in a database that goes back by being dropped.
        steps.extend(super::fence::close_target(scene, !is_created(scene)));
    }
    if !scene
        .facts
        .source
        .schemas
        .iter()
        .any(|schema| schema.name == "public")
    {
        steps.push(Step {
            effects: vec![sql(
                Place::Target,
                vec!["drop schema if exists public".to_owned()],
            )],
            ..step(PUBLIC, "the source has no schema public")
        });
    }
    steps
}

/// Whether the database is made by this plan: then going back means dropping it.
fn is_created(scene: &Scene<'_>) -> bool {
    let there = scene.facts.target.database.as_ref();
    there.is_none_or(|there| there.object_count > 0 && replaceable(scene))
}

fn replaceable(scene: &Scene<'_>) -> bool {
    let target = &scene.facts.target;
    let role = &target.server.role;
    let owned = target
        .database
        .as_ref()
        .is_some_and(|database| database.owned);
    owned && (role.superuser || role.create_database)
}

fn create(scene: &Scene<'_>) -> String {
    let target = &scene.facts.target;
    let options = CreateOptions {
        owner: scene.resolved.copy.owners,
        provider: target.server.major() >= 15,
        tablespace: scene.resolved.copy.tablespaces,
    };
    database_settings::create(&scene.facts.source.database, &target.database_name, options)
}

fn exists(database: &str) -> Question {
    Question {
        database: Place::TargetMaintenance,
        sql: format!(
            "select exists (select from pg_database where datname = {})",
            quote_literal(database)
        ),
    }
}

/// An interrupted restore starts over: from a new database where the plan made it, else from an
/// emptied one.
fn restore(scene: &Scene<'_>) -> Step {
    let undo = empty(scene);
    let from = StepId::new(again_from(scene));
    let mut effects = super::restore_runs::runs(scene);
    let mut summary = if scene.moves_rows() {
        scene.amount()
    } else {
        "structure alone".into()
    };
    let replaces_rows = scene.resolved.restore.existing == Existing::Replace;
    if replaces_rows && !scene.moves_structure() {
        // In the same step, so that rows never go into tables that hold some.
        effects.insert(0, sql(Place::Target, truncate(scene)));
        summary = format!("EMPTY the tables, then fill them: {summary}");
    }
    Step {
        effects,
        if_interrupted: IfInterrupted::RedoFrom(from),
        undo,
        ..step(RESTORE, summary)
    }
}

/// Where a restore that was cut short begins again.
pub(super) fn again_from(scene: &Scene<'_>) -> &'static str {
    if scene.moves_structure() && is_created(scene) {
        DATABASE
    } else {
        RESTORE
    }
}

/// What a restore that was cut short left in a database that this plan did not make.
pub(super) fn empty(scene: &Scene<'_>) -> Vec<Effect> {
    match scene.resolved.copy.scope {
        _ if again_from(scene) == DATABASE => Vec::new(),
        Scope::Data => vec![sql(Place::Target, truncate(scene))],
        Scope::All | Scope::Schema => vec![sql(Place::Target, vec![EMPTY_DATABASE.to_owned()])],
    }
}

/// Removes the rows, and the large objects, that are about to come.
fn truncate(scene: &Scene<'_>) -> Vec<String> {
    let mut statements = Vec::new();
    let tables: Vec<String> = scene
        .tables_with_rows()
        .filter(|relation| relation.kind == RelationKind::Table)
        .map(|relation| qualified(&relation.schema, &relation.name))
        .collect();
    if !tables.is_empty() {
        statements.push(format!("truncate table only {}", tables.join(", only ")));
    }
    if scene.facts.source.large_objects.count > 0 {
        statements.push(UNLINK.to_owned());
    }
    statements
}

/// Comment, privileges and settings of the database.
fn settings(scene: &Scene<'_>) -> Option<Step> {
    let target = &scene.facts.target;
    let source = &scene.database();
    let mut statements = database_settings::statements(source, &target.database_name);
    if target.database.as_ref().is_some_and(|_| !is_created(scene)) {
        let owner = database_settings::owner(source, &target.database_name);
        statements.insert(0, owner);
    }
    let before = target.database.as_ref().filter(|_| !is_created(scene));
    let undo = before
        .map(|there| database_settings::put_back(&there.properties, source, &target.database_name));
    let undo = undo.map(|statements| sql(Place::TargetMaintenance, statements));
    (!statements.is_empty()).then(|| Step {
        undo: undo.into_iter().collect(),
        summary: "comment, privileges and settings of the database".to_owned(),
        effects: vec![sql(Place::TargetMaintenance, statements)],
        ..step("target.settings", "")
    })
}
