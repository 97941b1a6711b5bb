//! Events as they come: bars on a terminal, quiet lines elsewhere. It never blocks the work.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use anstream::adapter::strip_str;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::visible::visible;
use super::wrap::wrapped;
use super::{BOLD, DIM, GREEN, RED, STEP_WIDTH, YELLOW, bytes, duration};
use crate::events::{Happened, ProgressEvent};
use crate::plan::StepId;

/// Shows events to someone.
pub trait Progress {
    /// Shows one event.
    fn show(&mut self, event: &ProgressEvent);

    /// Shows a line that is for people alone: programs are told by events.
    fn note(&mut self, _text: &str) {}
}

/// Quiet lines: one per phase and step, one per warning, one per report of progress.
#[derive(Debug)]
pub struct Lines<W> {
    out: W,
}

/// The same lines, with a bar below them for everything that runs.
#[derive(Debug)]
pub struct Terminal {
    bars: MultiProgress,
    running: BTreeMap<StepId, ProgressBar>,
}

impl<W: Write> Lines<W> {
    /// Lines go to `out`.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> Progress for Lines<W> {
    fn show(&mut self, event: &ProgressEvent) {
        let progress = progress_text(&event.happened).filter(|_| !is_all_done(&event.happened));
        let progress = progress.map(|text| format!("        {text}"));
        if let Some(text) = line(event).or(progress) {
            // A closed pipe must not stop the work: the state directory has every event.
            let _ = writeln!(self.out, "{}", visible(&text)).and_then(|()| self.out.flush());
        }
    }

    fn note(&mut self, text: &str) {
        let _ = writeln!(self.out, "  {}", visible(text)).and_then(|()| self.out.flush());
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Self {
            // Not standard error, which may be a file while this is a terminal.
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stdout()),
            running: BTreeMap::new(),
        }
    }
}

impl Progress for Terminal {
    fn show(&mut self, event: &ProgressEvent) {
        if let Some(step) = &event.step {
            self.bar(step, &event.happened);
        }
        if let Some(text) = line(event) {
            let text = visible(&text);
            let choice = anstream::AutoStream::choice(&std::io::stdout());
            let _ = match choice {
                anstream::ColorChoice::Never => self.bars.println(strip_str(&text).to_string()),
                _ => self.bars.println(text),
            };
        }
    }

    fn note(&mut self, text: &str) {
        let _ = self.bars.println(format!("  {}", visible(text)));
    }
}

