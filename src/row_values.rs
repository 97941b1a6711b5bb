//! Row values and passwords taken out of what PostgreSQL and its programs say, before anyone sees it.
//! It goes by the form of their messages, and leaves everything else as it is. It never
//! changes what is done, only what is said.

use std::borrow::Cow;

/// What stands for a value.
const HIDDEN: &str = "…";

/// Messages that end in a value in double quotes.
const ENDS_IN_VALUE: [&str; 5] = [
    "invalid input syntax for ",
    "invalid input value for ",
    "out of range: \"",
    "malformed ",
    "CONTEXT:  COPY ",
];

/// What may follow the values of a key.
const AFTER_KEY: [&str; 6] = [
    " already exists",
    " conflicts with existing key",
    " is duplicated",
    " is not present in table",
    " is still referenced from table",
    " is not present",
];

/// Words in the name of an option whose value is secret.
const SECRET_OPTION: [&str; 4] = ["pass", "secret", "token", "key"];

/// One line of a message without the values of rows, and without the values of options such as
/// `password '…'`.
pub(crate) fn without_row_values(line: &str) -> Cow<'_, str> {
    let rows = [
        "existing local row (",
        "Existing local row (",
        "remote row (",
        "Remote row (",
    ];
    if let Some((start, row)) = rows
        .iter()
        .filter_map(|row| Some((line.find(row)?, row)))
        .min()
    {
        let before = without_row_values(&line[..start]);
        return Cow::Owned(format!("{before}{row}{HIDDEN}"));
    }
    if let Some((before, after)) = line.split_once(")=(") {
        let end = AFTER_KEY.iter().filter_map(|end| after.rfind(end)).min();
        let tail = end.map_or("", |end| &after[end..]);
        let again = tail.split_once(")=(");
        let tail = again.map_or(tail.to_owned(), |(tail, _)| format!("{tail})=({HIDDEN})"));
        return Cow::Owned(format!("{before})=({HIDDEN}){tail}"));
    }
    for contains in ["ailing row contains (", "Parameters: ", "parameters: "] {
        if let Some(start) = line.find(contains) {
            return Cow::Owned(format!("{}{HIDDEN}", &line[..start + contains.len()]));
        }
    }
    for message in ENDS_IN_VALUE {
        let Some(start) = line.find(message) else {
            continue;
        };
        if let Some(value) = line[start..].find(": \"") {
            return Cow::Owned(format!("{}: \"{HIDDEN}\"", &line[..start + value]));
        }
    }
    if let (Some(start), Some(end)) = (line.find("value \""), line.find("\" is out of range")) {
        let start = start + "value \"".len();
        if start <= end {
            return Cow::Owned(format!("{}{HIDDEN}{}", &line[..start], &line[end..]));
        }
    }
    without_options(line)
}

/// `password 'x', "user" 'y'` becomes `password '…', "user" 'y'`.
fn without_options(line: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = line;
    while let Some(quote) = rest.find(" '") {
        let (before, value) = rest.split_at(quote + " '".len());
        let name = before[..quote].rsplit([' ', '(', ',']).next().unwrap_or("");
        let name = name.to_lowercase();
        shown.push_str(before);
        rest = value;
        if SECRET_OPTION.iter().any(|word| name.contains(word)) {
            shown.push_str(HIDDEN);
            rest = &value[literal_length(value)..];
        }
    }
    if shown.contains(HIDDEN) {
        shown.push_str(rest);
        Cow::Owned(shown)
    } else {
        Cow::Borrowed(line)
    }
}

/// How long a literal is up to its closing quote; two quotes in a row are one of its characters.
fn literal_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\'' {
            at += 1;
        } else if bytes.get(at + 1) == Some(&b'\'') {
            at += 2;
        } else {
            return at;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_of_a_row_is_left_in_what_the_programs_say() {
        for (said, shown) in [
            (
                "DETAIL:  Key (email, n)=(ann@x.example, (3)) already exists.",
                "DETAIL:  Key (email, n)=(…) already exists.",
            ),
            (
                "DETAIL:  Key (r)=([1,2)) conflicts with existing key (r)=([1,3)).",
                "DETAIL:  Key (r)=(…) conflicts with existing key (r)=(…)",
            ),
            (
                "DETAIL:  Key (a)=(7) is not present in table \"owner\".",
                "DETAIL:  Key (a)=(…) is not present in table \"owner\".",
            ),
            (
                "Key (id)=(7); existing local row (7, ann); remote row (7, bob).",
                "Key (id)=(…)existing local row (…",
            ),
            (
                "Existing local row (7, ann); replica identity (id)=(7).",
                "Existing local row (…",
            ),
            (
                "DETAIL:  Failing row contains (1, ann@x.example).",
                "DETAIL:  Failing row contains (…",
            ),
            (
                "CONTEXT:  COPY people, line 3: \"1\tann@x.example\"",
                "CONTEXT:  COPY people, line 3: \"…\"",
            ),
            (
                "CONTEXT:  COPY people, line 3, column id: \"ann\"",
                "CONTEXT:  COPY people, line 3, column id: \"…\"",
            ),
            (
                "pg_restore: error: COPY failed for table \"t\": ERROR:  invalid input syntax for \
                 type integer: \"ann\"",
                "pg_restore: error: COPY failed for table \"t\": ERROR:  invalid input syntax for \
                 type integer: \"…\"",
            ),
            (
                "ERROR:  value \"99999\" is out of range for type smallint",
                "ERROR:  value \"…\" is out of range for type smallint",
            ),
        ] {
            assert_eq!(without_row_values(said), shown);
        }
    }

    #[test]
    fn no_password_of_a_user_mapping_is_left() {
        let said = "Command was: CREATE USER MAPPING FOR app SERVER s OPTIONS (password 'it''s', \
                    \"user\" 'app');";
        let shown = "Command was: CREATE USER MAPPING FOR app SERVER s OPTIONS (password '…', \
                     \"user\" 'app');";
        assert_eq!(without_row_values(said), shown);
        assert_eq!(without_row_values("    password 'open"), "    password '…");
    }

    #[test]
    fn what_holds_no_value_stays_as_it_is() {
        for line in [
            "pg_restore: creating INDEX \"public.key_idx\"",
            "Command was: COMMENT ON TABLE t IS 'it''s';",
            "ERROR:  relation \"t\" does not exist",
        ] {
            assert!(matches!(without_row_values(line), Cow::Borrowed(same) if same == line));
        }
    }
}
