//! What `pg_dump` and `pg_restore` complain about on standard error, and which of it is known to
//! be harmless. It goes by the command that failed, and never by the message, which is
//! translated.

/// Commands whose failure leaves every row, column, key and index as it should be. A missing
/// extension is not among them: what it holds is missing too.
const HARMLESS_COMMANDS: &[&str] = &[
    "ALTER DEFAULT PRIVILEGES ",
    "COMMENT ON ",
    "GRANT ",
    "REVOKE ",
    "SECURITY LABEL ",
    "SET ",
];

/// The SQLSTATEs and phrases of a lost connection or server: never harmless, whatever command
/// was running.
const LOST: &[&str] = &[
    "server closed the connection",
    "connection to server",
    "terminating connection",
    "no connection to the server",
    "SSL connection has been closed",
    "could not receive data from server",
    "could not send data to server",
    "current transaction is aborted",
];

/// What a program says in a line, without its name; `None` for a line that goes on with another.
/// Programs that write side by side write their name and the rest apart, so that two names may
/// come first, and then a rest without any.
pub(super) fn message(line: &str) -> Option<&str> {
    let mut rest = line;
    while let Some(after) = NAMES
        .iter()
        .find_map(|name| rest.trim_start().strip_prefix(name))
    {
        rest = after;
    }
    let named = rest.len() < line.len();
    let orphaned = line.starts_with(" error: ");
    (named || orphaned).then(|| rest.trim_start())
}

/// How the programs begin what they say.
const NAMES: [&str; 2] = ["pg_dump:", "pg_restore:"];

/// Collects errors, each with the lines that belong to it.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    errors: Vec<Vec<String>>,
    open: bool,
}

impl Complaints {
    /// Takes one line of standard error.
    pub(super) fn heard(&mut self, line: &str) {
        match message(line) {
            Some(text) if is_detail(text) && self.open => self.append(text),
            Some(text) => {
                self.open = text.starts_with("error: ");
                if self.open {
                    self.errors.push(vec![text.to_owned()]);
                }
            }
            None if self.open => self.append(line),
            None => {}
        }
    }

    /// The errors that matter, and those known to be harmless, each as one text.
    pub(super) fn sorted(self) -> (Vec<String>, Vec<String>) {
        let texts = self
            .errors
            .into_iter()
            .map(|lines| (is_harmless(&lines), lines.join("\n")));
        let (harmless, harmful): (Vec<_>, Vec<_>) = texts.partition(|(harmless, _)| *harmless);
        let text = |(_, text)| text;
        (
            harmful.into_iter().map(text).collect(),
            harmless.into_iter().map(text).collect(),
        )
    }

    fn append(&mut self, line: &str) {
        if let Some(error) = self.errors.last_mut() {
            error.push(line.to_owned());
        }
    }
}

fn is_detail(text: &str) -> bool {
    text.starts_with("detail: ") || text.starts_with("hint: ") || text.starts_with("from TOC entry")
}

fn is_harmless(lines: &[String]) -> bool {
    if lines
        .iter()
        .any(|line| LOST.iter().any(|lost| line.contains(lost)))
    {
        return false;
    }
    let command = lines
        .iter()
        .find_map(|line| line.strip_prefix("Command was: "));
    command.is_some_and(|command| {
        HARMLESS_COMMANDS
            .iter()
            .any(|known| command.starts_with(known))
            || (command.starts_with("ALTER ") && command.contains(" OWNER TO "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(text: &str) -> (Vec<String>, Vec<String>) {
        let mut complaints = Complaints::default();
        text.lines().for_each(|line| complaints.heard(line));
        complaints.sorted()
    }

    #[test]
    fn a_refused_comment_is_harmless_and_keeps_its_command() {
        let (harmful, harmless) = sorted(
            "pg_restore: while PROCESSING TOC:\n\
             pg_restore: from TOC entry 3; 3079 16384 COMMENT EXTENSION x \n\
             pg_restore: error: could not execute query: ERROR:  must be owner of extension x\n\
             Command was: COMMENT ON EXTENSION x IS 'y';\n\
             \n\
             pg_restore: creating TABLE \"public.t\"",
        );
        assert!(harmful.is_empty(), "{harmful:?}");
        assert!(harmless[0].contains("must be owner") && harmless[0].contains("Command was"));
    }

    #[test]
    fn a_failed_copy_is_never_harmless() {
        let (harmful, _) = sorted(
            "pg_restore: error: COPY failed for table \"t\": ERROR:  invalid input\n\
             CONTEXT:  COPY t, line 1",
        );
        assert_eq!(harmful.len(), 1);
    }

    #[test]
    fn a_lost_connection_is_never_harmless_even_during_a_grant() {
        let (harmful, _) = sorted(
            "pg_restore: error: could not execute query: server closed the connection unexpectedly\n\
             Command was: GRANT SELECT ON TABLE t TO r;",
        );
        assert_eq!(harmful.len(), 1);
    }

    #[test]
    fn errors_written_at_the_same_moment_are_both_heard() {
        let (harmful, harmless) = sorted(
            "pg_restore: error: could not execute query: ERROR:  no\n\
             Command was: COMMENT ON TABLE t IS 'x';\n\
             pg_restore:pg_restore:  error: COPY failed for table \"a\": ERROR:  no\n\
             \x20error: COPY failed for table \"b\": ERROR:  no",
        );
        assert_eq!((harmful.len(), harmless.len()), (2, 1), "{harmful:?}");
    }

    #[test]
    fn a_missing_table_is_harmful() {
        let (harmful, _) = sorted(
            "pg_restore: error: could not execute query: ERROR:  relation \"t\" does not exist\n\
             Command was: ALTER TABLE ONLY public.t ADD CONSTRAINT k PRIMARY KEY (id);",
        );
        assert_eq!(harmful.len(), 1);
    }
}
