//! The subscriber's own error, from the tail of its server's log, for roles that may read it.
//! It never shows a row: of a key only what the caller allows.

use tokio_postgres::Client;

use crate::row_values::without_row_values;

/// As much of the log's end is read: an error's lines are a few hundred bytes, and a busy server
/// may log a lot in a minute.
const TAIL: i64 = 1024 * 1024;

/// Every version's words in the context of an error of an apply worker.
const APPLYING: &str = "processing remote data";

/// What a leader says for its parallel worker (16), which has said why itself.
const RELAYED: &str = "parallel apply worker exited due to error";

/// What passes by itself: the worker tries again.
const PASSING: [&str; 3] = ["deadlock detected", "canceling statement", "terminating "];

/// An end of the log.
#[derive(Debug)]
pub(super) struct Mark {
    file: String,
    size: i64,
}

/// An error as the server logged it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Entry {
    /// What happened.
    pub message: String,
    /// The detail, of several lines maybe.
    pub detail: String,
    context: String,
}

/// A key as the server prints it: `Key (id, n)=(1, 2)`. Columns are quoted where they have to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    /// Its columns.
    pub columns: String,
    /// Their values, where they are numbers, dates or UUIDs.
    pub values: Option<String>,
}

/// Where the log ends now; nothing when it cannot be read.
pub(super) async fn end(client: &Client) -> Option<Mark> {
    let sql = "select file, (pg_stat_file(file)).size \
               from (select pg_current_logfile('stderr')) as log (file) where file is not null";
    let row = client.query_opt(sql, &[]).await.ok().flatten()?;
    Some(Mark {
        file: row.try_get(0).ok()?,
        size: row.try_get(1).ok()?,
    })
}

/// The last failure of the worker with this origin since a mark.
pub(super) async fn failure(client: &Client, origin: &str, since: &Mark) -> Option<Entry> {
    let now = end(client).await?;
    let tail = (now.size - TAIL).max(0);
    let from = match since.file == now.file {
        true => since.size.max(tail),
        false => tail,
    };
    let sql = "select pg_read_binary_file($1, $2, $3)";
    let row = client.query_one(sql, &[&now.file, &from, &TAIL]).await;
    let bytes: Vec<u8> = row.ok()?.try_get(0).ok()?;
    let mut entries = entries(&String::from_utf8_lossy(&bytes), origin);
    entries.retain(|entry| !PASSING.iter().any(|word| entry.message.contains(word)));
    entries.pop()
}

/// Every error of the worker with this origin. Whatever `log_line_prefix` is, an error and what
/// belongs to it are written in one go, and go on in lines that begin with a tab.
fn entries(log: &str, origin: &str) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    let mut part = Part::Other;
    for line in log.lines() {
        if let Some(more) = line.strip_prefix('\t') {
            if let Some(text) = all.last_mut().and_then(|entry| part.of(entry)) {
                text.push('\n');
                text.push_str(more);
            }
            continue;
        }
        let (found, text) = Part::find(line);
        part = found;
        if part == Part::Message {
            all.push(Entry::default());
        }
        if let Some(place) = all.last_mut().and_then(|entry| part.of(entry)) {
            text.clone_into(place);
        }
    }
    let named = format!("replication origin \"{origin}\"");
    all.retain(|entry| {
        // Before 15 the origin is not named.
        let ours = entry.context.contains(&named) || !entry.context.contains("replication origin");
        ours && entry.context.contains(APPLYING) && !entry.message.contains(RELAYED)
    });
    all
}

/// A part of an entry.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Message,
    Detail,
    Context,
    Other,
}

impl Part {
    /// The part that a line begins, and its text.
    fn find(line: &str) -> (Self, &str) {
        let words = [
            ("ERROR:  ", Self::Message),
            ("DETAIL:  ", Self::Detail),
            ("CONTEXT:  ", Self::Context),
        ];
        let found = words.into_iter().find_map(|(word, part)| {
            let (_, text) = line.split_once(word)?;
            Some((part, text))
        });
        found.unwrap_or((Self::Other, ""))
    }

