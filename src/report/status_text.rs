//! Where a migration stands, as text and JSON: what the state directory says.
//! It asks no server.

use std::fmt::Write as _;

use serde::Serialize;

use super::{BOLD, DIM, GREEN, RED, STEP_WIDTH, counted};
use crate::embedded::Listed;
use crate::journal::Status;
use crate::resolve::Resolved;

/// Where a migration stands.
#[derive(Debug, Serialize)]
pub struct StatusReport {
    /// The version of this form: 1.
    pub version: u32,
    /// The plan's name.
    pub plan: String,
    /// `not_begun`, `running`, `stopped`, `failed`, `aborting` or `complete`.
    pub stands: &'static str,
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
        let stands = stands(status, running);
        let file = resolved.path.display();
        let next = match stands {
            "not_begun" => format!("pg_dbmigrator plan {file}"),
            "running" => format!("pg_dbmigrator status {file}"),
            "aborting" => format!("pg_dbmigrator abort {file}"),
            "complete" => format!("pg_dbmigrator finalize {file}"),
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
}

fn stands(status: Option<&Status>, running: bool) -> &'static str {
    let begun = status.filter(|status| status.begun.is_some());
    match begun {
        _ if running => "running",
        None => "not_begun",
        Some(status) if status.completed.is_some() => "complete",
        Some(status) if status.aborting => "aborting",
        Some(status) if status.failure.is_some() => "failed",
        Some(_) => "stopped",
    }
}

/// The status, for people.
pub fn status_text(report: &StatusReport) -> String {
    let mut out = String::new();
    let done = report
        .steps
        .iter()
        .filter(|step| step.done_at.is_some())
        .count() as u64;
    let stands = report.stands.replace('_', " ");
    let _ = writeln!(
        out,
        "{BOLD}{}{BOLD:#}: {stands}, {} done",
        report.plan,
        counted(done, "step")
    );
    for StepReport {
        step,
        done_at,
        error,
    } in &report.steps
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
    out
}

/// `2026-01-31T12:00:00.123Z` as `2026-01-31 12:00:00 UTC`.
fn to_the_second(at: &str) -> String {
    let second = at.split_once('.').map_or(at, |(second, _)| second);
    format!("{} UTC", second.trim_end_matches('Z').replace('T', " "))
}
