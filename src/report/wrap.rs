//! Text wrapped at words for the terminal it is read on. It cuts no word and no command in
//! backquotes, and no indented line, however long.

use std::io::{IsTerminal, stdout};

/// The width that text is wrapped to where it is not read on a terminal, or on a narrow one.
pub(super) const WIDTH: usize = 80;

/// Longer lines are hard to read, however wide the terminal is.
const WIDEST: usize = 120;

/// Text wrapped at words: the first line starts after `first`, all others after `indent` blanks.
pub(crate) fn wrapped(first: &str, indent: usize, text: &str) -> String {
    wrapped_to(width(), (first, indent), text)
}

/// The width of the terminal, within reason.
fn width() -> usize {
    let size = stdout()
        .is_terminal()
        .then(|| rustix::termios::tcgetwinsize(stdout()));
    let columns = size.and_then(Result::ok).map(|size| size.ws_col);
    columns.map_or(WIDTH, |columns| usize::from(columns).clamp(WIDTH, WIDEST))
}

fn wrapped_to(most: usize, (first, indent): (&str, usize), text: &str) -> String {
    let blank = " ".repeat(indent);
    let mut out = String::new();
    let mut start = first;
    for paragraph in text.lines() {
        // What is indented is to be copied as it is.
        if paragraph.starts_with(' ') {
            out.push_str(&format!("{start}{paragraph}\n"));
            start = &blank;
            continue;
        }
        let mut line = start.to_owned();
        let mut width = visible_width(start);
        let mut is_empty = true;
        for word in words(paragraph) {
            let word_width = word.chars().count();
            if !is_empty && width + 1 + word_width > most {
                out.push_str(line.trim_end());
                out.push('\n');
                line.clone_from(&blank);
                width = indent;
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
                width += 1;
            }
            line.push_str(word);
            width += word_width;
            is_empty = false;
        }
        out.push_str(line.trim_end());
        out.push('\n');
        start = &blank;
    }
    out
}

/// The words of a line. A command in backquotes is one, so that it can be copied.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut in_command = false;
    line.split(move |c: char| {
        in_command ^= c == '`';
        c == ' ' && !in_command
    })
    .filter(|word| !word.is_empty())
}

/// The width of text on a terminal, without its colours.
fn visible_width(text: &str) -> usize {
    anstream::adapter::strip_str(text)
        .to_string()
        .chars()
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_in_backquotes_stays_in_one_piece() {
        let text = format!(
            "{} `pg_dbmigrator apply migrate.yaml` again",
            "word ".repeat(13)
        );
        assert!(wrapped("", 2, &text).contains("\n  `pg_dbmigrator apply migrate.yaml` again\n"));
    }

    #[test]
    fn indented_lines_are_kept_as_they_are() {
        let line = format!("  a:   {}", "b ".repeat(50));
        let text = wrapped("next: ", 6, &format!("Add:\n{line}"));
        assert_eq!(text, format!("next: Add:\n      {line}\n"));
    }

    #[test]
    fn long_text_is_wrapped_under_its_first_word() {
        for most in [WIDTH, WIDEST] {
            let text = wrapped_to(most, ("next: ", 6), &"word ".repeat(30));
            let widths = text.lines().map(|line| line.chars().count());
            let widest = widths.max().expect("there is a line");
            assert!((most - 4..=most).contains(&widest), "{text}");
            assert!(
                text.lines()
                    .skip(1)
                    .all(|line| line.starts_with("      word")),
                "{text}"
            );
        }
    }
}
