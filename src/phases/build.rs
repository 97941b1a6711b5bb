//! Build: what comes after rows and keys: foreign keys, proven side by side, and the rest of what a dump
//! holds; then statistics and the database's own settings. Nothing here is done to the source.

use super::{RESTORE, Scene, copy, foreign_keys, restore, restore_runs, sql, step};
use crate::effect::{MARKS, Place, ScriptPart};
use crate::plan::{IfInterrupted, Question, Step, StepId};

/// The step that makes what foreign keys need and nothing made yet.
pub(super) const BEFORE_KEYS: &str = "build.before_keys";
/// The step that makes what comes after foreign keys.
pub(super) const AFTER_DATA: &str = "build.after_data";
/// The step that makes event triggers.
pub(super) const EVENT_TRIGGERS: &str = "build.event_triggers";

/// The step that removes the marks of what was copied.
pub(super) const DROP_MARKS: &str = "build.marks";

/// The steps of the phase.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let mut made: Vec<u32> = copy::built_here(scene)
        .flat_map(|index| {
            let constraint = index.constraint.as_ref().map(|constraint| constraint.oid);
            [Some(index.oid), constraint].into_iter().flatten()
        })
        .collect();
    made.extend(foreign_keys::made_here(scene).map(|key| key.oid));
    let mut steps = vec![Step {
        effects: vec![restore_runs::script(
            scene,
            ScriptPart::BeforeForeignKeys,
            &made,
        )],
        ..step(
            BEFORE_KEYS,
            "indexes of partitioned tables, rules, triggers",
        )
    }];
    let keys = foreign_keys::steps(scene, BEFORE_KEYS);
    let waits_for = steps.iter().chain(&keys).map(|step| step.id.clone());
    let mut rest = vec![Step {
        after: waits_for.collect(),
        effects: vec![restore_runs::script(
            scene,
            ScriptPart::AfterForeignKeys,
            &made,
        )],
        ..step(AFTER_DATA, "policies, publications, materialized views")
    }];
    rest.extend(restore::finish(scene));
    rest.push(Step {
        effects: vec![sql(
            Place::Target,
            vec![format!("drop schema if exists {MARKS} cascade")],
        )],
        ..step(DROP_MARKS, "remove the marks of what was copied")
    });
    rest.extend(event_triggers(scene));
    super::in_order(&mut rest);
    steps.extend(keys);
    for step in &mut steps {
        step.goes_with = Some(StepId::new(RESTORE));
    }
    steps.extend(rest);
    steps
}

/// Last of all, so that no statement of the migration wakes one.
fn event_triggers(scene: &Scene<'_>) -> Option<Step> {
    let counts = &scene.facts.source.object_counts;
    let there = counts.get("event_triggers").is_some_and(|count| *count > 0);
    let question = Question {
        database: Place::Target,
        sql: "select exists (select from pg_event_trigger t where not exists (select from pg_depend \
            d where d.classid = 'pg_event_trigger'::regclass and d.objid = t.oid and d.deptype = 'e'))"
            .to_owned(),
    };
    there.then(|| Step {
        effects: vec![restore_runs::script(scene, ScriptPart::EventTriggers, &[])],
        if_interrupted: IfInterrupted::Ask(question),
        ..step(EVENT_TRIGGERS, "event triggers")
    })
}
