//! The script that `pg_restore` writes of a dump, cut into its entries: which of them a step makes, and
//! what of an entry may fail. It changes no text, and it neither reads nor sends anything.

use std::collections::HashSet;

/// The part of a dump that one step makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptPart {
    /// Everything that comes before rows.
    BeforeData,
    /// What comes after rows and before the first foreign key: indexes, rules, triggers.
    BeforeForeignKeys,
    /// What comes after that, but event triggers: policies, publications, materialized views.
    AfterForeignKeys,
    /// Event triggers, which nothing of the migration itself is to wake.
    EventTriggers,
}

impl ScriptPart {
    /// The section of the dump that it is in.
    pub(super) fn section(self) -> &'static str {
        match self {
            Self::BeforeData => "pre-data",
            Self::BeforeForeignKeys | Self::AfterForeignKeys | Self::EventTriggers => "post-data",
        }
    }

    /// The part in a few words, for the plan.
    pub(super) fn shown(self) -> &'static str {
        match self {
            Self::BeforeData => "what comes before rows",
            Self::BeforeForeignKeys => "what comes between rows and foreign keys",
            Self::AfterForeignKeys => "what comes after foreign keys",
            Self::EventTriggers => "event triggers",
        }
    }

    /// Of the list of its section, the entries of this part that were not `made` already, by OID.
    pub(super) fn of(self, list: &str, made: &[u32]) -> String {
        let entries: Vec<Listed<'_>> = list.lines().filter_map(Listed::read).collect();
        let first_key = entries
            .iter()
            .position(|e| e.rest.starts_with("FK CONSTRAINT "));
        let first_key = first_key.unwrap_or(entries.len());
        let is_here = |(at, entry): &(usize, Listed<'_>)| match self {
            Self::BeforeData => true,
            Self::BeforeForeignKeys => *at < first_key && !entry.is_of_event_trigger(),
            Self::AfterForeignKeys => *at >= first_key && !entry.is_of_event_trigger(),
            Self::EventTriggers => entry.is_of_event_trigger(),
        };
        let here = entries.into_iter().enumerate().filter(is_here);
        let made: HashSet<u32> = made.iter().copied().collect();
        let here = here
            .map(|(_, entry)| entry)
            .filter(|entry| !entry.is_one_of(&made));
        here.map(|entry| format!("{}\n", entry.line)).collect()
    }
}

/// An entry of a list: `3456; 1259 16400 INDEX public name owner`.
struct Listed<'a> {
    line: &'a str,
    id: &'a str,
    catalog: &'a str,
    oid: &'a str,
    rest: &'a str,
}

impl<'a> Listed<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut words = line.splitn(4, ' ');
        // What else is in a list is behind a semicolon.
        let id = words
            .next()?
            .strip_suffix(';')
            .filter(|id| !id.is_empty())?;
        Some(Self {
            line,
            id,
            catalog: words.next()?,
            oid: words.next()?,
            rest: words.next()?,
        })
    }

    /// Its comment and its security label too; both are in no schema.
    fn is_of_event_trigger(&self) -> bool {
        let kinds = [
            "EVENT TRIGGER ",
            "COMMENT - EVENT TRIGGER ",
            "SECURITY LABEL - EVENT TRIGGER ",
        ];
        kinds.iter().any(|kind| self.rest.starts_with(kind))
    }

    /// Indexes are of `pg_class`, constraints of `pg_constraint`.
    fn is_one_of(&self, made: &HashSet<u32>) -> bool {
        let oid = self.oid.parse().ok();
        matches!(self.catalog, "1259" | "2606") && oid.is_some_and(|oid| made.contains(&oid))
    }

    /// How the script calls it, after [`HEADER`].
    fn header(&self) -> String {
        let Self {
            id, catalog, oid, ..
        } = self;
        format!("{id} (class {catalog} OID {oid})")
    }
}

/// A script in the order in which it is sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pieces<'a> {
    /// What it sets for the session, a statement each.
    pub head: Vec<&'a str>,
    /// Its entries, each with what it sets for those after it.
    pub entries: Vec<Entry<'a>>,
}

