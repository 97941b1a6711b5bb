//! What is shown on a terminal, played through a pseudo-terminal of `script`.
//! Never compares a whole screen: what runs beside what is up to the machine.

use super::{LIMIT, plan_of, slow_plan};
use crate::support::tool::PlanFolder;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

/// Everything that the program sends to a terminal of so many columns.
fn on_terminal(folder: &PlanFolder, columns: usize, colour: bool) -> String {
    let program = folder.command(&["apply", "--yes"]);
    let path = program
        .get_envs()
        .find(|(name, _)| *name == "PATH")
        .expect("it is set");
    let line = std::iter::once(program.get_program()).chain(program.get_args());
    let words: Vec<String> = line
        .map(|word| format!("'{}'", word.to_string_lossy()))
        .collect();
    let mut script = Command::new("script");
    script
        .args([
            "-qec",
            &format!("stty cols {columns} rows 30; exec {}", words.join(" ")),
            "/dev/null",
        ])
        .env("PATH", path.1.expect("it has a value"))
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null());
    if !colour {
        script.env("NO_COLOR", "1");
    }
    let begun = Instant::now();
    let Output { status, stdout, .. } = script.output().expect("util-linux has script");
    assert!(
        status.success() && begun.elapsed() < LIMIT,
        "{}",
        String::from_utf8_lossy(&stdout)
    );
    String::from_utf8_lossy(&stdout).into_owned()
}

/// What is on the screen, and has scrolled off it, at the end: as much of a terminal as it takes.
fn what_stays(sent: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![Vec::new()];
    let (mut row, mut column) = (0_usize, 0_usize);
    let mut rest = sent.chars();
    while let Some(c) = rest.next() {
        match c {
            '\r' => column = 0,
            '\n' => row += 1,
            '\u{1b}' => {
                let mut code = String::new();
                while !code.ends_with(|c: char| c.is_ascii_alphabetic()) {
                    code.push(rest.next().expect("no sequence is cut off"));
                }
                let number = code
                    .trim_matches(|c: char| !c.is_ascii_digit())
                    .parse()
                    .unwrap_or(1);
                match code.chars().last() {
                    Some('A') => row = row.saturating_sub(number),
                    Some('B') => row += number,
                    Some('K') => lines[row].clear(),
                    _ => {}
                }
            }
            c => {
                if column == columns {
                    (row, column) = (row + 1, 0);
                    lines.resize(lines.len().max(row + 1), Vec::new());
                }
                let width = lines[row].len().max(column + 1);
                lines[row].resize(width, ' ');
                lines[row][column] = c;
                column += 1;
            }
        }
        lines.resize(lines.len().max(row + 1), Vec::new());
    }
    let text = |line: Vec<char>| String::from_iter(line).trim_end().to_owned();
    lines.into_iter().map(text).collect()
}

#[test]
fn a_terminal_gets_bars_in_colour_that_leave_nothing_behind() {
    let columns = 80;
    let sent = on_terminal(&slow_plan(), columns, true);
    assert!(sent.contains("\u{1b}[32mdone"), "colour: {sent:?}");
    assert!(
        sent.contains('█') && sent.contains("slow_idx"),
        "bars: {sent:?}"
    );
    let stays = what_stays(&sent, columns);
    assert!(!stays.iter().any(|line| line.contains('█')), "{stays:#?}");
    assert!(
        stays
            .iter()
            .any(|line| line.starts_with("  done  restore.run")),
        "{stays:#?}"
    );
    for line in stays {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn no_color_is_respected_on_a_terminal() {
    let sent = on_terminal(&slow_plan(), 80, false);
    assert!(sent.contains('█'), "there are bars all the same");
    let colours = sent.split('\u{1b}').skip(1);
    let coloured: Vec<_> = colours
        .filter(|code| {
            let end = code.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
            code[end..].starts_with('m')
        })
        .collect();
    assert!(coloured.is_empty(), "{coloured:?}");
}

/// Sets the title of a terminal (OSC 0), and clears it (ED).
#[test]
fn a_terminal_obeys_no_name() {
    let hostile = "
        create table \"\u{1b}]0;stolen\u{7}\u{1b}[2J\" as select generate_series(1, 5000);
        create index \"\u{9b}2Jindex\" on \"\u{1b}]0;stolen\u{7}\u{1b}[2J\" (generate_series)";
    let sent = on_terminal(&plan_of(hostile, "split_larger_than: 64KiB"), 120, true);
    for obeyed in ["\u{1b}]", "\u{7}", "\u{9b}", "\u{1b}[2J"] {
        assert!(!sent.contains(obeyed), "{sent:?}");
    }
    assert!(sent.contains("\\u{1b}]0;stolen"), "{sent:?}");
}
