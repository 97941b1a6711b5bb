//! One file per phase: each says which steps its phase has. A phase returns data; it asks nobody
//! and does nothing.

mod act_as;
mod build;
mod chain;
mod complete;
mod copy;
mod cutover;
mod drift;
mod dump;
mod fence;
mod finalize;
mod foreign_keys;
mod format;
mod identities;
mod index;
mod large_objects;
mod left_behind;
mod not_streamed;
mod outage;
mod parts;
mod prepare_snapshot;
mod restore;
mod restore_runs;
mod roles;
mod rollback;
mod scene;
mod schema;
mod statistics;
mod stream_apply;
mod verify;
mod without;

pub(crate) use complete::finalized;
pub(crate) use finalize::kept_by_hand;
pub use left_behind::left_behind;
pub use outage::{Serving, serving};
pub(crate) use outage::{
    begun_afterwards, binds_nothing, hears_requests, hooks_before_fence, is_decided, is_finalized,
    is_past, is_switched, switched, switched_back, was_decided,
};

pub use scene::Scene;
use scene::{stored_columns, table_rows};
pub(crate) use without::{
    finalized_without, left_by_abort, left_by_finalize, made_by_name, undone_without,
};

use crate::effect::{Effect, Place};
use crate::journal::Status;
use crate::plan::{IfInterrupted, Phase, Stage, Step, StepId};
use crate::postgres::quote_literal;
use crate::selection::RelationName;
use crate::spec::Method;

/// The step that exports the snapshot.
pub const SNAPSHOT: &str = "snapshot.export";
/// The step that runs `pg_dump`.
pub const DUMP: &str = "dump.run";
/// The step that reads where the source's sequences stand.
pub const SEQUENCES: &str = "source.sequences";
/// The step that measures the rows of the source.
pub const MEASURE: &str = "source.measure";
/// The step that drops a target database that is to be replaced.
pub const DROP: &str = "target.drop";
/// The step that removes the schema public.
pub const PUBLIC: &str = "target.public";
/// The step that makes the target database.
pub const DATABASE: &str = "target.database";
/// The step that runs `pg_restore`.
pub const RESTORE: &str = "restore.run";
/// The steps that make objects as a dump has them, and may let errors through.
pub(crate) const LET_THROUGH_BY: [&str; 4] = [
    RESTORE,
    build::BEFORE_KEYS,
    build::AFTER_DATA,
    build::EVENT_TRIGGERS,
];

/// The step that has the subscription run.
pub const ENABLE: &str = "stream.enable";
/// The step that watches the replication.
pub const FOLLOW: &str = "stream.follow";
/// The step that looks at the schema of both sides before the cutover.
pub const GUARD: &str = "cutover.guard";
/// The step that compares both sides at the cutover.
pub const COMPARED: &str = "cutover.verify";
/// The step that reads what closing the target will change.
pub const TARGET_BEFORE: &str = "target.before";
/// The step that closes the target to applications.
pub const CLOSE: &str = "target.close";
/// The step that reads what the fence around the source will change.
pub const SOURCE_BEFORE: &str = "cutover.before";

/// The stage of a phase.
pub fn stage(phase: Phase, scene: &Scene<'_>) -> Stage {
    let (purpose, steps) = match phase {
        Phase::Validate => ("ask both servers; nothing is changed", Vec::new()),
        Phase::PrepareSnapshot => (
            "fix one moment of the source that everything is read from",
            prepare_snapshot::steps(scene),
        ),
        Phase::Dump => (
            "write that moment of the source to disk",
            dump::steps(scene),
        ),
        Phase::Restore => ("make the target and fill it", restore::steps(scene)),
        Phase::Schema => ("make the target and its empty tables", schema::steps(scene)),
        Phase::Copy => (
            "stream the rows, and build indexes as soon as their table is there",
            copy::steps(scene),
        ),
        Phase::Build => (
            "everything that comes after rows and keys",
            build::steps(scene),
        ),
        Phase::Verify => (
            "prove that the target holds what the source held",
            verify::steps(scene),
        ),
        Phase::StreamApply => (
            "let PostgreSQL replicate what was written since",
            stream_apply::steps(scene),
        ),
        Phase::Cutover => (
            "switch from source to target, as a whole or not at all",
            cutover::steps(scene),
        ),
        Phase::Complete => (
            "remove what was only needed on the way",
            complete::steps(scene),
        ),
        Phase::Rollback => (
            "go back to the source, by `pg_dbmigrator rollback` alone",
            rollback::steps(scene),
        ),
        Phase::Finalize => (
            "remove every trace, by `pg_dbmigrator finalize` alone",
            finalize::steps(scene),
        ),
    };
    Stage {
        phase,
        purpose,
        steps,
        switch: match phase {
            Phase::Cutover => cutover::switch(scene),
            Phase::Rollback => rollback::switch(scene),
            _ => None,
        },
        jobs: matches!(phase, Phase::Copy | Phase::Build).then_some(scene.resolved.copy.jobs),
        estimate: None,
    }
}

