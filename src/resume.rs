//! Which steps a later run has to do again: those that were cut short, and all that stands on them.
//! It takes nothing back, and asks nobody.

use std::collections::BTreeSet;

use crate::journal::Status;
use crate::plan::{IfInterrupted, Plan, Stage, Step, StepId, Switch};

/// The steps to be taken back, where they were begun, before the plan is carried on: whatever a
/// killed run was about to take back is among them. Every question of a step that is in doubt has
/// been answered, and was answered with no. `held` says that the session outlived its run which steps
/// are under.
pub(crate) fn to_be_redone(plan: &Plan, status: &Status, held: bool) -> BTreeSet<StepId> {
    let mut again = status.taking_back.clone();
    for step in plan.steps().filter(|step| status.is_interrupted(&step.id)) {
        again.insert(step.id.clone());
        if let IfInterrupted::RedoFrom(from) = &step.if_interrupted {
            again.insert(from.clone());
        }
    }
    for stage in &plan.stages {
        if is_undecided(stage, status) {
            again.extend(stage.steps.iter().map(|step| step.id.clone()));
        }
    }
    let stays = decided(plan, status);
    loop {
        let known = again.len();
        add_dependents(plan, &mut again);
        if !held {
            add_holders(plan, status, &mut again);
        }
        again.retain(|id| !stays.contains(id));
        add_later_stages(plan, status, &mut again);
        again.retain(|id| !stays.contains(id));
        if again.len() == known {
            return again;
        }
    }
}

/// The steps up to the end of a switch that was decided. Applications may have written to the other
/// side since: a step of them that was cut short is done again as it is, and none is taken back.
fn decided(plan: &Plan, status: &Status) -> BTreeSet<StepId> {
    let begun = |switch: &Switch| status.steps.contains_key(&switch.decided_by);
    let stages = plan.stages.iter().rev();
    let past = stages.skip_while(|stage| !stage.switch.as_ref().is_some_and(begun));
    let steps = past.flat_map(|stage| &stage.steps);
    steps.map(|step| step.id.clone()).collect()
}

/// The steps of a stage in the order in which they are taken back: last first, but what holds up
/// the application before all others.
pub(crate) fn backwards(stage: &Stage) -> impl Iterator<Item = &Step> {
    let holds_up = |step: &&Step| {
        let switch = stage.switch.as_ref();
        switch.is_some_and(|switch| step.id == switch.fence || step.id == switch.from)
    };
    let (first, rest): (Vec<_>, Vec<_>) = stage.steps.iter().rev().partition(holds_up);
    first.into_iter().chain(rest)
}

/// What a run that was cut short left closed, with nothing decided: its stage, and the steps to be
/// taken back at once.
pub(crate) fn left_closed<'p>(
    plan: &'p Plan,
    status: &Status,
) -> Option<(&'p Stage, BTreeSet<StepId>)> {
    let stages = plan.stages.iter().chain(&plan.afterwards);
    let mut stages = stages.filter(|stage| is_undecided(stage, status));
    stages.find_map(|stage| {
        let switch = stage.switch.as_ref()?;
        let closing = [&switch.fence, &switch.from].into_iter();
        let closing = closing.filter(|id| status.steps.contains_key(id));
        let closing: BTreeSet<StepId> = closing.cloned().collect();
        (!closing.is_empty()).then_some((stage, closing))
    })
}

/// Whether a stage that is one decision was begun, and nothing was decided: it held up the
/// application for nobody knows how long.
pub(crate) fn is_undecided(stage: &Stage, status: &Status) -> bool {
    let begun = |id: &StepId| status.steps.contains_key(id);
    let switch = stage.switch.as_ref();
    switch.is_some_and(|switch| {
        !begun(&switch.decided_by) && stage.steps.iter().any(|step| begun(&step.id))
    })
}

/// Steps that watch, and are done: a run watches again, unless a later phase has begun.
pub(crate) fn to_be_watched(plan: &Plan, status: &Status) -> Vec<StepId> {
    let begun = |stage: &Stage| {
        let mut ids = stage.steps.iter().map(|step| &step.id);
        ids.any(|id| status.steps.contains_key(id))
    };
    let mut later_begun = false;
    let mut again = Vec::new();
    for stage in plan.stages.iter().rev() {
        let standing = stage.steps.iter().filter(|step| step.standing);
        if !later_begun {
            let done = standing.filter(|step| status.is_done(&step.id));
            again.extend(done.map(|step| step.id.clone()));
        }
        later_begun |= begun(stage);
    }
    again
}