    fn of(self, entry: &mut Entry) -> Option<&mut String> {
        match self {
            Self::Message => Some(&mut entry.message),
            Self::Detail => Some(&mut entry.detail),
            Self::Context => Some(&mut entry.context),
            Self::Other => None,
        }
    }
}

impl Entry {
    /// `schema.table`, unquoted, as the context has it (14).
    pub(super) fn relation(&self) -> Option<&str> {
        let between = |text: &'_ str, word: &str| {
            let start = text.find(word)? + word.len();
            Some((start, start + text[start..].find('"')?))
        };
        let context = between(&self.context, "target relation \"");
        let context = context.map(|(start, end)| &self.context[start..end]);
        let message = || {
            let words = ["target relation \"", "detected on relation \""];
            let found = words.iter().find_map(|word| between(&self.message, word));
            found.map(|(start, end)| &self.message[start..end])
        };
        context.or_else(message)
    }

    /// Where the failed transaction ends on the publisher (15): what `skip` takes.
    pub(super) fn finished_at(&self) -> Option<&str> {
        let (_, rest) = self.context.split_once("finished at ")?;
        let end = rest.find(|c: char| !(c.is_ascii_hexdigit() || c == '/'));
        Some(&rest[..end.unwrap_or(rest.len())])
    }

    /// The key of a conflict.
    pub(super) fn key(&self) -> Option<Key> {
        let (_, rest) = self.detail.split_once("Key (")?;
        let (columns, rest) = rest.split_once(")=(")?;
        let values = rest.split_once(')').filter(|(values, after)| {
            let ends = after.starts_with(" already exists") || after.starts_with("; ");
            ends && values
                .chars()
                .all(|c| c.is_ascii_hexdigit() || "-, ".contains(c))
        });
        Some(Key {
            columns: columns.to_owned(),
            values: values.map(|(values, _)| values.to_owned()),
        })
    }

    /// The unique index that a conflict is about.
    pub(super) fn index(&self) -> Option<&str> {
        let words = [
            (&self.message, "unique constraint \""),
            (&self.detail, "unique index \""),
        ];
        words.into_iter().find_map(|(text, word)| {
            let (_, rest) = text.split_once(word)?;
            rest.split_once('"').map(|(name, _)| name)
        })
    }

    /// The columns that the subscriber lacks.
    pub(super) fn missing_columns(&self) -> Vec<&str> {
        let Some((_, list)) = self.message.split_once("missing replicated column") else {
            return Vec::new();
        };
        list.split('"').skip(1).step_by(2).collect()
    }

    /// The message and the detail without the values of rows, but for a key that may be shown.
    pub(super) fn shown(&self, key: Option<&Key>) -> String {
        let mut text = without_row_values(&self.message).into_owned();
        for line in self.detail.lines() {
            text.push('\n');
            let with_key = key
                .filter(|_| line.contains("Key ("))
                .and_then(|key| Some((key, key.values.as_deref()?)));
            match with_key {
                Some((key, values)) => {
                    text.push_str(&format!("Key ({})=({values}) already exists.", key.columns));
                }
                None => text.push_str(&without_row_values(line)),
            }
        }
        text
    }
}

