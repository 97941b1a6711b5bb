//! Problems in a plan: where each one is, the line with a caret, and what would be right.
//! It never shows a password that is written in the line, and never decides what is a problem.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::error::{Error, Exit, Result};
use crate::secret::redact;

use super::password;

/// More problems than this are not shown: nobody reads the hundredth before mending the
/// first.
const MAX_SHOWN: usize = 50;

/// Characters of a line kept on each side of what is marked. The renderer trims to the terminal's
/// width, far from these ends: a password cut in two there, no longer recognised, is never shown.
const LINE_MARGIN: usize = 1000;

/// What is printed fits a terminal of this width where the words allow.
const WIDTH: usize = 80;

/// What the renderer puts before a help, with line numbers of up to three digits.
const HELP_INDENT: usize = 13;

/// The text of a plan, and the way from a byte in it to a line and column.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) file: String,
    pub(crate) text: String,
    line_starts: Vec<usize>,
}

impl Source {
    pub(crate) fn new(file: impl Into<String>, text: impl Into<String>) -> Self {
        let (file, text) = (file.into(), text.into());
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(after_breaks).collect();
        Self {
            file,
            text,
            line_starts,
        }
    }

    /// Line and column, both from 1, the column in characters.
    pub(crate) fn position(&self, byte: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= byte);
        let start = self.line_starts[line - 1];
        let column = self.text[start..byte.min(self.text.len())].chars().count() + 1;
        (line, column)
    }

    /// The bytes of a line (from 1), without its end.
    pub(crate) fn line(&self, line: usize) -> Range<usize> {
        let start = self.line_starts[line - 1];
        let len = self.text[start..].find('\n');
        start..len.map_or(self.text.len(), |len| start + len)
    }

    /// A problem at these bytes.
    pub(crate) fn problem(&self, at: Range<usize>, message: &str, help: &str) -> Problem {
        let (line, column) = self.position(at.start);
        let span = self.line(line);
        let start = at.start.min(span.end);
        let end = at.end.clamp(start, span.end);
        let text = &self.text;
        let from = back(&text[span.start..start], LINE_MARGIN) + span.start;
        // What is marked may itself be as long as the file.
        let end = start + forth(&text[start..end], LINE_MARGIN);
        let to = forth(&text[end..span.end], LINE_MARGIN) + end;
        Problem {
            file: self.file.clone(),
            line,
            column,
            text: text[from..to].to_owned(),
            marked: start - from..end - from,
            message: message.to_owned(),
            help: help.to_owned(),
        }
    }
}

/// The byte where the last `count` characters of the text start.
fn back(text: &str, count: usize) -> usize {
    let at = text.char_indices().rev().take(count).last();
    at.map_or(text.len(), |(at, _)| at)
}

/// The byte where the first `count` characters of the text end.
fn forth(text: &str, count: usize) -> usize {
    text.char_indices()
        .nth(count)
        .map_or(text.len(), |(at, _)| at)
}

/// One thing wrong with a plan, at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    file: String,
    line: usize,
    column: usize,
    text: String,
    marked: Range<usize>,
    message: String,
    help: String,
}

impl Problem {
    /// A problem of something given beside the file, such as `--set copy.jobs=many`.
    pub(crate) fn beside(given: &str, message: &str, help: &str) -> Self {
        Self {
            file: given.to_owned(),
            line: 0,
            column: 0,
            text: String::new(),
            marked: 0..0,
            message: message.to_owned(),
            help: help.to_owned(),
        }
    }

    /// What is wrong, in one sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The place, as `file:line:column`, or the `--set` that it came from.
    pub fn place(&self) -> String {
        if self.line == 0 {
            return shown(&self.file);
        }
        format!("{}:{}:{}", self.file, self.line, self.column)
    }

    /// The problem as it is printed: message, place, line, caret, help; no colour.
    pub fn render(&self) -> String {
        let message = wrapped(&shown(&self.message), WIDTH);
        let help = wrapped(&shown(&self.help), WIDTH - HELP_INDENT);
        let (line, marked) = self.shown_line();
        let mut group = Group::with_title(Level::ERROR.no_name().primary_title(message));
        if self.line == 0 {
            group = group.element(Origin::path(self.place()));
        } else {
            let origin = Origin::path(&self.file).line(self.line);
            let snippet = Snippet::source(line)
                .line_start(self.line)
                .annotation(AnnotationKind::Primary.span(marked));
            group = group
                .element(origin.char_column(self.column))
                .element(snippet);
        }
        if !help.is_empty() {
            group = group.element(Level::HELP.message(help));
        }
        let printed = Renderer::plain().term_width(WIDTH).render(&[group]);
        // An origin of its own, whose column knows nothing of what is hidden, costs a `:::` line.
        let lines = printed.lines().map(str::trim_end);
        let lines: Vec<&str> = lines.filter(|line| line.trim() != ":::").collect();
        lines.join("\n")
    }

    /// The line with its secrets hidden, and what is marked of it.
    fn shown_line(&self) -> (String, Range<usize>) {
        let line = shown(&self.text);
        let moved = |at: usize| shown(&self.text[..at]).len().min(line.len());
        let (start, mut end) = (moved(self.marked.start), moved(self.marked.end));
        if !line.is_char_boundary(start) || !line.is_char_boundary(end) || end < start {
            end = line.len();
            return (line, 0..end);
        }
        (line, start..end)
    }
}

/// Without what looks like a password, and without what is known to be secret.
pub(crate) fn shown(text: &str) -> String {
    redact(&password::masked(text)).into_owned()
}

/// Broken between words where a line would be longer than `width`.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("it starts with one");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}

/// Every problem found in a plan, to be reported at once.
#[derive(Debug, Clone, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Notes one more problem.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ends the check.
    ///
    /// # Errors
    /// One error ([`Exit::PlanInvalid`]) that lists every problem in the order of the file.
    pub fn settle(self) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        Err(self.error())
    }

    /// The error that [`Problems::settle`] returns.
    pub(crate) fn error(self) -> Error {
        let mut problems = self.0;
        problems.sort_by(|a, b| {
            (a.line, a.column, &a.file, &a.message).cmp(&(b.line, b.column, &b.file, &b.message))
        });
        problems.dedup();
        let mut what = match problems.len() {
            1 => "the plan has a problem\n".to_owned(),
            count if count > MAX_SHOWN => {
                format!("the plan has more than {MAX_SHOWN} problems; these are the first\n")
            }
            count => format!("the plan has {count} problems\n"),
        };
        for problem in problems.iter().take(MAX_SHOWN) {
            write!(what, "\n{}\n", problem.render()).expect("writing to a String");
        }
        let next = "Mend the plan, then run the same command again.";
        Error::new(Exit::PlanInvalid, what, next)
    }
}

impl Extend<Problem> for Problems {
    fn extend<T: IntoIterator<Item = Problem>>(&mut self, problems: T) {
        self.0.extend(problems);
    }
}
