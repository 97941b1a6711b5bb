//! Names and globs: `public`, `shop_*`, `public.order_?`, `public."a.b"`.
//! It never folds case: a name is written as the catalog has it.

use globset::{GlobBuilder, GlobMatcher};

/// A pattern for one name.
#[derive(Debug, Clone)]
pub(super) struct NamePattern(GlobMatcher);

/// A pattern for a schema and a name in it.
#[derive(Debug, Clone)]
pub(super) struct TablePattern {
    schema: NamePattern,
    name: NamePattern,
}

/// Why a pattern cannot be read, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) message: String,
    pub(super) help: String,
}

impl NamePattern {
    /// Reads a pattern for a schema.
    pub(super) fn read(text: &str) -> Result<Self, Malformed> {
        match parts(text)?.as_slice() {
            [name] => Self::compile(name, text),
            _ => Err(Malformed {
                message: format!("`{text}` is not the name of a schema"),
                help: "Write the schema alone; a name with a dot in it stands in double quotes."
                    .to_owned(),
            }),
        }
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }

    fn compile(glob: &str, text: &str) -> Result<Self, Malformed> {
        let built = GlobBuilder::new(glob).backslash_escape(false).build();
        let glob = built.map_err(|error| Malformed {
            message: format!("`{text}` is not a pattern: {}", error.kind()),
            help: "Put a name that has * ? or [ in it in double quotes.".to_owned(),
        })?;
        Ok(Self(glob.compile_matcher()))
    }
}

impl TablePattern {
    /// Reads a pattern for `schema.name`.
    pub(super) fn read(text: &str) -> Result<Self, Malformed> {
        match parts(text)?.as_slice() {
            [schema, name] => Ok(Self {
                schema: NamePattern::compile(schema, text)?,
                name: NamePattern::compile(name, text)?,
            }),
            [_] => Err(Malformed {
                message: format!("`{text}` names no schema"),
                help: format!("Write `public.{text}`, or `*.{text}` for every schema."),
            }),
            _ => Err(Malformed {
                message: format!("`{text}` has more than one dot"),
                help: "Put a name that has a dot in it in double quotes: `public.\"a.b\"`."
                    .to_owned(),
            }),
        }
    }

    pub(super) fn matches(&self, schema: &str, name: &str) -> bool {
        self.schema.matches(schema) && self.name.matches(name)
    }
}

/// Splits at dots outside double quotes; each part is a glob in which quoted text stands for
/// itself.
fn parts(text: &str) -> Result<Vec<String>, Malformed> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let part = parts.last_mut().expect("there is always a last part");
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => part.push('"'),
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            // Alternatives are no part of the plan file's globs.
            '{' | '}' => part.extend(['[', c, ']']),
            '*' | '?' | '[' if quoted => part.extend(['[', c, ']']),
            _ => part.push(c),
        }
    }
    if quoted {
        return Err(Malformed {
            message: format!("`{text}` has a double quote without its partner"),
            help: "Close it; a quote inside of a quoted name is written twice.".to_owned(),
        });
    }
    if parts.iter().any(String::is_empty) {
        return Err(Malformed {
            message: format!("`{text}` has an empty name"),
            help: "Write a name or a glob, for instance `public` or `public.orders`.".to_owned(),
        });
    }
    Ok(parts)
}
