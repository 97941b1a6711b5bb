//! The outcome as text: what is proven comes first, what is not is said as plainly.
//! It never judges: the steps of the plan did.

use std::fmt::Write as _;

use super::wrap::wrapped;
use super::{GREEN, YELLOW, counted, duration, roughly};
use crate::outcome::{MigrationOutcome, PhaseTime, Proof};
use crate::spec::Verify;

/// The outcome, for people.
pub fn outcome_text(outcome: &MigrationOutcome) -> String {
    let mut out = String::new();
    let took = match (outcome.begun, outcome.completed) {
        (Some(begun), Some(completed)) => {
            format!(
                ", {} after it began",
                duration(completed.duration_since(begun).as_secs_f64())
            )
        }
        _ => String::new(),
    };
    let _ = match outcome.completed {
        Some(_) => writeln!(out, "\n{GREEN}Migrated {}{GREEN:#}{took}.", outcome.plan),
        None => writeln!(out, "\n{GREEN}Replicating {}{GREEN:#}.", outcome.plan),
    };
    if let Some(outage) = outcome.write_outage_ms {
        let text = format!("{outage} ms from the fence around the source to the open target");
        out.push_str(&wrapped("  outage   ", 11, &text));
    }
    let is_stream = outcome.completed.is_none();
    out.push_str(&wrapped(
        "  proven   ",
        11,
        &proof(&outcome.proof, is_stream),
    ));
    times(&mut out, &outcome.phases);
    for sentence in &outcome.left_behind {
        out.push_str(&wrapped("  not here ", 11, sentence));
    }
    for warning in &outcome.warnings {
        out.push_str(&wrapped(
            &format!("  {YELLOW}warning{YELLOW:#}  "),
            11,
            warning,
        ));
    }
    out
}

/// How long the phases took, and were thought to.
fn times(out: &mut String, phases: &[PhaseTime]) {
    let mut label = "took";
    for PhaseTime {
        phase,
        estimated_seconds,
        taken_seconds,
    } in phases
    {
        let Some(taken) = taken_seconds else { continue };
        let estimated =
            estimated_seconds.map(|seconds| format!(", estimated {}", roughly(seconds)));
        let _ = writeln!(
            out,
            "  {label:<8} {:<15} {}{}",
            phase.to_string(),
            duration(*taken),
            estimated.unwrap_or_default()
        );
        label = "";
    }
}

/// Sequences and large objects are no part of a copy that is streamed to.
fn proof(proof: &Proof, is_stream: bool) -> String {
    let Proof {
        verify,
        definitions,
        tables,
        rows,
        sequences,
        large_objects,
        accepted_differences,
    } = proof;
    let accepted = match accepted_differences {
        0 => String::new(),
        some => format!(", but for {}", counted(*some, "accepted difference")),
    };
    let defined = definitions.then(|| format!("the definition of every object{accepted}"));
    let how = match verify {
        Verify::Off => {
            return defined.map_or_else(
                || "nothing: the plan says `verify: off`".to_owned(),
                |defined| format!("{defined}; no rows"),
            );
        }
        Verify::Counts => "counted on both sides",
        Verify::Rows => "counted and hashed on both sides",
    };
    let compared = format!(
        "{} in {}, {how}",
        counted(*rows, "row"),
        counted(*tables, "table")
    );
    let copied = defined.into_iter().chain([compared]);
    let copied = copied.collect::<Vec<_>>().join("; ");
    if is_stream {
        return copied;
    }
    let large_objects = large_objects.map(|number| counted(number, "large object"));
    let sequences = counted(*sequences, "sequence");
    let parts = [copied, sequences].into_iter().chain(large_objects);
    parts.collect::<Vec<_>>().join("; ")
}
