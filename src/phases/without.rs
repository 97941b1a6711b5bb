//! How a plan ends where one of its servers is gone for good: with all that concerns the other, and a
//! list of what is left. It never decides that a server is gone.

use super::{SNAPSHOT, cutover, finalize, prepare_snapshot, step, stream_apply};
use crate::effect::{Effect, Place, Side, lines};
use crate::journal::Status;
use crate::plan::{Phase, Plan, Stage, Step, StepId};
use crate::resolve::Online;
use crate::resume::backwards;

/// Moves the sequences of a database past the numbers that its columns hold: those that came from the
/// other side were given out there. No stream carries sequences.
const SEQUENCES: &str = "do $sequences$ declare one record; top numeric; begin \
    for one in select s.seqrelid, s.seqmax, d.refobjid::regclass as held_by, a.attname \
    from pg_sequence s join pg_depend d on d.objid = s.seqrelid and d.deptype in ('a', 'i') \
    and d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass \
    join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid \
    where s.seqincrement > 0 and a.atttypid in \
    ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype) loop \
    execute format('select max(%I) from %s', one.attname, one.held_by) into top; \
    if top > coalesce(pg_sequence_last_value(one.seqrelid), 0) then \
    perform setval(one.seqrelid, least(top, one.seqmax)::bigint); end if; \
    end loop; end $sequences$";

/// The plan, with as much of its way back as does not need the side that is gone. Where the switch
/// was made, it first has the source go on where the target was.
pub(crate) fn undone_without(plan: &Plan, status: &Status, gone: Side) -> Plan {
    let mut rest = plan.clone();
    let stages = rest.stages.iter_mut().chain(&mut rest.afterwards);
    for step in stages.flat_map(|stage| &mut stage.steps) {
        step.undo.retain(|effect| !effect.needs(gone));
        let opens = step.id.as_str() == cutover::FENCE && gone == Side::Target;
        if opens && super::was_decided(status) {
            let sequences = super::sql(Place::Source, vec![SEQUENCES.to_owned()]);
            step.undo.insert(0, sequences);
        }
    }
    rest
}

/// What an abort without a side leaves there, a line each, in the order in which it is taken back.
pub(crate) fn left_by_abort(plan: &Plan, status: &Status, gone: Side) -> Vec<String> {
    let switched = super::was_decided(status);
    // The streams are what a switch left of itself. What is in the target database goes with it, or
    // is removed from it as a whole.
    let streams = finalize_steps(plan).filter(|step| switched && finalize::ends_stream(&step.id));
    let stages = plan.stages.iter().chain(&plan.afterwards);
    let stages = stages.filter(|stage| match stage.phase {
        Phase::Copy | Phase::Build => false,
        Phase::Cutover | Phase::Rollback => !switched,
        _ => true,
    });
    let begun = stages.rev().flat_map(backwards);
    let was_begun = |id: &StepId| status.steps.contains_key(id) || status.before_abort.contains(id);
    let begun = begun.filter(|step| was_begun(&step.id));
    let effects = streams.flat_map(|step| &step.effects);
    left(effects.chain(begun.flat_map(|step| &step.undo)), gone)
}

/// The steps that finalize a migration without a side: the target opens if it was to, and nothing of
/// the streams is left on the other side.
pub(crate) fn finalized_without(plan: &Plan, gone: Side) -> Stage {
    let here = gone.other();
    let opens = |step: &&Step| step.id.as_str() == cutover::OPEN && here == Side::Target;
    let open = plan.steps().find(opens).map(|step| Step {
        after: Vec::new(),
        ..step.clone()
    });
    let mut steps: Vec<Step> = open.into_iter().collect();
    let effects = finalizing(plan).filter(|effect| effect.needs(here));
    steps.push(Step {
        effects: effects.cloned().collect(),
        ..step(
            finalize::alone(here),
            format!("nothing of the streams is left on the {here}"),
        )
    });
    super::in_order(&mut steps);
    Stage {
        phase: Phase::Finalize,
        purpose: "remove every trace from the side that is there",
        steps,
        switch: None,
        jobs: None,
        estimate: None,
    }
}

/// The steps that make what a stream consists of, each with a name that is then gone by.
pub(crate) fn made_by_name(online: &Online) -> Vec<(StepId, String)> {
    let reverse = online.reverse_name();
    let names = [
        (prepare_snapshot::PUBLICATION, &online.publication),
        (SNAPSHOT, &online.slot),
        (stream_apply::SUBSCRIBE, &online.subscription),
        (prepare_snapshot::REVERSE_PUBLICATION, &reverse),
        (cutover::REVERSE_SUBSCRIBE, &reverse),
        (cutover::REVERSE_SLOT, &reverse),
    ];
    let named = names.into_iter();
    named
        .map(|(step, name)| (StepId::new(step), name.clone()))
        .collect()
}

/// What a finalize without a side leaves there, a line each.
pub(crate) fn left_by_finalize(plan: &Plan, gone: Side) -> Vec<String> {
    let proof = StepId::new(finalize::PROVE);
    let steps = finalize_steps(plan).filter(|step| step.id != proof);
    left(steps.flat_map(|step| &step.effects), gone)
}

fn finalize_steps(plan: &Plan) -> impl Iterator<Item = &Step> {
    let stage = plan.afterwards(Phase::Finalize);
    stage.into_iter().flat_map(|stage| &stage.steps)
}

fn finalizing(plan: &Plan) -> impl Iterator<Item = &Effect> {
    finalize_steps(plan).flat_map(|step| &step.effects)
}

/// The lines of what needs the side, each once.
fn left<'a>(effects: impl Iterator<Item = &'a Effect>, gone: Side) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in effects.filter(|effect| effect.needs(gone)).flat_map(lines) {
        if !all.contains(&line) {
            all.push(line);
        }
    }
    all
}