/// One object, or what is said of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// Its text in the script.
    pub text: &'a str,
}

/// The script of the entries that are listed. Where one begins is told by its id, catalog and OID,
/// which no text in the database can know. `psql` alone understands `\restrict` and `\unrestrict`,
/// which newer versions write around it all.
pub(super) fn pieces<'a>(script: &'a str, list: &str) -> Pieces<'a> {
    let listed = list.lines().filter_map(Listed::read);
    let mut listed: HashSet<String> = listed.map(|entry| entry.header()).collect();
    let begins = script.match_indices(HEADER).map(|(at, _)| at);
    let begins = begins.filter(|at| {
        let line = script[at + HEADER.len()..].lines().next();
        line.is_some_and(|line| listed.remove(line))
    });
    let at: Vec<usize> = begins.collect();
    let end = script.rfind("\n\\unrestrict ").unwrap_or(script.len());
    let head = &script[..at.first().copied().unwrap_or(end)];
    let ends = at.iter().skip(1).copied().chain([end]);
    let entries = at.iter().zip(ends).map(|(from, to)| Entry {
        text: &script[*from..to],
    });
    let entries: Vec<Entry<'_>> = entries.collect();
    Pieces {
        head: head.lines().filter(|line| sets(line)).collect(),
        entries,
    }
}

/// How the script begins an entry where `pg_restore` is verbose.
const HEADER: &str = "\n--\n-- TOC entry ";

fn sets(line: &str) -> bool {
    line.starts_with("SET ") || line.starts_with("SELECT pg_catalog.set_config(")
}

/// Whether a line is no end of a text in quotes.
fn is_whole(line: &str) -> bool {
    line.matches('\'').count().is_multiple_of(2) && !line.contains('$')
}

/// Kinds of entries without which every row, column, key and index is as it should be.
const HARMLESS: [&str; 4] = ["ACL", "DEFAULT ACL", "COMMENT", "SECURITY LABEL"];

