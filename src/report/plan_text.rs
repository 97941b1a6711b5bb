//! A plan as text: who is who, what was found, what will be done, and what to run next.
//! The lines it prints for a step are the lines that `apply` performs, never a paraphrase.

use std::fmt::Write as _;
use std::time::Duration;

use super::wrap::wrapped;
use super::{BOLD, DIM, GREEN, RED, STEP_WIDTH, YELLOW, bytes, counted, roughly, singular};
use super::{formats, on_the_source};
use crate::effect::lines;
use crate::inspect::{Facts, RelationKind, Server};
use crate::migrator::Preview;
use crate::plan::{Stage, Step};
use crate::preflight::{Finding, Level};
use crate::resolve::Resolved;
use crate::spec::{Method, Mode, Scope};

/// What estimates are true of: `estimate/rates.rs`.
const ESTIMATED_FOR: &str = "for two cores that all share, and disks that hold nothing up";

/// The plan, for people. `sql` shows every statement and command line.
pub fn plan_text(resolved: &Resolved, preview: &Preview, sql: bool) -> String {
    let Preview {
        plan,
        facts,
        findings,
        status,
    } = preview;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{BOLD}Plan {}{BOLD:#}: {}\n",
        plan.name,
        headline(resolved)
    );
    who_is_who(&mut out, facts);
    for set in &resolved.set {
        let _ = writeln!(out, "  {YELLOW}set     {set} (by --set){YELLOW:#}");
    }
    out.push_str(&wrapped("  found   ", 10, &what_was_found(facts)));
    let on_the_source = on_the_source::sentences(plan, resolved.online.as_ref());
    list(&mut out, "On the source", &on_the_source);
    list(&mut out, "Not migrated", &plan.left_behind);
    show_findings(&mut out, findings);
    if sql {
        list(&mut out, "Copied as text", &formats::as_text(plan));
    }
    // What is done by commands of their own is shown in full where everything is.
    let afterwards = if sql { &plan.afterwards[..] } else { &[] };
    let stages = plan.stages.iter().chain(afterwards);
    for Stage {
        phase,
        purpose,
        steps,
        switch: _,
        jobs: _,
        estimate: _,
    } in stages
    {
        let _ = writeln!(out, "\n{BOLD}{phase}{BOLD:#}  {DIM}{purpose}{DIM:#}");
        for step in steps {
            let done = status
                .as_ref()
                .is_some_and(|status| status.is_done(&step.id));
            show_step(&mut out, step, done, sql);
        }
    }
    if !sql {
        show_afterwards(&mut out, &plan.afterwards);
    }
    show_estimates(&mut out, &plan.stages);
    out.push('\n');
    out.push_str(&next(resolved, preview));
    out
}

/// How long the phases take, a line each.
fn show_estimates(out: &mut String, stages: &[Stage]) {
    let busy = stages.iter().filter(|stage| !stage.steps.is_empty());
    let _ = writeln!(out, "\n{BOLD}Estimate{BOLD:#}  {DIM}{ESTIMATED_FOR}{DIM:#}");
    let mut line = |name: &str, time: &str| {
        let _ = writeln!(out, "        {name:<STEP_WIDTH$} {time}");
    };
    let mut all = Duration::ZERO;
    for stage in busy {
        let time = stage.estimate.map(|time| roughly(time.as_secs_f64()));
        let lasts = || "until the cutover".to_owned();
        line(&stage.phase.to_string(), &time.unwrap_or_else(lasts));
        all += stage.estimate.unwrap_or_default();
    }
    line("in all", &roughly(all.as_secs_f64()));
}

