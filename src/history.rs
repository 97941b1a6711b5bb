//! What was done is held against what the plan says now: the past cannot be edited, the future can.
//! It changes nothing; it only refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::effect::lines;
use crate::error::{Error, Result};
use crate::journal::{Status, StepStatus};
use crate::phases;
use crate::plan::{Phase, Plan, Step, StepId};
use crate::postgres::{quote_identifier, quote_literal};
use crate::report::some_of;
use crate::resolve::Resolved;
use crate::secret::redact;
use crate::side::Side;

/// Refuses a plan whose lines differ from those that were started under it.
///
/// # Errors
/// [`crate::error::Exit::Refused`], with each step's lines as they were and as they are now.
pub(crate) fn check(plan: &Plan, status: &Status) -> Result<()> {
    // Once a switch is made there is only one way, forward: what could not be done as it was
    // written, such as a hook with a typo, may be written otherwise, or not at all.
    // A key may have been set for that one run, such as `--set cutover.accept_drift=true`.
    let may_change = |id: &StepId, was: &StepStatus| {
        phases::binds_nothing(id) || was.done.is_none() && phases::is_past(status, id)
    };
    let begun = status.steps.iter();
    let begun = begun.filter(|(id, was)| !may_change(id, was));
    let changed = differences(plan, begun);
    if changed.is_empty() {
        return Ok(());
    }
    let next = if status.completed.is_some() {
        "Undo the edit: the migration is complete. To migrate anew, run `pg_dbmigrator finalize` \
         first, which forgets it."
    } else if phases::is_switched(status) {
        "Undo the edit and run the same command again: the switch is made."
    } else {
        "Undo the edit and run the same command again, or start over with `pg_dbmigrator abort`."
    };
    let what = "the plan was edited where it has already been carried out";
    let error = Error::refused(what, next);
    Err(changed.into_iter().fold(error, Error::because))
}

/// Refuses a plan whose lines for these steps differ from those that they were started with.
///
/// # Errors
/// [`crate::error::Exit::Refused`], with each step's lines as they were and as they are now.
pub(crate) fn check_steps(plan: &Plan, status: &Status, which: &BTreeSet<StepId>) -> Result<()> {
    let begun = status.steps.iter().filter(|(id, _)| which.contains(id));
    let changed = differences(plan, begun);
    if changed.is_empty() {
        return Ok(());
    }
    let what = "the plan was edited where it has already been carried out";
    let error = Error::refused(what, "Undo the edit.");
    Err(changed.into_iter().fold(error, Error::because))
}

/// The steps whose lines are others now. A step without lines that is gone changed nothing.
fn differences<'a>(
    plan: &Plan,
    begun: impl Iterator<Item = (&'a StepId, &'a StepStatus)>,
) -> Vec<String> {
    let planned: BTreeMap<&StepId, &Step> = plan.steps().map(|step| (&step.id, step)).collect();
    let changed = begun.filter_map(|(id, was)| {
        let now = planned.get(id).copied().map(step_lines);
        let differs = now.as_deref().unwrap_or_default() != was.lines.as_slice();
        differs.then(|| was_and_now(id.as_str(), &was.lines, now.as_deref()))
    });
    changed.collect()
}

/// Refuses to take back with a plan that does not know every step that was started. How a step
/// was done may have changed, by an edit or another version: what takes it back goes by the facts.
///
/// # Errors
/// [`crate::error::Exit::Refused`], with the steps.
pub(crate) fn check_undo(plan: &Plan, status: &Status) -> Result<()> {
    let planned: BTreeSet<&StepId> = plan.steps().map(|step| &step.id).collect();
    let started = status.steps.keys();
    let unknown: Vec<&str> = started
        .filter(|id| !planned.contains(id) && !phases::binds_nothing(id))
        .map(StepId::as_str)
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Error::refused(
        format!(
            "the plan does not have steps that were started: {}",
            some_of(&unknown, 10)
        ),
        "Undo the edit that took them out of the plan, then run `pg_dbmigrator abort` again.",
    ))
}

