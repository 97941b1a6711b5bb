//! Where a migration stands, as text and JSON: what the state directory says, and what somebody else
//! asked the servers. It asks nobody itself.

use std::fmt::Write as _;

use serde::Serialize;

use super::kept_text;
use super::{BOLD, DIM, GREEN, RED, STEP_WIDTH, YELLOW, bytes, counted, wrapped};
use crate::embedded::Listed;
use crate::error::{Exit, Result};
use crate::inspect::{LOST, Standing};
use crate::journal::Status;
use crate::migrator::KeptSnapshot;
use crate::phases::{self, Serving};
use crate::resolve::Resolved;
use crate::side::Side;

/// Where a migration stands.
#[derive(Debug, Serialize)]
pub struct StatusReport {
    /// The version of this form: 1.
    pub version: u32,
    /// The plan's name.
    pub plan: String,
    /// `not_begun`, `running`, `stopped`, `failed`, `aborting` or `complete`; online also
    /// `streaming`, `fenced`, `switched`, `switched_back`.
    pub stands: &'static str,
    /// Whether nothing is left to do but to go back, or to make it final.
    pub complete: bool,
    /// The side that applications can write to; offline, and while neither serves, `null`.
    pub serves: Option<Side>,
    /// Whether a process works on it now.
    pub attached: bool,
    /// The side whose application cannot write, and nothing is decided: the next run opens it.
    pub fenced: Option<Side>,
    /// How the stream stands that runs now.
    pub replication: Option<Standing>,
    /// Why the servers did not say so.
    pub unknown: Option<String>,
    /// The snapshot that is held on the source between two runs of a streamed copy.
    pub snapshot: Option<KeptSnapshot>,
    /// Online, at how much WAL kept for the target an `apply` that watches drops the slot, in
    /// bytes; while none does, the source's own `max_slot_wal_keep_size` is the only limit.
    pub retained_wal_bytes: Option<u64>,
    /// The steps that were started, in the order in which they were done.
    pub steps: Vec<StepReport>,
    /// Why the last run failed, if it did.
    pub failure: Option<String>,
    /// Throwaway servers, by side: `url`, `major`, `running`.
    pub embedded: serde_json::Map<String, serde_json::Value>,
    /// What to run next.
    pub next: String,
}

/// Where a step stands.
#[derive(Debug, Serialize)]
pub struct StepReport {
    /// The step.
    pub step: String,
    /// When it was done, if it was.
    pub done_at: Option<String>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

impl StatusReport {
    /// Puts together what the state directory says; `running` is whether a process holds it.
    pub fn new(
        resolved: &Resolved,
        status: Option<&Status>,
        running: bool,
        servers: &[Listed],
    ) -> Self {
        let stands = stands(resolved, status, running);
        let fenced = status.and_then(|status| match phases::serving(status) {
            Serving::Neither(side) => Some(side),
            Serving::Source | Serving::Target => None,
        });
        let file = resolved.path.display();
        let next = match stands {
            "not_begun" => format!("pg_dbmigrator plan {file}"),
            "running" => format!("pg_dbmigrator status {file}"),
            "aborting" => format!("pg_dbmigrator abort {file}"),
            "complete" => format!("pg_dbmigrator finalize {file}"),
            "switched" => after_the_switch(status, &file.to_string()),
            "switched_back" => format!("pg_dbmigrator rollback {file}"),
            "streaming" => format!("pg_dbmigrator cutover {file}"),
            _ => format!("pg_dbmigrator apply {file}"),
        };
        let mut steps: Vec<_> = status
            .into_iter()
            .flat_map(|status| &status.steps)
            .collect();
        steps.sort_by_key(|(_, step)| (step.done.is_none(), step.done));
        let embedded = servers.iter().map(
            |Listed {
                 server,
                 running,
                 loaded: _,
             }| {
                let url = server.url();
                let value =
                    serde_json::json!({ "url": url, "major": server.major, "running": running });
                (server.side.to_string(), value)
            },
        );
        Self {
            version: 1,
            plan: resolved.name.clone(),
            stands,
            complete: status.is_some_and(|status| status.completed.is_some()),
            serves: status.and_then(|status| serves(resolved, status)),
            attached: running,
            fenced,
            replication: None,
            unknown: None,
            snapshot: None,
            retained_wal_bytes: resolved
                .online
                .as_ref()
                .map(|online| online.retained_wal_bytes),
            failure: status.and_then(|status| status.failure.clone()),
            steps: steps
                .into_iter()
                .map(|(id, step)| StepReport {
                    step: id.to_string(),
                    done_at: step.done.map(|at| at.to_string()),
                    error: step.error.clone(),
                })
                .collect(),
            embedded: embedded.collect(),
            next,
        }
    }