/// The phases that a plan has: an offline one has no stream, and rows travel one way or the other.
pub fn phases(scene: &Scene<'_>) -> impl Iterator<Item = Phase> {
    let online = scene.stream.is_some();
    let method = scene.resolved.copy.method;
    Phase::ALL.into_iter().filter(move |phase| match phase {
        Phase::Dump | Phase::Restore => method == Method::Dump,
        Phase::Schema | Phase::Copy | Phase::Build => method == Method::Stream,
        Phase::StreamApply | Phase::Cutover => online,
        _ => true,
    })
}

/// What can be done once an online migration is complete.
pub fn afterwards(scene: &Scene<'_>) -> Vec<Stage> {
    let stages = Phase::AFTERWARDS
        .into_iter()
        .map(|phase| stage(phase, scene));
    stages.filter(|stage| !stage.steps.is_empty()).collect()
}

/// Has each step wait for the one before it.
fn in_order(steps: &mut [Step]) {
    for index in 1..steps.len() {
        let before = steps[index - 1].id.clone();
        steps[index].after.push(before);
    }
}

fn sql(place: Place, statements: Vec<String>) -> Effect {
    Effect::Sql { place, statements }
}

/// The OID of the database that the migration made, as far as the journal knows.
pub(crate) fn made_database(status: &Status) -> Option<&str> {
    status.steps.get(&StepId::new(DATABASE))?.output.as_str()
}

/// Whether the definitions of both sides were compared: with the copy, or before the switch.
pub(crate) fn compared_schemas(status: &Status) -> bool {
    [verify::SCHEMA, GUARD]
        .iter()
        .any(|id| status.is_done(&StepId::new(*id)))
}

/// Whether PostgreSQL replicates by itself already.
pub(crate) fn is_streaming(status: &Status) -> bool {
    status.is_done(&StepId::new(ENABLE))
}

/// Whether nothing was begun yet that changes the target database.
pub(crate) fn leaves_target_as_found(status: &Status) -> bool {
    let changing = [DROP, DATABASE, CLOSE, PUBLIC, RESTORE];
    let mut changing = changing.into_iter().map(StepId::new);
    !changing.any(|id| status.steps.contains_key(&id))
}

/// Whether something was taken back that may have removed what was in the target database before.
pub(crate) fn may_have_emptied_target(status: &Status) -> bool {
    let mut removing = [DROP, DATABASE, RESTORE].into_iter().map(StepId::new);
    removing.any(|id| status.taken_back.contains(&id))
}

/// Whether the target database was closed to applications, and nothing has opened it since. An abort
/// that began may have, and so may a run that began to take that back.
pub(crate) fn leaves_target_closed(status: &Status) -> bool {
    status.stands(&StepId::new(CLOSE)) && !is_decided(status) && !status.aborting
}

/// Whether a streamed copy is under way, whose marks are on the target until it is whole, or until
/// somebody begins to take them back.
pub(crate) fn leaves_marks(status: &Status) -> bool {
    status.stands(&StepId::new(copy::MAKE_MARKS))
        && !status.aborting
        && !status.steps.contains_key(&StepId::new(build::DROP_MARKS))
}

/// A step that is simply undone and done again after an interruption.
fn step(id: &str, summary: impl Into<String>) -> Step {
    let id = StepId::new(id);
    Step {
        id: id.clone(),
        summary: summary.into(),
        after: Vec::new(),
        under: None,
        effects: Vec::new(),
        if_interrupted: IfInterrupted::RedoFrom(id),
        undo: Vec::new(),
        goes_with: None,
        standing: false,
    }
}

/// Tables by name as a set of rows, which may be empty.
fn named(tables: &[RelationName]) -> String {
    let texts = |texts: Vec<String>| format!("array[{}]::text[]", texts.join(", "));
    let schemas = texts(tables.iter().map(|(s, _)| quote_literal(s)).collect());
    let names = texts(tables.iter().map(|(_, n)| quote_literal(n)).collect());
    format!("unnest({schemas}, {names})")
}