/// What can be done once it is complete, a line each.
fn show_afterwards(out: &mut String, stages: &[Stage]) {
    if stages.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{BOLD}Afterwards, by commands of their own{BOLD:#}");
    for stage in stages {
        let command = stage.phase.to_string().to_lowercase();
        let title = format!("        {command:<STEP_WIDTH$} ");
        let text = format!(
            "{}: {}",
            stage.purpose,
            counted(stage.steps.len() as u64, "step")
        );
        out.push_str(&wrapped(&title, STEP_WIDTH + 9, &text));
    }
}

fn headline(resolved: &Resolved) -> String {
    let mode = match resolved.mode {
        Mode::Offline => "an offline copy",
        Mode::Online => "an online migration, copied",
    };
    let method = match resolved.copy.method {
        Method::Dump => "by pg_dump and pg_restore",
        Method::Stream => "by streaming",
    };
    let scope = match resolved.copy.scope {
        Scope::All => "",
        Scope::Schema => ", structure alone",
        Scope::Data => ", rows alone",
    };
    format!("{mode} {method}{scope}, {} at a time", resolved.copy.jobs)
}

fn who_is_who(out: &mut String, facts: &Facts) {
    let (source, target) = (&facts.source, &facts.target);
    let size = bytes(source.database.bytes);
    let state = match &target.database {
        None => "to be created",
        Some(database) if database.object_count == 0 => "there and empty",
        Some(_) => "not empty",
    };
    let source_end = end(&source.database.name, &source.server, &size);
    let target_end = end(&target.database_name, &target.server, state);
    out.push_str(&wrapped("  source  ", 10, &source_end));
    out.push_str(&wrapped("  target  ", 10, &target_end));
}

fn end(database: &str, server: &Server, note: &str) -> String {
    format!(
        "{database} at {}\nPostgreSQL {}, {note}, connected as {}",
        server.place, server.version, server.role.name
    )
}

fn what_was_found(facts: &Facts) -> String {
    let source = &facts.source;
    let kinds = [
        (RelationKind::Table, "table"),
        (RelationKind::PartitionedTable, "partitioned table"),
        (RelationKind::View, "view"),
        (RelationKind::MaterializedView, "materialized view"),
        (RelationKind::ForeignTable, "foreign table"),
        (RelationKind::Sequence, "sequence"),
    ];
    let of_kind = |kind| source.relations.iter().filter(|r| r.kind == kind).count() as u64;
    let mut counts: Vec<(u64, &str)> = kinds
        .into_iter()
        .map(|(kind, noun)| (of_kind(kind), noun))
        .collect();
    counts.push((source.large_objects.count, "large object"));
    counts.push((source.extensions.len() as u64, "extension"));
    let noun = |kind: &str| singular(kind).replace('_', " ");
    let others: Vec<(u64, String)> = source
        .object_counts
        .iter()
        .map(|(kind, count)| (*count, noun(kind)))
        .collect();
    counts.extend(others.iter().map(|(count, noun)| (*count, noun.as_str())));
    let found: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| counted(count, noun))
        .collect();
    if found.is_empty() {
        "nothing".to_owned()
    } else {
        found.join(", ")
    }
}

fn list(out: &mut String, title: &str, sentences: &[String]) {
    if sentences.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{BOLD}{title}{BOLD:#}");
    for sentence in sentences {
        out.push_str(&wrapped("  - ", 4, sentence));
    }
}

fn show_findings(out: &mut String, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{BOLD}Findings{BOLD:#}");
    for Finding {
        level,
        id: _,
        what,
        next,
    } in findings
    {
        let (style, word) = match level {
            Level::Refusal => (RED, "refused"),
            Level::Warning => (YELLOW, "warning"),
            Level::Note => (DIM, "note"),
        };
        out.push_str(&wrapped(&format!("  {style}{word:<8}{style:#}"), 10, what));
        out.push_str(&wrapped("          next: ", 16, next));
    }
}

fn show_step(out: &mut String, step: &Step, done: bool, sql: bool) {
    let mark = if done { "done" } else { "" };
    let id = step.id.as_str();
    let mut title = format!("  {GREEN}{mark:<4}{GREEN:#}  {id:<STEP_WIDTH$} ");
    if id.len() > STEP_WIDTH {
        // Names of tables can be long: what is said of them stays in its column.
        let _ = writeln!(out, "{}", title.trim_end());
        title = " ".repeat(STEP_WIDTH + 9);
    }
    out.push_str(&wrapped(&title, STEP_WIDTH + 9, &step.summary));
    if !sql {
        return;
    }
    for line in step.effects.iter().flat_map(lines) {
        for part in line.lines() {
            let _ = writeln!(out, "        {DIM}{part}{DIM:#}");
        }
    }
}

fn next(resolved: &Resolved, preview: &Preview) -> String {
    let Preview {
        plan,
        facts: _,
        findings,
        status,
    } = preview;
    let file = resolved.path.display();
    let refusals = findings.iter().filter(|f| f.level == Level::Refusal);
    let refused = refusals.count() as u64;
    let is_done = |step: &&Step| status.as_ref().is_some_and(|s| s.is_done(&step.id));
    let steps = || plan.stages.iter().flat_map(|stage| &stage.steps);
    let done = steps().filter(is_done).count() as u64;
    let all = steps().count() as u64;
    let text = if refused > 0 {
        let these = counted(refused, "refusal");
        format!("mend the {these} above, then `pg_dbmigrator plan {file}` again.")
    } else if status.as_ref().is_some_and(|s| s.completed.is_some()) {
        format!("all is done; `pg_dbmigrator finalize {file}` forgets the state.")
    } else if status.is_some() {
        let rest = counted(all - done, "step");
        format!("`pg_dbmigrator apply {file}` to go on with the {rest} not done.")
    } else {
        let steps = counted(all, "step");
        format!("`pg_dbmigrator apply {file}` to carry out these {steps}.")
    };
    wrapped("Next: ", 6, &text)
}
