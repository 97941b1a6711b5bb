//! Events as they come: bars on a terminal, quiet lines elsewhere. It never blocks the work.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::wrap::{WIDTH, wrapped};
use super::{BOLD, DIM, GREEN, RED, STEP_WIDTH, YELLOW, bytes, duration};
use crate::events::{Happened, ProgressEvent};
use crate::plan::StepId;

/// Shows events to someone.
pub trait Progress {
    /// Shows one event.
    fn show(&mut self, event: &ProgressEvent);
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
        let progress = progress_text(&event.happened);
        let progress = progress.map(|text| cut(&format!("        {text}"), WIDTH));
        if let Some(text) = line(event).or(progress) {
            // A closed pipe must not stop the work: the state directory has every event.
            let _ = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
        }
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Self {
            bars: MultiProgress::new(),
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
            let _ = self.bars.println(text);
        }
    }
}

impl Terminal {
    fn bar(&mut self, step: &StepId, happened: &Happened) {
        match happened {
            Happened::StepStarted { summary } => {
                let bar = self.bars.add(ProgressBar::new_spinner());
                bar.set_style(style("  {spinner}     {wide_msg}"));
                bar.set_message(format!("{:<STEP_WIDTH$} {summary}", step.as_str()));
                bar.enable_steady_tick(Duration::from_millis(120));
                self.running.insert(step.clone(), bar);
            }
            Happened::Progress {
                bytes_done,
                bytes_total,
                ..
            } => {
                if let (Some(bar), Some(text)) = (self.running.get(step), progress_text(happened)) {
                    bar.set_style(style("  {spinner}     {bar:16} {wide_msg}"));
                    bar.set_length(*bytes_total);
                    bar.set_position(*bytes_done);
                    bar.set_message(text);
                }
            }
            Happened::StepDone { .. } | Happened::StepFailed { .. } => {
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
    let Happened::Progress {
        bytes_done,
        bytes_total,
        bytes_per_second,
        seconds_left,
        message,
    } = happened
    else {
        return None;
    };
    let left = seconds_left.map_or(String::new(), |seconds| {
        format!(", {} left", duration(seconds as f64))
    });
    let total = bytes(*bytes_total);
    let text = match (bytes_done, bytes_total) {
        (_, 0) => message.clone(),
        // What comes after the rows, such as index builds, moves no bytes.
        (done, all) if done >= all => format!("all of {total}  {message}"),
        (done, _) => {
            let rate = bytes(*bytes_per_second);
            format!("{} of {total}, {rate}/s{left}  {message}", bytes(*done))
        }
    };
    let text = text.trim_end().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The text, cut where a line of the terminal ends: names can be very long.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width - 1).collect();
    format!("{kept}…")
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
            format!("  {YELLOW}undo{YELLOW:#}  {step:<STEP_WIDTH$} {reason}")
        }
        Happened::StepDone { seconds } => {
            format!(
                "  {GREEN}done{GREEN:#}  {step:<STEP_WIDTH$} {}",
                duration(*seconds)
            )
        }
        Happened::StepFailed { error: _ } => format!("  {RED}fail{RED:#}  {step}"),
        Happened::Warning { message } => {
            wrapped(&format!("  {YELLOW}warn{YELLOW:#}  "), 8, message)
                .trim_end()
                .to_owned()
        }
        Happened::PhaseDone
        | Happened::StepStarted { .. }
        | Happened::Performed { .. }
        | Happened::Progress { .. }
        | Happened::Completed
        | Happened::Outcome { .. }
        | Happened::RunFailed { .. } => return None,
    };
    Some(text)
}