    /// Adds what the servers said of the stream.
    #[must_use]
    pub fn with_standing(self, standing: Result<Option<Standing>>) -> Self {
        match standing {
            Ok(replication) => {
                let lost = replication.as_ref().is_some_and(Standing::is_lost);
                let report = Self {
                    replication,
                    ..self
                };
                if lost { report.over() } else { report }
            }
            Err(error) => {
                let gone = error.exit() == Exit::Undecided;
                let report = Self {
                    unknown: Some(error.to_string()),
                    ..self
                };
                if gone { report.over() } else { report }
            }
        }
    }

    /// A stream that cannot go on before the switch: only a new copy helps.
    fn over(self) -> Self {
        if self.serves == Some(Side::Target) {
            return self;
        }
        let next = ["pg_dbmigrator apply ", "pg_dbmigrator cutover "]
            .iter()
            .fold(self.next.clone(), |next, command| {
                next.replacen(command, "pg_dbmigrator abort ", 1)
            });
        Self { next, ..self }
    }
}

fn stands(resolved: &Resolved, status: Option<&Status>, running: bool) -> &'static str {
    let begun = status.filter(|status| status.begun.is_some());
    let online = resolved.online.is_some();
    match begun {
        Some(status) if matches!(phases::serving(status), Serving::Neither(_)) => "fenced",
        Some(status) if online && phases::serving(status) == Serving::Target => "switched",
        Some(status) if phases::switched_back(status).is_some() => "switched_back",
        Some(status) if phases::is_streaming(status) => "streaming",
        _ if running => "running",
        None => "not_begun",
        Some(status) if status.completed.is_some() => "complete",
        Some(status) if status.aborting => "aborting",
        Some(status) if status.failure.is_some() => "failed",
        Some(_) => "stopped",
    }
}

/// The side that applications can write to.
fn serves(resolved: &Resolved, status: &Status) -> Option<Side> {
    let begun = status.begun.filter(|_| resolved.online.is_some());
    begun.and_then(|_| match phases::serving(status) {
        Serving::Source => Some(Side::Source),
        Serving::Target => Some(Side::Target),
        Serving::Neither(_) => None,
    })
}

/// What is left to do once the target serves.
fn after_the_switch(status: Option<&Status>, file: &str) -> String {
    let begun = status.and_then(phases::begun_afterwards);
    match begun {
        Some(phase) => format!("pg_dbmigrator {} {file}", phase.to_string().to_lowercase()),
        None if status.is_some_and(|status| status.completed.is_none()) => {
            format!("pg_dbmigrator apply {file}")
        }
        None => format!("pg_dbmigrator rollback {file}` or `pg_dbmigrator finalize {file}"),
    }
}

fn heading(report: &StatusReport) -> String {
    let done = report
        .steps
        .iter()
        .filter(|step| step.done_at.is_some())
        .count() as u64;
    let stands = match (report.stands, report.attached) {
        ("streaming", true) => "streaming, watched".to_owned(),
        ("streaming", false) => "streaming by itself".to_owned(),
        (stands, _) => stands.replace('_', " "),
    };
    let serves = report.serves.map(|side| format!(", the {side} serves"));
    let stands = format!("{stands}{}", serves.unwrap_or_default());
    format!(
        "{BOLD}{}{BOLD:#}: {stands}, {} done",
        report.plan,
        counted(done, "step")
    )
}

/// The status on one line, for whoever keeps looking.
pub fn status_line(report: &StatusReport) -> String {
    let mut out = heading(report);
    if let Some(side) = report.fenced {
        let _ = write!(out, "; {RED}the {side} is FENCED{RED:#}");
    }
    if let Some(standing) = &report.replication {
        let behind = bytes(standing.lag_bytes);
        let kept = bytes(standing.retained_bytes);
        let _ = write!(out, "; {behind} behind, {kept} of WAL kept");
        for (is_so, what) in [
            (standing.is_lost(), "the slot is LOST"),
            (!standing.enabled, "the subscription is DISABLED"),
            (!standing.active, "nobody reads the slot"),
        ] {
            if is_so {
                let _ = write!(out, "; {what}");
            }
        }
    }
    out.extend(report.snapshot.iter().map(kept_text::short));
    if report.unknown.is_some() {
        out.push_str("; the servers did not say how the stream stands");
    }
    out.push('\n');
    out
}

