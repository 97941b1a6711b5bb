//! Text to the terminal, in colour where there is one; secrets are taken out on the way, and what a
//! terminal would obey. A reader that went away is not an error of ours.

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::error::{Error, Exit, Result};
use crate::report::{visible, wrapped};
use crate::secret::{redact, redact_json};

/// Prints text to standard output.
pub(super) fn out(text: &str) -> Result<Exit> {
    write(&visible(&redact(text)))
}

/// Prints text in place of all that a terminal shows.
pub(super) fn in_place(text: &str) -> Result<Exit> {
    /// Moves to the upper left corner and clears what is below (ECMA-48).
    const CLEAR: &str = "\x1b[H\x1b[J";
    write(&format!("{CLEAR}{}", visible(&redact(text))))
}

fn write(text: &str) -> Result<Exit> {
    let mut stdout = anstream::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    Ok(Exit::Done)
}

/// Prints a value as JSON to standard output, on one line or as people read it.
pub(super) fn json(value: impl Serialize, on_one_line: bool) -> Result<Exit> {
    let value = serde_json::to_value(value).expect("what is printed is always JSON");
    let value = redact_json(value);
    let text = if on_one_line {
        format!("{value}\n")
    } else {
        format!("{value:#}\n")
    };
    write(&text)
}

/// Prints an error to standard error.
pub(super) fn error(error: &Error) {
    const RED: Style = AnsiColor::Red.on_default().bold();
    const BOLD: Style = Style::new().bold();
    let text = redact(&error.to_string()).into_owned();
    let text = visible(&text).into_owned();
    let text = match std::io::stderr().is_terminal() {
        true => text.lines().map(on_a_terminal).collect(),
        false => text,
    };
    let mut coloured = String::new();
    for line in text.lines() {
        for (word, style) in [("error:", RED), ("next:", BOLD)] {
            if let Some(rest) = line.strip_prefix(word) {
                coloured.push_str(&format!("{style}{word}{style:#}{rest}\n"));
            }
        }
        if !line.starts_with("error:") && !line.starts_with("next:") {
            coloured.push_str(&format!("{line}\n"));
        }
    }
    let _ = anstream::stderr().lock().write_all(coloured.as_bytes());
}

/// A line of an error, wrapped. What a server said in several lines stays as it is.
fn on_a_terminal(line: &str) -> String {
    for label in ["error: ", "next: ", "  caused by: "] {
        if let Some(rest) = line.strip_prefix(label) {
            return wrapped(label, label.trim_start().len(), rest);
        }
    }
    format!("{line}\n")
}

/// Has a panic, which is always a bug, print no secret either.
pub(super) fn redact_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let text = redact(&panic.to_string()).into_owned();
        let mut stderr = anstream::stderr().lock();
        let _ = writeln!(
            stderr,
            "{text}\nnext: This is a bug in pg_dbmigrator: please report it. The journal is as it \
             was; `apply` again resumes."
        );
    }));
}

/// Asks a yes-or-no question on the terminal; `None` when there is none.
pub(super) fn ask(question: &str) -> Option<bool> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || !std::io::stderr().is_terminal() {
        return None;
    }
    let mut stderr = anstream::stderr().lock();
    let _ = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    let _ = stdin.read_line(&mut answer);
    Some(matches!(answer.trim(), "y" | "Y" | "yes"))
}
