//! The shape of a file: how long it may be, how it opens, how many parameters a function takes.
//! Never counts lines of functions: clippy does, by the limits in `.clippy.toml`.

use super::files::File;
use super::none;

/// The longest file; a test's tables of cases may be longer.
const MOST_LINES: usize = 400;
const MOST_LINES_OF_TESTS: usize = 600;
/// The most parameters of a function, besides `self`.
const MOST_PARAMETERS: usize = 4;
/// Methods of a trait of rustls.
const OTHERS_SHAPE: [&str; 1] = ["verify_server_cert("];
/// Words with which a file says what it does not do.
const LIMITS: [&str; 12] = [
    "never", "nothing", "nobody", "no", "not", "none", "only", "alone", "cannot", "neither",
    "knows", "without",
];
const CODE: [&str; 4] = ["src/", "tests/", "examples/", "benches/"];

#[test]
fn no_file_is_too_long_to_read_at_once() {
    let mut findings = Vec::new();
    for file in File::all(&CODE, "rs") {
        let tests = file.path.starts_with("tests/") || file.path.ends_with("tests.rs");
        let most = if tests {
            MOST_LINES_OF_TESTS
        } else {
            MOST_LINES
        };
        let lines = file.text.lines().count();
        if lines > most {
            let advice = format!("{lines} lines: split it by noun, at most {most}");
            findings.push(file.finding(lines, &advice));
        }
    }
    none(&findings);
}

/// A server converts every statement to the encoding of its database, comments too, and refuses one
/// that it cannot convert.
#[test]
fn every_statement_can_be_said_in_any_encoding() {
    let mut findings = Vec::new();
    for file in File::all(&["src/"], "sql") {
        for (index, line) in file.text.lines().enumerate() {
            if !line.is_ascii() {
                findings.push(file.finding(index + 1, "write it in ASCII"));
            }
        }
    }
    none(&findings);
}

#[test]
fn every_file_says_what_it_is_for_and_what_it_never_does() {
    let mut findings = Vec::new();
    for file in File::all(&CODE, "rs") {
        let head: Vec<&str> = file
            .text
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .collect();
        let head = head.join(" ");
        let sentences = head.matches(['.', '?']).count();
        let words = head
            .split(|c: char| !c.is_alphabetic())
            .map(str::to_lowercase);
        let limited = words.into_iter().any(|word| LIMITS.contains(&&*word));
        if sentences < 2 || !limited {
            let advice = "open it with `//!`: a sentence for what it is for, one for what it never \
                          does";
            findings.push(file.finding(1, advice));
        }
    }
    none(&findings);
}

#[test]
fn no_function_takes_more_than_four_parameters() {
    let mut findings = Vec::new();
    for file in File::all(&CODE, "rs") {
        for (line, count) in parameters(&file) {
            if count > MOST_PARAMETERS {
                let advice =
                    format!("{count} parameters: give those that belong together a struct");
                findings.push(file.finding(line, &advice));
            }
        }
    }
    none(&findings);
}

/// Every function's line and the number of its parameters, besides `self`.
fn parameters(file: &File) -> Vec<(usize, usize)> {
    let code: Vec<(usize, &str)> = file.code().collect();
    let mut found = Vec::new();
    for (at, (number, line)) in code.iter().enumerate() {
        let Some(start) = declaration(line) else {
            continue;
        };
        if OTHERS_SHAPE
            .iter()
            .any(|name| line[start..].starts_with(name))
        {
            continue;
        }
        let rest: Vec<&str> = code[at + 1..]
            .iter()
            .take(60)
            .map(|(_, line)| *line)
            .collect();
        let text = format!("{}\n{}", &line[start..], rest.join("\n"));
        found.push((*number, count(&text)));
    }
    found
}

/// Where the name of a declared function begins.
fn declaration(line: &str) -> Option<usize> {
    let indent = line.len() - line.trim_start().len();
    let words = [
        "pub(crate)",
        "pub(super)",
        "pub",
        "async",
        "const",
        "unsafe",
        "fn",
    ];
    let mut at = indent;
    for word in line.trim_start().split(' ') {
        if !words.contains(&word) {
            return None;
        }
        at += word.len() + 1;
        if word == "fn" {
            return Some(at);
        }
    }
    None
}

/// Counts what stands between a signature's parentheses, divided by commas.
fn count(signature: &str) -> usize {
    let (mut depth, mut angle) = (0usize, 0usize);
    let mut parts = vec![String::new()];
    let mut before = ' ';
    for c in signature.chars() {
        match c {
            '<' => angle += 1,
            '>' if before != '-' && before != '=' => angle = angle.saturating_sub(1),
            '(' | '[' | '{' if depth > 0 || angle == 0 => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            _ => {}
        }
        if c == ')' && depth == 0 && angle == 0 {
            break;
        }
        if c == ',' && depth == 1 && angle == 0 {
            parts.push(String::new());
        } else if depth > 0 {
            parts.last_mut().expect("there is one").push(c);
        }
        before = c;
    }
    let own = |part: &&String| {
        let part = part.trim_start_matches('(').trim();
        !part.is_empty() && !part.ends_with("self") && !part.contains("self:")
    };
    parts.iter().filter(own).count()
}