impl<'a> Entry<'a> {
    /// What it sets for the entries after it, a statement each: that comes last.
    pub(super) fn settings(&self) -> Vec<&'a str> {
        let lines = self.text.lines().rev();
        let lines = lines.take_while(|line| line.is_empty() || sets(line) && is_whole(line));
        let mut lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        lines.reverse();
        lines
    }

    /// What it is, for people: `TABLE orders`.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.kind(), self.label("-- Name: ", ";"))
    }

    /// What kind of object it is.
    pub(super) fn kind(&self) -> &'a str {
        self.label("; Type: ", ";")
    }

    /// Its number in the dump.
    pub(super) fn id(&self) -> &'a str {
        let rest = self.text.strip_prefix(HEADER).unwrap_or_default();
        rest.split(' ').next().unwrap_or_default()
    }

    /// The numbers of those that it stands on, which `pg_restore` tells where it is verbose.
    pub(super) fn needs(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let rest = self.text.strip_prefix(HEADER).unwrap_or_default();
        let line = rest.lines().nth(1).unwrap_or_default();
        let needs = line.strip_prefix("-- Dependencies: ").unwrap_or_default();
        needs.split_whitespace()
    }

    fn label(&self, before: &str, after: &str) -> &'a str {
        let rest = self.text.split_once(before).map_or("", |(_, rest)| rest);
        rest.split_once(after).map_or(rest, |(label, _)| label)
    }

    /// Its statements, and whether each may fail and be told as a warning: who owns something, and
    /// everything about privileges and comments. A privilege is a line each.
    pub(super) fn statements(&self) -> Vec<(&'a str, bool)> {
        if HARMLESS.contains(&self.kind()) {
            return self
                .text
                .split_inclusive(";\n")
                .map(|part| (part, true))
                .collect();
        }
        let owner = self.text.rfind("\n\n\nALTER ");
        match owner.map(|at| self.text.split_at(at)) {
            Some((made, owner)) if owner.contains(" OWNER TO ") => {
                vec![(made, false), (owner, true)]
            }
            _ => vec![(self.text, false)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ScriptPart::{AfterForeignKeys, BeforeForeignKeys, EventTriggers};
    use super::*;

    const LIST: &str = "\
;
; Archive created at some time
;
1; 1259 10 INDEX public a me
2; 2606 11 CONSTRAINT public t FK CONSTRAINT me
3; 0 0 COMMENT public INDEX a me
4; 2620 10 TRIGGER public t x me
5; 3466 20 EVENT TRIGGER - watch me
6; 2606 12 FK CONSTRAINT public t f me
7; 0 0 COMMENT public CONSTRAINT f ON t me
8; 0 0 COMMENT - EVENT TRIGGER watch me
9; 0 13 MATERIALIZED VIEW DATA public m me
";

    fn ids(list: &str) -> Vec<&str> {
        let lines = list.lines().filter_map(|line| line.split_once(';'));
        lines.map(|(id, _)| id).collect()
    }

    #[test]
    fn every_entry_is_in_one_part_but_what_was_made_is_in_none_by_its_oid() {
        let of = |part: ScriptPart, made: &[u32]| part.of(LIST, made);
        assert_eq!(ids(&of(BeforeForeignKeys, &[])), ["1", "2", "3", "4"]);
        assert_eq!(ids(&of(AfterForeignKeys, &[])), ["6", "7", "9"]);
        assert_eq!(ids(&of(EventTriggers, &[])), ["5", "8"]);
        assert_eq!(ids(&of(BeforeForeignKeys, &[10, 11])), ["3", "4"]);
        assert_eq!(ids(&of(AfterForeignKeys, &[12])), ["7", "9"]);
    }

    fn entry(id: u32, kind: &str, sql: &str) -> String {
        format!(
            "\n--\n-- TOC entry {id} (class 0 OID 0)\n-- Name: n{id}; Type: {kind}; Schema: -; \
             Owner: me\n--\n\n{sql}"
        )
    }

    #[test]
    fn a_script_is_cut_where_the_list_says_and_changed_nowhere() {
        let list = "1; 0 0 FUNCTION - n1 me\n2; 0 0 TABLE - n2 me\n";
        let body = "select $$\r\n\\restrict x\n\n--\n-- TOC entry 7 (class 0 OID 0)\n\\b$$;\n\nSET a = 2;\n\n";
        let (one, two) = (entry(1, "FUNCTION", body), entry(2, "TABLE", "select 2;\n"));
        let script = format!("\\restrict abc\nSET a = 1;\n{one}{two}\n\\unrestrict abc\n");
        let Pieces { head, entries } = pieces(&script, list);
        assert_eq!(head, ["SET a = 1;"]);
        let texts: Vec<&str> = entries.iter().map(|entry| entry.text).collect();
        assert_eq!(texts, [one.as_str(), two.as_str()]);
        assert_eq!(entries[0].settings(), ["SET a = 2;"]);
        assert_eq!(entries[1].name(), "TABLE n2");
    }

    #[test]
    fn who_owns_something_may_fail_and_what_it_is_may_not() {
        let made = "CREATE TABLE n1 ();\n\n\n";
        let owned = entry(
            1,
            "TABLE",
            &format!("{made}ALTER TABLE n1 OWNER TO me;\n\n"),
        );
        let parts = Entry { text: &owned }.statements();
        let may_fail: Vec<bool> = parts.iter().map(|(_, may_fail)| *may_fail).collect();
        assert_eq!(may_fail, [false, true]);
        assert_eq!(parts.iter().map(|(sql, _)| *sql).collect::<String>(), owned);
        let changed = entry(
            2,
            "DEFAULT",
            "ALTER TABLE n1 ALTER a SET DEFAULT ' OWNER TO ';\n",
        );
        assert_eq!(
            Entry { text: &changed }.statements(),
            [(changed.as_str(), false)]
        );
        let granted = entry(3, "ACL", "GRANT ALL ON n1 TO a;\nGRANT ALL ON n1 TO b;\n");
        let parts = Entry { text: &granted }.statements();
        assert_eq!(parts.len(), 2);
        assert!(parts.iter().all(|(_, may_fail)| *may_fail));
    }
}