/// What waits for a step starts over with it, and so does what needs its session.
fn add_dependents(plan: &Plan, again: &mut BTreeSet<StepId>) {
    for step in plan.steps() {
        let mut stands_on = step.after.iter().chain(&step.under);
        if stands_on.any(|id| again.contains(id)) {
            again.insert(step.id.clone());
        }
    }
}

/// What needs a session has it made anew, which died with the earlier run.
fn add_holders(plan: &Plan, status: &Status, again: &mut BTreeSet<StepId>) {
    for step in plan.steps() {
        if let Some(holder) = &step.under
            && (!status.is_done(&step.id) || again.contains(&step.id))
        {
            again.insert(holder.clone());
        }
    }
}

/// What an earlier phase did again, every later phase has to do again.
fn add_later_stages(plan: &Plan, status: &Status, again: &mut BTreeSet<StepId>) {
    let begun = |id: &StepId| status.steps.contains_key(id);
    let mut stages = plan.stages.iter();
    let redone = stages.find(|stage| {
        let mut ids = stage.steps.iter().map(|step| &step.id);
        ids.any(|id| begun(id) && again.contains(id))
    });
    if redone.is_some() {
        let later = stages.flat_map(|stage| &stage.steps);
        again.extend(later.map(|step| step.id.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::StepStatus;
    use crate::plan::Phase;

    fn step(id: &str, after: &[&str], under: Option<&str>) -> Step {
        Step {
            id: StepId::new(id),
            summary: String::new(),
            after: after.iter().copied().map(StepId::new).collect(),
            under: under.map(StepId::new),
            effects: Vec::new(),
            if_interrupted: IfInterrupted::RedoFrom(StepId::new(id)),
            undo: Vec::new(),
            goes_with: None,
            standing: false,
        }
    }

    fn plan(stages: [Vec<Step>; 2]) -> Plan {
        let stage = |(phase, steps)| Stage {
            phase,
            purpose: "",
            steps,
            switch: None,
            jobs: None,
            estimate: None,
        };
        Plan {
            name: String::new(),
            stages: Phase::ALL.into_iter().zip(stages).map(stage).collect(),
            afterwards: Vec::new(),
            left_behind: Vec::new(),
        }
    }

    /// A step that is marked with `!` was started and not done.
    fn again(plan: &Plan, begun: &[&str]) -> Vec<String> {
        let again = to_be_redone(plan, &status(begun), false);
        again.iter().map(ToString::to_string).collect()
    }

    fn status(begun: &[&str]) -> Status {
        let mut status = Status::default();
        for id in begun {
            let step = StepStatus {
                started: jiff::Timestamp::default(),
                done: (!id.ends_with('!')).then(jiff::Timestamp::default),
                lines: Vec::new(),
                output: serde_json::Value::Null,
                warnings: Vec::new(),
                error: None,
            };
            let id = StepId::new(id.trim_end_matches('!'));
            status.steps.insert(id, step);
        }
        status
    }

    #[test]
    fn a_step_that_starts_over_takes_along_what_stands_on_it_and_no_neighbour() {
        let mut index = step("index.a", &["table.a"], None);
        index.if_interrupted = IfInterrupted::RedoFrom(StepId::new("table.a"));
        let plan = plan([
            vec![
                step("table.a", &[], None),
                step("table.b", &[], None),
                index,
                step("key.a", &["index.a"], None),
            ],
            vec![],
        ]);
        let redone = again(&plan, &["table.a", "table.b", "index.a!", "key.a"]);
        assert_eq!(redone, ["index.a", "key.a", "table.a"]);
        assert!(again(&plan, &["table.a", "table.b"]).is_empty());
    }

    #[test]
    fn a_session_that_is_needed_again_takes_along_all_that_stood_on_it() {
        let plan = plan([
            vec![step("snapshot", &[], None)],
            vec![
                step("dump", &[], Some("snapshot")),
                step("measure", &[], Some("snapshot")),
            ],
        ]);
        let redone = again(&plan, &["snapshot", "dump", "measure!"]);
        assert_eq!(redone, ["dump", "measure", "snapshot"]);
        assert!(again(&plan, &["snapshot", "dump", "measure"]).is_empty());
    }

    #[test]
    fn what_was_about_to_be_taken_back_is_taken_back_though_nothing_is_interrupted_any_more() {
        let mut restore = step("restore", &["closed"], None);
        restore.if_interrupted = IfInterrupted::RedoFrom(StepId::new("database"));
        let plan = plan([
            vec![
                step("role", &[], None),
                step("database", &["role"], None),
                step("closed", &["database"], None),
                restore,
            ],
            vec![],
        ]);
        let mut status = status(&["role", "database", "closed", "restore!"]);
        let all = to_be_redone(&plan, &status, true);
        assert_eq!(all.len(), 3);
        status.taking_back = all;
        for id in ["restore", "closed"] {
            status.steps.remove(&StepId::new(id));
            status.taking_back.remove(&StepId::new(id));
        }
        let rest = to_be_redone(&plan, &status, true);
        assert!(rest.contains(&StepId::new("database")) && !rest.contains(&StepId::new("role")));
    }

    #[test]
    fn a_session_that_outlived_its_run_is_used_again() {
        let plan = plan([
            vec![step("snapshot", &[], None)],
            vec![
                step("copy", &[], Some("snapshot")),
                step("measure", &[], Some("snapshot")),
            ],
        ]);
        let begun = status(&["snapshot", "copy", "measure!"]);
        let again = to_be_redone(&plan, &begun, true);
        assert_eq!(again, [StepId::new("measure")].into());
        let begun = status(&["snapshot!", "copy", "measure"]);
        assert_eq!(to_be_redone(&plan, &begun, true).len(), 3);
    }

    #[test]
    fn a_phase_that_starts_over_takes_along_the_phases_after_it() {
        let plan = plan([
            vec![step("restore", &[], None)],
            vec![step("verify", &[], None)],
        ]);
        assert_eq!(again(&plan, &["restore!", "verify"]), ["restore", "verify"]);
        assert_eq!(again(&plan, &["restore", "verify!"]), ["verify"]);
    }

    #[test]
    fn a_switch_that_was_not_decided_is_taken_back_as_a_whole() {
        let mut plan = plan([
            vec![step("fence", &[], None), step("drain", &["fence"], None)],
            vec![],
        ]);
        plan.stages[0].steps.push(step("open", &["drain"], None));
        plan.stages[0].steps.push(step("hooks", &["open"], None));
        plan.stages[0].switch = Some(Switch {
            deadline: std::time::Duration::ZERO,
            from: StepId::new("fence"),
            fence: StepId::new("fence"),
            decided_by: StepId::new("open"),
        });
        assert!(again(&plan, &["fence", "drain"]).contains(&"fence".to_owned()));
        let order: Vec<&str> = backwards(&plan.stages[0]).map(|s| s.id.as_str()).collect();
        assert_eq!(order, ["fence", "hooks", "open", "drain"]);
    }

    #[test]
    fn of_a_switch_that_was_decided_nothing_is_ever_taken_back() {
        let mut plan = plan([
            vec![step("copy", &[], None)],
            vec![step("fence", &[], None), step("open", &["fence"], None)],
        ]);
        plan.stages[1].switch = Some(Switch {
            deadline: std::time::Duration::ZERO,
            from: StepId::new("fence"),
            fence: StepId::new("fence"),
            decided_by: StepId::new("open"),
        });
        assert!(again(&plan, &["copy", "fence", "open!"]).is_empty());
        assert!(left_closed(&plan, &status(&["copy", "fence", "open!"])).is_none());
        let (_, closed) = left_closed(&plan, &status(&["copy", "fence!"])).expect("it is closed");
        assert_eq!(closed, [StepId::new("fence")].into());
    }

    #[test]
    fn a_standing_step_is_performed_anew_until_a_later_phase_has_begun() {
        let mut plan = plan([
            vec![step("follow", &[], None)],
            vec![step("fence", &[], None)],
        ]);
        plan.stages[0].steps[0].standing = true;
        let watched = |begun: &[&str]| to_be_watched(&plan, &status(begun)).len();
        assert_eq!(watched(&["follow"]), 1);
        assert_eq!(watched(&["follow", "fence!"]), 0);
        assert_eq!(watched(&[]), 0);
    }
}
