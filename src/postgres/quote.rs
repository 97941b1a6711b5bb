//! Quoting of names and values for SQL text that cannot take parameters.
//! It never leaves a name bare, so that no keyword list of any major has to be known.

/// The name as a quoted identifier: `weird "name"` becomes `"weird ""name"""`.
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The value as a string constant that reads the same under either setting of
/// `standard_conforming_strings`: with a backslash in it, it becomes an `E''` constant.
pub fn quote_literal(value: &str) -> String {
    let doubled = value.replace('\'', "''");
    if value.contains('\\') {
        format!(" E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// The quoted name of an object in a schema.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote_identifier(schema), quote_identifier(name))
}

/// A relation's name for people, and unique: quoted only where it must be, as `public."Order"`.
pub fn full_name(schema: &str, name: &str) -> String {
    let part = |name: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let is_plain = name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit());
        if is_plain && !name.is_empty() {
            name.to_owned()
        } else {
            quote_identifier(name)
        }
    };
    format!("{}.{}", part(schema), part(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_quoted_whatever_they_hold() {
        assert_eq!(qualified("Sales", "a\"b"), "\"Sales\".\"a\"\"b\"");
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal("a\\'b"), " E'a\\\\''b'");
    }
}
