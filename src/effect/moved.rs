//! How much of a database a program has moved, and what it is at, from what it says and from what
//! the server sees of its COPYs. It asks nobody, and what it counts never goes back.

use std::collections::BTreeMap;
use std::time::Duration;

use super::TableSize;
use super::complaints::message;
use super::rate::Rate;

/// How many things that run side by side are named.
const MOST_NAMED: usize = 2;

/// What the programs say they do besides tables, as far as it is worth repeating.
const SAID: [&str; 4] = ["creating ", "reading ", "saving large", "restoring large"];

/// What a server sees of a COPY that runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copied {
    /// Bytes of its text so far: not to be compared with a table's size on disk.
    pub bytes: u64,
    /// Rows so far.
    pub rows: u64,
}

/// How far a table is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// Named by the program, and not seen by the server yet.
    Begun,
    /// Not seen at a poll: too quick to be seen, or not quite begun.
    Missed,
    /// Copied at this moment, with the part of it that is through.
    Copying(f64),
    /// All of its rows are through.
    Done,
}

/// How much was moved.
#[derive(Debug)]
pub(super) struct Moved<'a> {
    /// By the name that the programs and the server say: `schema.name`, without quotes.
    tables: BTreeMap<String, &'a TableSize>,
    stages: BTreeMap<String, Stage>,
    /// What the program works on besides tables, by the number it gives it.
    items: BTreeMap<String, String>,
    said_last: String,
    one_at_a_time: bool,
    bytes_done: u64,
    rate: Rate,
}

impl<'a> Moved<'a> {
    /// Nothing was moved yet; `one_at_a_time` is whether the program has one connection.
    pub(super) fn new(tables: &'a [TableSize], one_at_a_time: bool) -> Self {
        let said = |table: &TableSize| format!("{}.{}", table.schema, table.name);
        let tables = tables.iter().map(|table| (said(table), table));
        Self {
            tables: tables.collect(),
            stages: BTreeMap::new(),
            items: BTreeMap::new(),
            said_last: String::new(),
            one_at_a_time,
            bytes_done: 0,
            rate: Rate::from(0),
        }
    }

    /// Takes one line of the program's verbose output.
    pub(super) fn heard(&mut self, line: &str) {
        let message = message(line).unwrap_or(line.trim_start());
        let after = |said: &str| message.strip_prefix(said);
        let table = after("dumping contents of table ").or(after("processing data for table "));
        if let Some(table) = table {
            self.end_all_before();
            self.said_last.clear();
            self.stages
                .entry(unquoted(table).to_owned())
                .or_insert(Stage::Begun);
        } else if let Some((number, what)) = after("launching item ").and_then(numbered) {
            self.items.insert(number.to_owned(), what.to_owned());
        } else if let Some((number, what)) = after("finished item ").and_then(numbered) {
            self.items.remove(number);
            if let Some(table) = what.strip_prefix("TABLE DATA ") {
                self.finish(table);
            }
        } else if SAID.iter().any(|said| message.starts_with(said)) {
            message.clone_into(&mut self.said_last);
            self.end_all_before();
        }
    }

    fn end_all_before(&mut self) {
        if self.one_at_a_time {
            self.stages
                .values_mut()
                .for_each(|stage| *stage = Stage::Done);
        }
    }

    /// The program names no schema here: where two tables share a name, the polls have to tell.
    fn finish(&mut self, name: &str) {
        let named = |(said, table): &(&String, &&TableSize)| {
            table.name == name && self.stages.get(*said) != Some(&Stage::Done)
        };
        let mut open = self.tables.iter().filter(named).map(|(said, _)| said);
        if let (Some(said), None) = (open.next(), open.next()) {
            self.stages.insert(said.clone(), Stage::Done);
        }
    }

