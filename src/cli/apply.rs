//! `pg_dbmigrator apply`: carries the plan out, and shows what happens while it happens.
//! It begins nothing that was not confirmed.

use std::io::IsTerminal;

use clap::Args;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{PlanFile, not_confirmed, print, signals};
use crate::error::{Error, Exit, Result};
use crate::events::{Happened, ProgressEvent};
use crate::migrator::{Migrator, Prepared};
use crate::outcome::MigrationOutcome;
use crate::phases::FOLLOW;
use crate::plan::StepId;
use crate::report::{Lines, Progress, Terminal, bytes, outcome_text, plan_text, wrapped};
use crate::resolve::Online;

/// What a signal does while it streams is not what it does before.
const WHILE_IT_STREAMS: &str =
    "Ctrl+C now CUTS OVER; SIGTERM (kill) leaves, and PostgreSQL goes on replicating";

#[derive(Debug, Args)]
pub(super) struct Apply {
    #[command(flatten)]
    file: PlanFile,
    /// Do not ask for a confirmation
    #[arg(short, long)]
    yes: bool,
    /// Print one JSON line per event; the last one says how it ended
    #[arg(long)]
    json: bool,
    /// Stop here; PostgreSQL replicates on by itself, and apply or cutover go on
    #[arg(long, value_name = "WHEN")]
    until: Option<Until>,
    /// Whether it goes on with a migration for the sake of its cutover, and begins none
    #[arg(skip)]
    for_cutover: bool,
}

/// How far an online migration goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Until {
    /// Until the target has caught up with the source
    CaughtUp,
}

impl Apply {
    pub(super) async fn run(&self) -> Result<Exit> {
        let migrator = self.file.migrator_until(self.until.is_some())?;
        if self.until.is_some() && migrator.resolved().online.is_none() {
            return Err(Error::new(
                Exit::Usage,
                "--until means nothing for an offline migration",
                "Leave it out, or write `mode: online` in the plan.",
            ));
        }
        self.run_with(&migrator).await
    }

    /// The run that `cutover` makes when no other does.
    pub(super) fn for_cutover(file: PlanFile, json: bool) -> Self {
        Self {
            file,
            yes: true,
            json,
            until: None,
            for_cutover: true,
        }
    }

    pub(super) async fn run_with(&self, migrator: &Migrator) -> Result<Exit> {
        super::log::to_stderr_and_file(self.file.verbose, migrator.state())?;
        if self.yes {
            signals::stop_on_signals(migrator);
        }
        let events = migrator.events();
        let watches = !self.for_cutover && self.until.is_none();
        let shown = async {
            match watches {
                true => show_with(self.json, events, Some(WHILE_IT_STREAMS)).await,
                false => show(self.json, events).await,
            }
        };
        let (done, ()) = tokio::join!(self.migrate(migrator), shown);
        let Some(outcome) = done? else {
            return Ok(Exit::Done);
        };
        if self.json {
            return Ok(Exit::Done);
        }
        print::out(&outcome_text(&outcome))?;
        let file = self.file.plan.display().to_string();
        let next = match &migrator.resolved().online {
            Some(online) if outcome.completed.is_none() => replicating(&file, online),
            _ => next(&file, migrator, &outcome),
        };
        print::out(&format!("\n{}", wrapped("Next: ", 6, &next)))
    }

    /// `None` when a human said no.
    async fn migrate(&self, migrator: &Migrator) -> Result<Option<MigrationOutcome>> {
        let done = async {
            let prepared = migrator.prepare().await?;
            if self.for_cutover {
                // Nobody can abort it any more.
                migrator.check_that_it_goes_on()?;
            }
            if let Some(at) = prepared.completed_at().filter(|_| !self.json) {
                let at = at.strftime("%F %T UTC");
                print::out(&format!("Nothing to do: completed at {at}.\n"))?;
            }
            if !self.is_confirmed(migrator, &prepared)? {
                return Ok(None);
            }
            if !self.yes {
                // Not before the question, which Ctrl+C may answer: nothing was changed yet.
                signals::stop_on_signals(migrator);
            }
            prepared.run().await.map(Some)
        };
        let done = done.await;
        if !matches!(done, Ok(Some(_))) {
            migrator.forget_unless_begun().await;
        }
        let is_asked = matches!(&done, Err(error) if error.exit() == Exit::Locked);
        if !(is_asked && self.for_cutover) {
            migrator.tell_end(done.as_ref().map(Option::as_ref));
        }
        migrator.close_events();
        done
    }

    fn is_confirmed(&self, migrator: &Migrator, prepared: &Prepared<'_>) -> Result<bool> {
        if self.yes || prepared.is_complete() {
            return Ok(true);
        }
        print::out(&plan_text(migrator.resolved(), &prepared.preview, false))?;
        let answer = print::ask("\nCarry it out?").ok_or_else(|| not_confirmed("apply"))?;
        if !answer {
            print::out("Nothing was changed.\n")?;
        }
        Ok(answer)
    }
}

/// Shows events until there are no more.
pub(super) async fn show(json: bool, events: UnboundedReceiver<ProgressEvent>) {
    show_with(json, events, None).await;
}

/// Shows events, and what is to be known once it streams.
async fn show_with(json: bool, mut events: UnboundedReceiver<ProgressEvent>, hint: Option<&str>) {
    let mut shown: Box<dyn Progress> = match () {
        () if json => Box::new(Json),
        () if std::io::stdout().is_terminal() => Box::new(Terminal::default()),
        () => Box::new(Lines::new(anstream::stdout())),
    };
    while let Some(event) = events.recv().await {
        shown.show(&event);
        if let Some(hint) = hint.filter(|_| begins_to_stream(&event)) {
            shown.note(hint);
        }
    }
}

fn begins_to_stream(event: &ProgressEvent) -> bool {
    let step = event.step.as_ref().map(StepId::as_str);
    step == Some(FOLLOW) && matches!(event.happened, Happened::StepStarted { .. })
}

fn replicating(file: &str, online: &Online) -> String {
    let limit = bytes(online.retained_wal_bytes);
    format!(
        "PostgreSQL replicates by itself. `pg_dbmigrator cutover {file}` switches to the target, \
         `apply {file}` watches, `abort {file}` takes everything back. Only while an `apply` \
         watches does thresholds.retained_wal ({limit}) protect the source's disk from a target \
         that falls behind: keep one running, or set max_slot_wal_keep_size on the source."
    )
}

fn next(file: &str, migrator: &Migrator, outcome: &MigrationOutcome) -> String {
    let online = migrator.resolved().online.as_ref();
    if online.is_some_and(|online| outcome.cutover_triggered() && !online.cutover.reverse) {
        return format!(
            "the target serves, and there is no way back (`cutover.reverse` is false). \
             `pg_dbmigrator finalize {file}` removes what is left of the stream."
        );
    }
    if outcome.cutover_triggered() {
        return format!(
            "the target serves. `pg_dbmigrator rollback {file}` goes back to the source without \
             losing anything, for which the target keeps its WAL; `finalize {file}` gives up that way \
             back."
        );
    }
    format!("use the target. `pg_dbmigrator finalize {file}` forgets the migration's state.")
}

/// One JSON line per event.
struct Json;

impl Progress for Json {
    fn show(&mut self, event: &ProgressEvent) {
        let _ = print::json(event, true);
    }
}