/// The status without what is done, for a terminal that is drawn anew.
pub fn status_now(report: &StatusReport) -> String {
    let mut out = heading(report) + "\n";
    let left = report.steps.iter().filter(|step| step.done_at.is_none());
    steps(&mut out, left);
    rest(&mut out, report);
    out
}

/// The status, for people.
pub fn status_text(report: &StatusReport) -> String {
    let mut out = heading(report) + "\n";
    steps(&mut out, report.steps.iter());
    rest(&mut out, report);
    out
}

fn steps<'a>(out: &mut String, steps: impl Iterator<Item = &'a StepReport>) {
    for StepReport {
        step,
        done_at,
        error,
    } in steps
    {
        let _ = match (done_at, error) {
            (Some(at), _) => writeln!(
                out,
                "  {GREEN}done{GREEN:#}  {step:<STEP_WIDTH$} {DIM}{}{DIM:#}",
                to_the_second(at)
            ),
            (None, Some(_)) => writeln!(out, "  {RED}fail{RED:#}  {step}"),
            (None, None) => writeln!(out, "        {step:<STEP_WIDTH$} started"),
        };
    }
}

fn rest(out: &mut String, report: &StatusReport) {
    stream(out, report);
    out.extend(report.snapshot.iter().map(kept_text::long));
    for (side, server) in &report.embedded {
        let running = if server["running"] == true {
            "running"
        } else {
            "stopped"
        };
        let url = server["url"].as_str().unwrap_or_default();
        let _ = writeln!(out, "  embedded {side}, {running}: {url}");
    }
    if let Some(failure) = &report.failure {
        let _ = writeln!(out, "\n{failure}");
    }
    let _ = writeln!(out, "\nNext: `{}`", report.next);
}

/// What an operator wants to know first at three in the morning.
fn stream(out: &mut String, report: &StatusReport) {
    if let Some(side) = report.fenced {
        let now = match report.attached {
            true => "a switch is on its way",
            false => "a switch was cut short; the next run first opens it again, or finishes",
        };
        let _ = writeln!(
            out,
            "\n{RED}The {side} is FENCED{RED:#}: nobody can write. {now}."
        );
    }
    if let Some(standing) = &report.replication {
        let Standing {
            source_lsn: _,
            received_lsn: _,
            applied_lsn,
            lag_bytes,
            retained_bytes,
            enabled,
            active,
            wal_status,
            apply_errors,
        } = standing;
        let text = format!(
            "{} behind, applied to {applied_lsn}; {} of WAL kept, {wal_status}",
            bytes(*lag_bytes),
            bytes(*retained_bytes),
        );
        let _ = write!(out, "\n{}", wrapped("  stream   ", 11, &text));
        if report.serves == Some(Side::Target) {
            let _ = writeln!(
                out,
                "           the target keeps that for the way back, until `pg_dbmigrator finalize`"
            );
        }
        if *wal_status == LOST {
            let _ = writeln!(
                out,
                "  {RED}stream   the slot is LOST: the other side cannot catch up any more{RED:#}"
            );
        } else if !enabled {
            let _ = writeln!(out, "  {RED}stream   the subscription is DISABLED{RED:#}");
        } else if !active {
            let failed = match apply_errors {
                0 => String::new(),
                _ => format!("; applying failed {}", counted(*apply_errors, "time")),
            };
            let _ = writeln!(
                out,
                "  {YELLOW}stream   nobody reads the slot now{failed}{YELLOW:#}"
            );
        }
    }
    watched(out, report);
    if let Some(unknown) = &report.unknown {
        let _ = writeln!(
            out,
            "\nThe servers did not say how the stream stands:\n{unknown}"
        );
    }
}

/// What protects the source's disk, where nothing does.
fn watched(out: &mut String, report: &StatusReport) {
    if report.stands == "streaming"
        && !report.attached
        && let Some(limit) = report.retained_wal_bytes
    {
        let text = format!(
            "by nobody: thresholds.retained_wal ({}) protects the source's disk only while an \
             `apply` watches. Keep one running, or set max_slot_wal_keep_size on the source.",
            bytes(limit)
        );
        out.push_str(&wrapped("  watched  ", 11, &text));
    }
}

/// `2026-01-31T12:00:00.123Z` as `2026-01-31 12:00:00 UTC`.
fn to_the_second(at: &str) -> String {
    let second = at.split_once('.').map_or(at, |(second, _)| second);
    format!("{} UTC", second.trim_end_matches('Z').replace('T', " "))
}