/// Where the server's log is, for the operator: `in …`.
pub(super) async fn place(client: &Client) -> String {
    let sql = "select coalesce(max(setting) filter (where name = 'logging_collector'), ''), \
               coalesce(max(setting) filter (where name = 'log_destination'), ''), \
               coalesce(max(setting) filter (where name = 'data_directory'), ''), \
               coalesce(max(setting) filter (where name = 'log_directory'), '') \
               from pg_settings";
    let Ok(row) = client.query_one(sql, &[]).await else {
        return "in the server's log".to_owned();
    };
    let word = |at| row.try_get::<_, String>(at).unwrap_or_default();
    let (collector, destination, data, folder) = (word(0), word(1), word(2), word(3));
    if destination == "syslog" {
        return "in the syslog".to_owned();
    }
    if collector != "on" {
        return "in what the server writes to standard error (its service's journal, its \
                container's log, or the file it was started with)"
            .to_owned();
    }
    match (folder.as_str(), folder.starts_with('/')) {
        ("", _) => "in the server's log, in its log_directory".to_owned(),
        (folder, true) => format!("in the log in {folder}"),
        (folder, false) => format!("in the log in {data}/{folder}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON_15: &str = "\
2026-01-31 12:00:00 UTC [7] LOG:  logical replication apply worker for subscription \"s\" has started
2026-01-31 12:00:00 UTC [7] ERROR:  duplicate key value violates unique constraint \"t_pkey\"
2026-01-31 12:00:00 UTC [7] DETAIL:  Key (id)=(1) already exists.
2026-01-31 12:00:00 UTC [7] CONTEXT:  processing remote data for replication origin \"pg_16395\" during message type \"INSERT\" for replication target relation \"public.t\" in transaction 742, finished at 0/1537AF8
2026-01-31 12:00:00 UTC [7] LOG:  subscription \"s\" has been disabled because of an error
2026-01-31 12:00:01 UTC [9] ERROR:  duplicate key value violates unique constraint \"u_pkey\"
2026-01-31 12:00:01 UTC [9] DETAIL:  Key (id)=(2) already exists.
2026-01-31 12:00:01 UTC [9] STATEMENT:  insert into u values (2)
";

    const ON_18: &str = "\
@7|@ERROR:  conflict detected on relation \"public.t\": conflict=insert_exists
@7|@DETAIL:  Key already exists in unique index \"t_pkey\", modified in transaction 740.
\tKey (id)=(1); existing local row (1, ann@x.example); remote row (1, bob@x.example).
@7|@CONTEXT:  processing remote data for replication origin \"pg_16395\" during message type \"INSERT\" for replication target relation \"public.t\" in transaction 742, finished at 0/1537AF8
";

    #[test]
    fn a_conflict_is_found_in_the_log_of_every_version() {
        for log in [ON_15, ON_18] {
            let found = entries(log, "pg_16395");
            assert_eq!(found.len(), 1, "{found:?}");
            let entry = &found[0];
            assert_eq!(entry.relation(), Some("public.t"));
            assert_eq!(entry.finished_at(), Some("0/1537AF8"));
            assert_eq!(entry.index(), Some("t_pkey"));
            let key = entry.key().expect("it has a key");
            assert_eq!(key.columns, "id");
            assert_eq!(key.values.as_deref(), Some("1"));
            let shown = entry.shown(Some(&key));
            assert!(shown.ends_with("\nKey (id)=(1) already exists."), "{shown}");
            assert!(!entry.shown(None).contains("(1"), "{}", entry.shown(None));
            assert!(!shown.contains("ann"), "{shown}");
        }
        assert_eq!(entries(ON_15, "pg_16396"), []);
    }

    #[test]
    fn a_key_that_is_text_has_no_value() {
        let entry = |detail: &str| Entry {
            detail: detail.to_owned(),
            ..Entry::default()
        };
        for detail in [
            "Key (email)=(ann@x.example) already exists.",
            "Key (code)=(1) 2) already exists.",
        ] {
            let key = entry(detail).key().expect("it has a key");
            assert_eq!(key.values, None, "{detail}");
        }
    }

    #[test]
    fn missing_columns_are_named() {
        let entry = Entry {
            message: "logical replication target relation \"public.t\" is missing replicated \
                      columns: \"a\", \"b c\""
                .to_owned(),
            ..Entry::default()
        };
        assert_eq!(entry.missing_columns(), ["a", "b c"]);
        assert_eq!(entry.relation(), Some("public.t"));
    }
}