impl Terminal {
    fn bar(&mut self, step: &StepId, happened: &Happened) {
        match happened {
            Happened::StepStarted { summary } => {
                let bar = self.bars.add(ProgressBar::new_spinner());
                bar.set_style(style("  {spinner}     {wide_msg}"));
                let message = format!("{:<STEP_WIDTH$} {summary}", step.as_str());
                bar.set_message(visible(&message).into_owned());
                bar.enable_steady_tick(Duration::from_millis(120));
                self.running.insert(step.clone(), bar);
            }
            Happened::Progress {
                bytes_done,
                bytes_total,
                ..
            } => {
                if let (Some(bar), Some(text)) = (self.running.get(step), progress_text(happened)) {
                    bar.set_style(style("  {spinner}     {bar:12} {wide_msg}"));
                    bar.set_length(*bytes_total);
                    bar.set_position(*bytes_done);
                    bar.set_message(visible(&text).into_owned());
                }
            }
            Happened::Lag { .. } => {
                if let (Some(bar), Some(text)) = (self.running.get(step), progress_text(happened)) {
                    bar.set_message(text);
                }
            }
            Happened::StepDone { .. } | Happened::StepStopped | Happened::StepFailed { .. } => {
                if let Some(bar) = self.running.remove(step) {
                    bar.finish_and_clear();
                    self.bars.remove(&bar);
                }
            }
            _ => {}
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a constant template")
}

/// Bytes, rate and the time left, in the width of a terminal line.
fn progress_text(happened: &Happened) -> Option<String> {
    if let Happened::Lag { .. } = happened {
        return Some(lag_text(happened));
    }
    let Happened::Progress {
        bytes_done,
        bytes_total,
        bytes_per_second,
        seconds_left,
        message,
        table: _,
        rows_done: _,
        rows_total: _,
    } = happened
    else {
        return None;
    };
    let left = seconds_left.map_or(String::new(), |seconds| match seconds {
        0..60 => format!(", {seconds} s left"),
        _ => format!(", {} left", duration(seconds as f64)),
    });
    let total = bytes(*bytes_total);
    let text = match (bytes_done, bytes_total) {
        (_, 0) => message.clone(),
        // What comes after the rows, such as index builds, moves no bytes.
        (done, all) if done >= all => format!("all of {total}  {message}"),
        (0, _) => format!("0 of {total}  {message}"),
        (done, _) => {
            let rate = bytes(*bytes_per_second);
            let done = bytes(*done);
            let unit = total.rsplit_once(' ').map_or("", |(_, unit)| unit);
            let done = done.strip_suffix(unit).map_or(done.as_str(), str::trim_end);
            format!("{done} of {total}, {rate}/s{left}  {message}")
        }
    };
    let text = text.trim_end().to_owned();
    (!text.is_empty()).then_some(text)
}

/// How far behind the target is, and until when.
fn lag_text(happened: &Happened) -> String {
    let Happened::Lag {
        lag_bytes,
        source_lsn: _,
        received_lsn: _,
        applied_lsn,
        bytes_per_second,
        seconds_left,
        never,
        retained_bytes: _,
    } = happened
    else {
        return String::new();
    };
    let left = match seconds_left {
        _ if *never => ", never caught up at this rate".to_owned(),
        None | Some(0) => String::new(),
        Some(seconds) => format!(", caught up in {}", duration(*seconds as f64)),
    };
    let rate = bytes(*bytes_per_second);
    let behind = bytes(*lag_bytes);
    format!("{behind} behind, applied to {applied_lsn}, {rate}/s{left}")
}

/// Whether a step only says that nothing is left: the line that says how long it took comes next.
fn is_all_done(happened: &Happened) -> bool {
    matches!(happened, Happened::Progress { bytes_done, bytes_total, message, .. }
        if bytes_done >= bytes_total && message.is_empty())
}

/// An event as a line, if it is worth one.
fn line(event: &ProgressEvent) -> Option<String> {
    let step = event.step.as_ref().map_or("", StepId::as_str);
    let text = match &event.happened {
        Happened::RunStarted {
            plan,
            resumed: false,
        } => format!("{BOLD}Applying {plan}{BOLD:#}"),
        Happened::RunStarted {
            plan,
            resumed: true,
        } => {
            format!("{BOLD}Applying {plan}{BOLD:#}, from where an earlier run stopped")
        }
        Happened::PhaseStarted { purpose } => {
            let phase = event.stage.map_or(String::new(), |phase| phase.to_string());
            format!("\n{BOLD}{phase}{BOLD:#}  {DIM}{purpose}{DIM:#}")
        }
        Happened::StepSkipped { done_at } => {
            format!(
                "  {DIM}done  {step:<STEP_WIDTH$} since {}{DIM:#}",
                done_at.strftime("%F %T UTC")
            )
        }
        Happened::StepUndone { reason } => {
            let title = format!("  {YELLOW}undo{YELLOW:#}  {step:<STEP_WIDTH$} ");
            let text = wrapped(&title, STEP_WIDTH + 9, reason);
            text.trim_end().to_owned()
        }
        Happened::StepDone { seconds } => {
            format!(
                "  {GREEN}done{GREEN:#}  {step:<STEP_WIDTH$} {}",
                duration(*seconds)
            )
        }
        Happened::StepStopped => format!("  {YELLOW}stop{YELLOW:#}  {step}"),
        Happened::StepFailed { error: _ } => format!("  {RED}fail{RED:#}  {step}"),
        Happened::Warning { message } => {
            wrapped(&format!("  {YELLOW}warn{YELLOW:#}  "), 8, message)
                .trim_end()
                .to_owned()
        }
        Happened::CaughtUp { lag_bytes } => format!(
            "  {GREEN}caught up{GREEN:#}: {} behind; ready for the cutover",
            bytes(*lag_bytes)
        ),
        Happened::SchemaDrift { differences } if differences.is_empty() => {
            format!("  {GREEN}the schema is the same on both sides again{GREEN:#}")
        }
        Happened::SchemaDrift { differences } => {
            let title = format!("  {YELLOW}drift{YELLOW:#} ");
            let text = format!(
                "the schema differs, and no cutover is made until it does not, or until it is \
                 accepted (cutover.accept_drift): {}. The target is read-only until then: what \
                 is to be changed there begins with `set default_transaction_read_only = off`",
                differences.join("; ")
            );
            wrapped(&title, 8, &text).trim_end().to_owned()
        }
        Happened::CutoverRequested => format!("  {BOLD}the cutover is requested{BOLD:#}"),
        Happened::PhaseDone
        | Happened::Lag { .. }
        | Happened::StepStarted { .. }
        | Happened::Performed { .. }
        | Happened::Progress { .. }
        | Happened::Completed
        | Happened::Outcome { .. }
        | Happened::RunFailed { .. } => return None,
    };
    Some(text)
}
