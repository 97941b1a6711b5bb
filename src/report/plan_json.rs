//! A plan as JSON, for programs. The form is versioned: a field's meaning never changes.

use serde_json::{Value, json};

use super::formats::{Form, formats};
use super::on_the_source;
use crate::effect::lines;
use crate::migrator::Preview;
use crate::plan::{Plan, Stage, Step, Switch};
use crate::preflight::Finding;
use crate::resolve::Resolved;

/// The version of the JSON form of a plan.
pub const PLAN_VERSION: u32 = 1;

/// The plan, for programs:
///
/// - `version`: [`PLAN_VERSION`]; `name`: the plan's name;
/// - `source`, `target`: `database`, `place`, `version`, `role`, and on the source `bytes`;
/// - `findings`: each with `level` (`refusal`, `warning`, `note`), `id`, `what`, `next`;
/// - `on_the_source`: what the source and its applications will notice, each a sentence;
/// - `formats`: of every table whose rows are streamed, `table`, `format` (`binary`, `text`) and
///   `because`, what decided that; empty where a dump carries them;
/// - `left_behind`: what is not migrated, each a sentence;
/// - `stages`: each with `phase`, `purpose` and `steps`; a step has `id`, `summary`, `after` (ids
///   it waits for), `lines` (what is sent or run, as `--show-sql` prints it) and `done`; `switch`
///   is `null`, or says that the stage is done as a whole or not at all: `deadline_secs`, counted
///   from the step `from`, until the step `decided_by`; `fence` closes the side that serves;
///   `jobs` is how many steps run at the same time, where that is limited; `estimated_seconds` is
///   how long it takes on a machine like the one that the rates were measured on, or `null`;
/// - `afterwards`: stages of the same form, each done by a command of its own.
pub fn plan_json(resolved: &Resolved, preview: &Preview) -> Value {
    let Preview {
        plan,
        facts,
        findings,
        status,
    } = preview;
    let is_done = |step: &Step| {
        status
            .as_ref()
            .is_some_and(|status| status.is_done(&step.id))
    };
    let (source, target) = (&facts.source, &facts.target);
    json!({
        "version": PLAN_VERSION,
        "name": plan.name,
        "source": {
            "database": source.database.name,
            "place": source.server.place,
            "version": source.server.version,
            "role": source.server.role.name,
            "bytes": source.database.bytes,
        },
        "target": {
            "database": target.database_name,
            "place": target.server.place,
            "version": target.server.version,
            "role": target.server.role.name,
        },
        "findings": findings.iter().map(finding_json).collect::<Vec<_>>(),
        "on_the_source": on_the_source::sentences(plan, resolved.online.as_ref()),
        "formats": formats_json(plan),
        "left_behind": plan.left_behind,
        "stages": plan.stages.iter().map(|stage| stage_json(stage, is_done)).collect::<Vec<_>>(),
        "afterwards":
            plan.afterwards.iter().map(|stage| stage_json(stage, is_done)).collect::<Vec<_>>(),
    })
}

fn stage_json(stage: &Stage, is_done: impl Fn(&Step) -> bool) -> Value {
    let Stage {
        phase,
        purpose,
        steps,
        switch,
        jobs,
        estimate,
    } = stage;
    let steps = steps.iter().map(|step| {
        json!({
            "id": step.id,
            "summary": step.summary,
            "after": step.after,
            "lines": step.effects.iter().flat_map(lines).collect::<Vec<_>>(),
            "done": is_done(step),
        })
    });
    let switch = switch.as_ref().map(|switch| {
        let Switch {
            deadline,
            from,
            fence,
            decided_by,
        } = switch;
        json!({
            "deadline_secs": deadline.as_secs_f64(),
            "from": from,
            "fence": fence,
            "decided_by": decided_by,
        })
    });
    json!({
        "phase": phase,
        "purpose": purpose,
        "steps": steps.collect::<Vec<_>>(),
        "switch": switch,
        "jobs": jobs,
        "estimated_seconds": estimate.map(|estimate| estimate.as_secs_f64()),
    })
}

fn formats_json(plan: &Plan) -> Vec<Value> {
    let forms = formats(plan).into_iter();
    let json = |(table, Form { format, because })| json!({ "table": table, "format": format.word(), "because": because });
    forms.map(json).collect()
}

fn finding_json(finding: &Finding) -> Value {
    let Finding {
        level,
        id,
        what,
        next,
    } = finding;
    json!({ "level": level.to_string(), "id": id, "what": what, "next": next })
}