    /// Takes what the server sees at a moment since the start; `None` when it cannot tell.
    pub(super) fn polled(&mut self, at: Duration, copying: Option<&BTreeMap<String, Copied>>) {
        if let Some(copying) = copying {
            for (name, stage) in &mut self.stages {
                *stage = match (*stage, copying.get(name)) {
                    (Stage::Done, _) => Stage::Done,
                    (_, Some(copied)) => Stage::Copying(
                        self.tables
                            .get(name)
                            .map_or(0.0, |table| part(table, *copied)),
                    ),
                    (Stage::Begun, None) => Stage::Missed,
                    (Stage::Missed | Stage::Copying(_), None) => Stage::Done,
                };
            }
        }
        let moved = |(name, stage): (&String, &Stage)| {
            let bytes = self.tables.get(name).map_or(0, |table| table.bytes);
            match stage {
                Stage::Begun | Stage::Missed => 0,
                Stage::Copying(part) => (bytes as f64 * part) as u64,
                Stage::Done => bytes,
            }
        };
        let bytes: u64 = self.stages.iter().map(moved).sum();
        self.bytes_done = self.bytes_done.max(bytes).min(self.bytes_total());
        self.rate.sample(at, self.bytes_done);
    }

    /// The program succeeded: everything was moved.
    pub(super) fn ended(&mut self, at: Duration) {
        self.stages.clear();
        self.items.clear();
        self.said_last.clear();
        self.bytes_done = self.bytes_total();
        self.rate.sample(at, self.bytes_done);
    }

    /// Bytes of the tables on the source's disk, as far as their rows are through.
    pub(super) fn bytes_done(&self) -> u64 {
        self.bytes_done
    }

    /// Bytes of all tables on the source's disk.
    pub(super) fn bytes_total(&self) -> u64 {
        self.tables.values().map(|table| table.bytes).sum()
    }

    /// Over the last minute, or since the start.
    pub(super) fn bytes_per_second(&self) -> u64 {
        self.rate.bytes_per_second()
    }

    /// Seconds until all rows are through, at this rate; `None` while none are moved.
    pub(super) fn seconds_left(&self) -> Option<u64> {
        self.open().next()?;
        self.rate.seconds_left(self.bytes_total() - self.bytes_done)
    }

    /// The tables that were begun and are not done.
    fn open(&self) -> impl Iterator<Item = &str> {
        let open = |(_, stage): &(&String, &Stage)| **stage != Stage::Done;
        self.stages
            .iter()
            .filter(open)
            .map(|(name, _)| name.as_str())
    }

    /// What is being worked on.
    pub(super) fn activity(&self) -> String {
        let tables = self.open();
        let others = self.items.values().map(String::as_str);
        let others = others.filter(|item| !item.starts_with("TABLE DATA "));
        let all: Vec<&str> = tables.chain(others).collect();
        if all.is_empty() {
            return self.said_last.clone();
        }
        crate::report::some_of(&all, MOST_NAMED)
    }
}

/// The part of a table that is through: by rows where their number is known, because the bytes of
/// a COPY are text, and those of a table are not.
fn part(table: &TableSize, copied: Copied) -> f64 {
    let (done, all) = match table.rows {
        Some(rows) if rows > 0 => (copied.rows, rows),
        _ => (copied.bytes, table.bytes),
    };
    if all == 0 {
        return 0.0;
    }
    (done as f64 / all as f64).min(1.0)
}

/// `3359 TABLE DATA events`, apart.
fn numbered(text: &str) -> Option<(&str, &str)> {
    text.split_once(' ')
}

