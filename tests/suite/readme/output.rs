//! Output as the README shows it and as it came now, without what no two runs have in common.
//! Never forgives a word that is missing.

use regex::Regex;

/// What differs from run to run, and what stands in its place.
const OF_ONE_RUN: &[(&str, &str)] = &[
    (r"/[^ \n]*/pg_dbmigrator-[0-9a-f]{12}", "<folder>"),
    (
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T|\s+)[0-9:.]+( UTC|Z)",
        "<when>",
    ),
    (
        r"\b(under )?[0-9]+(\.[0-9]+)? (ms|s|min|h)\b( [0-9]+ (s|min))?",
        "<time>",
    ),
    (r"\b[0-9]+(\.[0-9]+)? (B|KiB|MiB|GiB)\b", "<size>"),
    (r"\b[0-9A-F]+/[0-9A-F]+\b", "<lsn>"),
    // Of a run that was killed: how far it came depends on the machine.
    (r"stopped, [0-9]+ steps done", "stopped, <some> steps done"),
    (r"\b[0-9]+ steps done", "<steps> done"),
    (r"PostgreSQL [0-9.]+", "PostgreSQL <version>"),
    (r#""run":"[0-9a-f]{8}""#, "\"run\":\"<run>\""),
    (r#""seconds":[0-9.]+"#, "\"seconds\":<seconds>"),
];

/// Text in which two runs should agree. Steps side by side end in any order; how often progress is
/// told depends on the machine, and a shell tells of a killed child.
pub(super) fn normalised(text: &str) -> Vec<String> {
    let mut text = text.to_owned();
    for (pattern, instead) in OF_ONE_RUN {
        let pattern = Regex::new(pattern).expect("a constant pattern");
        text = pattern.replace_all(&text, *instead).into_owned();
    }
    let progress = Regex::new("^ {8}[^ ].*<size>").expect("a constant pattern");
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| !progress.is_match(line) || line.contains(" tables, "))
        .filter(|line| !line.contains(" Killed "))
        .map(|line| line.trim_end().to_owned())
        .collect();
    let is_done = |line: &String| line.starts_with("  done  ");
    for run in lines.chunk_by_mut(|one, next| is_done(one) && is_done(next)) {
        run.sort();
    }
    lines
}

/// Whether the output is what the README shows, where a line `...` stands for any lines.
pub(super) fn matches(shown: &str, came: &str) -> bool {
    let came = normalised(came);
    let shown = normalised(shown);
    let parts: Vec<&[String]> = shown.split(|line| line == "...").collect();
    let mut rest = &came[..];
    for (index, part) in parts.iter().enumerate() {
        let (is_first, is_last) = (index == 0, index + 1 == parts.len());
        let at = match (is_first, is_last) {
            (true, _) if !rest.starts_with(part) => return false,
            (true, _) => 0,
            (false, true) if rest.ends_with(part) => rest.len() - part.len(),
            (false, true) => return false,
            (false, false) => {
                let found = (0..=rest.len()).find(|at| rest[*at..].starts_with(part));
                let Some(at) = found else { return false };
                at
            }
        };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

#[test]
fn output_that_lacks_a_line_or_has_one_more_does_not_match() {
    let came = "one\ntwo 21 ms\n  done  b\n  done  a\nthree\n";
    assert!(matches(
        "one\ntwo 4.0 s\n  done  a\n  done  b\nthree\n",
        came
    ));
    assert!(matches("one\n...\nthree\n", came));
    assert!(!matches("one\n...\nfour\n", came));
    assert!(!matches("one\ntwo 4.0 s\n  done  a\n  done  b\n", came));
    assert!(!matches("one\nthree\n", came));
    assert!(!matches("two 1 s\n...\nthree\n", came));
}
