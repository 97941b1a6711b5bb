//! Plan, progress, status and outcome as text and JSON. It decides nothing and asks nobody.

mod formats;
mod kept_text;
mod numbers;
mod on_the_source;
mod outcome_text;
mod plan_json;
mod plan_text;
mod progress;
mod status_text;
mod visible;
mod wrap;

pub use numbers::{bytes, counted, duration, grouped, roughly, singular, some_of};
pub use outcome_text::outcome_text;
pub use plan_json::{PLAN_VERSION, plan_json};
pub use plan_text::plan_text;
pub use progress::{Lines, Progress, Terminal};
pub use status_text::{StatusReport, StepReport, status_line, status_now, status_text};
pub(crate) use visible::visible;
pub(crate) use wrap::wrapped;

use anstyle::{AnsiColor, Style};

/// The width of a step's name in a list: `target.role.shop_report` and a little more.
const STEP_WIDTH: usize = 24;

/// Titles.
const BOLD: Style = Style::new().bold();
/// What is there for those who look twice.
const DIM: Style = Style::new().dimmed();
/// What is well.
const GREEN: Style = AnsiColor::Green.on_default();
/// What deserves a look.
const YELLOW: Style = AnsiColor::Yellow.on_default();
/// What stops the work.
const RED: Style = AnsiColor::Red.on_default().bold();
