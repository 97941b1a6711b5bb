//! In which order the entries of a script are made, some at a time: one after the other as `pg_restore`
//! writes them, or side by side where neither stands on the other. It changes no text, and sends nothing.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::script_parts::Entry;

/// How many entries go into one transaction: each may lock a few tables.
const ENTRIES_PER_PIECE: usize = 100;

/// Kinds of which thousands are made, each apart from the others but for what its entry says. Of every
/// other kind something may be needed that no entry says: what a view is printed with may be a cast,
/// of which PostgreSQL keeps the function alone.
const APART: [&str; 7] = [
    "TABLE",
    "FOREIGN TABLE",
    "SEQUENCE",
    "SEQUENCE OWNED BY",
    "DEFAULT",
    "VIEW",
    "MATERIALIZED VIEW",
];

/// Entries that are made in one transaction.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// The entries.
    pub entries: &'a [Entry<'a>],
    /// What those before it set for the session.
    pub settings: Vec<&'a str>,
    /// The pieces that have to be made before, by number.
    pub after: BTreeSet<usize>,
}

/// The pieces one after the other; `at_once` all of them in one.
pub(super) fn in_order<'a>(entries: &'a [Entry<'a>], at_once: bool) -> Vec<Piece<'a>> {
    let size = match at_once {
        true => entries.len().max(1),
        false => ENTRIES_PER_PIECE,
    };
    let mut pieces = with_settings(entries.chunks(size));
    for (number, piece) in pieces.iter_mut().enumerate().skip(1) {
        piece.after.insert(number - 1);
    }
    pieces
}

/// The pieces side by side, as far as their entries let them.
pub(super) fn side_by_side<'a>(entries: &'a [Entry<'a>]) -> Vec<Piece<'a>> {
    let runs = runs(entries);
    let mut pieces = with_settings(runs.iter().map(|(_, run)| &entries[run.clone()]));
    let mut made_by: HashMap<&str, usize> = HashMap::new();
    let mut after_all = None;
    for (number, (apart, _)) in runs.into_iter().enumerate() {
        let piece = &mut pieces[number];
        piece.after.extend(after_all);
        if apart {
            let needed = piece.entries.iter().flat_map(Entry::needs);
            piece.after.extend(needed.filter_map(|id| made_by.get(id)));
        } else {
            piece.after.extend(0..number);
            after_all = Some(number);
        }
        made_by.extend(piece.entries.iter().map(|entry| (entry.id(), number)));
    }
    pieces
}

/// Entries that follow each other and are alike in whether they are made apart; a comment is with what
/// it is about.
fn runs(entries: &[Entry<'_>]) -> Vec<(bool, Range<usize>)> {
    let mut runs: Vec<(bool, Range<usize>)> = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let last = runs.last_mut();
        let is_apart = match (entry.kind(), &last) {
            ("COMMENT", Some((last, _))) => *last,
            (kind, _) => APART.contains(&kind),
        };
        match last {
            Some((last, run)) if *last == is_apart && run.len() < ENTRIES_PER_PIECE => {
                run.end = at + 1;
            }
            _ => runs.push((is_apart, at..at + 1)),
        }
    }
    runs
}

fn with_settings<'a>(pieces: impl Iterator<Item = &'a [Entry<'a>]>) -> Vec<Piece<'a>> {
    let mut settings: Vec<&str> = Vec::new();
    let with_settings = |entries: &'a [Entry<'a>]| {
        let before = settings.clone();
        for set in entries.iter().flat_map(Entry::settings) {
            settings.retain(|other| what(other) != what(set));
            settings.push(set);
        }
        Piece {
            entries,
            settings: before,
            after: BTreeSet::new(),
        }
    };
    pieces.map(with_settings).collect()
}

/// What is set.
fn what(set: &str) -> &str {
    set.split_once(" = ").map_or(set, |(what, _)| what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(id: usize, kind: &str, needs: &str, sql: &str) -> String {
        format!(
            "\n--\n-- TOC entry {id} (class 0 OID 0)\n{needs}-- Name: n; Type: {kind}; Schema: -; \
             Owner: me\n--\n\n{sql}"
        )
    }

    fn after(texts: &[String]) -> Vec<Vec<usize>> {
        let entries: Vec<Entry<'_>> = texts.iter().map(|text| Entry { text }).collect();
        let pieces = side_by_side(&entries);
        let after = pieces.iter().map(|piece| piece.after.iter().copied());
        after.map(Iterator::collect).collect()
    }

    #[test]
    fn tables_wait_for_what_they_stand_on_and_for_nothing_else() {
        let mut texts = vec![text(1, "SCHEMA", "", "create schema n;\n")];
        texts.extend((2..202).map(|id| text(id, "TABLE", "-- Dependencies: 1\n", "")));
        texts.push(text(202, "VIEW", "-- Dependencies: 150 1\n", ""));
        assert_eq!(after(&texts), [vec![], vec![0], vec![0], vec![0, 2]]);
    }

    #[test]
    fn what_may_be_needed_unsaid_waits_for_all_before_it_and_all_after_wait_for_it() {
        let kinds = ["TABLE", "CAST", "COMMENT", "TABLE", "VIEW", "ACL"];
        let texts = kinds.iter().enumerate();
        let texts: Vec<String> = texts.map(|(id, kind)| text(id, kind, "", "")).collect();
        assert_eq!(after(&texts), [vec![], vec![0], vec![1], vec![0, 1, 2]]);
    }

    #[test]
    fn a_piece_knows_what_those_before_it_have_set() {
        let sets = "SET default_tablespace = 'a';\n\nSET b = 1;\n\n";
        let later = "COMMENT ON TABLE n IS 'say\nSET b = 2';\n\nSET default_tablespace = '';\n\n";
        let texts = [
            text(1, "SCHEMA", "", sets),
            text(2, "TABLE", "", later),
            text(3, "ACL", "", ""),
        ];
        let entries = texts.each_ref().map(|text| Entry { text });
        let settings: Vec<Vec<&str>> = side_by_side(&entries)
            .into_iter()
            .map(|piece| piece.settings)
            .collect();
        let first = "SET default_tablespace = 'a';";
        assert_eq!(settings[0], Vec::<&str>::new());
        assert_eq!(settings[1], [first, "SET b = 1;"]);
        assert_eq!(settings[2], ["SET b = 1;", "SET default_tablespace = '';"]);
    }
}