/// The programs put one pair of quotes around a name, whatever is in it.
fn unquoted(name: &str) -> &str {
    let inner = name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'));
    inner.unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes() -> Vec<TableSize> {
        let table = |schema: &str, name: &str, bytes, rows| TableSize {
            schema: schema.to_owned(),
            name: name.to_owned(),
            bytes,
            rows,
        };
        vec![
            table("public", "big", 1000, Some(100)),
            table("We.ird\"s", "T.a\"b x\"", 500, None),
            table("other", "big", 10, Some(1)),
        ]
    }

    fn copying(name: &str, bytes: u64, rows: u64) -> BTreeMap<String, Copied> {
        BTreeMap::from([(name.to_owned(), Copied { bytes, rows })])
    }

    fn second(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn rows_count_where_their_number_is_known_and_bytes_elsewhere() {
        let tables = sizes();
        let mut moved = Moved::new(&tables, false);
        moved.heard("pg_dump: dumping contents of table \"public.big\"");
        moved.polled(second(1), Some(&copying("public.big", 999_999, 25)));
        assert_eq!(moved.bytes_done(), 250);
        assert_eq!(moved.bytes_per_second(), 250);
        assert_eq!(moved.seconds_left(), Some(6));
        moved.heard("pg_dump: dumping contents of table \"We.ird\"s.T.a\"b x\"\"");
        moved.polled(second(2), Some(&copying("We.ird\"s.T.a\"b x\"", 250, 7)));
        assert_eq!(
            moved.bytes_done(),
            1250,
            "the first is done, the second half"
        );
    }

    #[test]
    fn what_is_done_never_goes_back_and_ends_at_the_total() {
        let tables = sizes();
        let mut moved = Moved::new(&tables, false);
        moved.heard("pg_restore: processing data for table \"public.big\"");
        moved.polled(second(1), Some(&copying("public.big", 1, 90)));
        moved.polled(second(2), Some(&copying("public.big", 1, 10)));
        assert_eq!(moved.bytes_done(), 900);
        moved.ended(second(3));
        assert_eq!((moved.bytes_done(), moved.seconds_left()), (1510, None));
    }

    #[test]
    fn two_lines_begun_as_one_are_understood() {
        let tables = sizes();
        let mut moved = Moved::new(&tables, false);
        moved.heard("pg_dump:pg_dump:  dumping contents of table \"public.big\"");
        assert_eq!(moved.activity(), "public.big");
    }

    #[test]
    fn a_table_too_quick_to_be_seen_counts_one_poll_later() {
        let tables = sizes();
        let mut moved = Moved::new(&tables, false);
        moved.heard("pg_dump: dumping contents of table \"public.big\"");
        moved.polled(second(1), Some(&BTreeMap::new()));
        assert_eq!(moved.bytes_done(), 0);
        moved.polled(second(2), Some(&BTreeMap::new()));
        assert_eq!(moved.bytes_done(), 1000);
    }

    #[test]
    fn a_server_that_cannot_tell_is_made_up_for_by_what_the_program_says() {
        let tables = sizes();
        let mut moved = Moved::new(&tables, false);
        moved.heard("pg_restore: processing data for table \"public.big\"");
        moved.polled(second(1), None);
        moved.polled(second(2), None);
        assert_eq!(moved.bytes_done(), 0);
        moved.heard("pg_restore: finished item 12 TABLE DATA T.a\"b x\"");
        moved.polled(second(3), None);
        assert_eq!(moved.bytes_done(), 500);
        moved.heard("pg_restore: finished item 13 TABLE DATA big");
        moved.polled(second(4), None);
        assert_eq!(moved.bytes_done(), 500, "one of two tables of that name");

        let mut moved = Moved::new(&tables, true);
        moved.heard("pg_restore: processing data for table \"public.big\"");
        moved.heard("pg_restore: creating INDEX \"public.i\"");
        moved.polled(second(1), None);
        assert_eq!(moved.bytes_done(), 1000);
    }

    #[test]
    fn the_activity_names_what_runs_and_not_what_has_ended() {
        let tables = sizes();
        let mut moved = Moved::new(&tables, false);
        for line in [
            "pg_restore: launching item 1 TABLE DATA big",
            "pg_restore: processing data for table \"public.big\"",
            "pg_restore: launching item 2 INDEX a_idx",
            "pg_restore: creating INDEX \"public.a_idx\"",
        ] {
            moved.heard(line);
        }
        assert_eq!(moved.activity(), "public.big, INDEX a_idx");
        moved.heard("pg_restore: finished item 2 INDEX a_idx");
        assert_eq!(moved.activity(), "public.big");
    }
}