/// Refuses to remove what a stream is made of by other names than it was made with: it would stay, and a
/// slot keeps the WAL of its server for ever.
///
/// # Errors
/// [`crate::error::Exit::Refused`], with the steps and the names.
pub(crate) fn check_names(resolved: &Resolved, status: &Status) -> Result<()> {
    let Some(online) = &resolved.online else {
        return Ok(());
    };
    let names = phases::made_by_name(online).into_iter();
    let unlike = names.filter(|(step, name)| {
        let says = |line: &String| {
            let quoted = [quote_identifier(name), quote_literal(name)];
            quoted.iter().any(|name| line.contains(name.as_str()))
        };
        let was = status.steps.get(step);
        was.is_some_and(|was| !was.lines.iter().any(says))
    });
    let unlike: Vec<String> = unlike
        .map(|(step, name)| format!("step {step} made nothing of the name {name}"))
        .collect();
    if unlike.is_empty() {
        return Ok(());
    }
    let error = Error::refused(
        "the names of what this migration made were changed in the plan",
        "Undo the edit, then run the same command again.",
    );
    Err(unlike.into_iter().fold(error, Error::because))
}

/// Refuses to go on with a migration that went on to something else than `phase`.
///
/// # Errors
/// [`crate::error::Exit::Refused`], with the command that goes on.
pub(crate) fn check_afterwards(plan: &Path, status: &Status, phase: Option<Phase>) -> Result<()> {
    let begun = phases::begun_afterwards(status).filter(|begun| Some(*begun) != phase);
    let Some(begun) = begun else {
        return Ok(());
    };
    let command = begun.to_string().to_lowercase();
    Err(Error::refused(
        format!("a {command} of this migration began and did not end"),
        format!("Run `pg_dbmigrator {command} {}`.", plan.display()),
    ))
}

/// The refusal to go on with an abort as if it had been one of both sides: what it passed over on the
/// side that was gone, it will not come back to.
pub(crate) fn aborting_without(plan: &Path, gone: Side) -> Error {
    Error::refused(
        format!("an abort without the {gone} began, and did not end"),
        format!(
            "Run `pg_dbmigrator abort --without {gone} {}`: it goes on, and says what is left on \
             the {gone}.",
            plan.display()
        ),
    )
}

/// The refusal to take back a migration that is complete.
pub(crate) fn complete(plan: &Path) -> Error {
    Error::refused(
        "the migration is complete: taking it back would remove the migrated database",
        format!(
            "To forget its state and stop its throwaway servers, run `pg_dbmigrator finalize {}`. \
             To remove the migrated database, drop it by hand.",
            plan.display()
        ),
    )
}

/// The refusal to take back what applications may write to by now.
pub(crate) fn switched(plan: &Path, reverse: bool) -> Error {
    let plan = plan.display();
    let next = match reverse {
        true => format!(
            "Run `pg_dbmigrator rollback {plan}` to go back to the source without losing anything; \
             after that `abort` can."
        ),
        false => format!(
            "There is no way back (`cutover.reverse` is false): `pg_dbmigrator finalize {plan}` \
             removes what was made for the stream."
        ),
    };
    Error::refused(
        "the switch to the target is made: taking the migration back would remove what was written \
         there since",
        format!("Run `pg_dbmigrator apply {plan}` if it was cut short. {next}"),
    )
}

/// The refusal to finalize a migration that is not complete.
pub(crate) fn incomplete(plan: &Path) -> Error {
    Error::refused(
        "the migration is not complete",
        format!(
            "Run `pg_dbmigrator apply {0}` to complete it, or `pg_dbmigrator abort {0}` to take \
             it back.",
            plan.display()
        ),
    )
}

/// As the journal keeps them: a word of them may happen to be a password.
fn step_lines(step: &Step) -> Vec<String> {
    let lines = step.effects.iter().flat_map(lines);
    lines.map(|line| redact(&line).into_owned()).collect()
}

/// Only the lines that differ: a restore may have hundreds that do not.
fn was_and_now(step: &str, was: &[String], now: Option<&[String]>) -> String {
    let mut text = format!("step {step}");
    let Some(now) = now else {
        text.push_str("\n  was: in the plan\n  now: not in the plan");
        return text;
    };
    for line in was.iter().filter(|line| !now.contains(line)) {
        text.push_str(&format!("\n  was: {line}"));
    }
    for line in now.iter().filter(|line| !was.contains(line)) {
        text.push_str(&format!("\n  now: {line}"));
    }
    text
}
