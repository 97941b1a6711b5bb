//! Secrets: kept in one registry, carried as opaque placeholders, revealed at two edges only.
//! It never prints one: `Display`, `Debug` and [`redact`] show a label in its place.

use std::borrow::Cow;
use std::fmt;
use std::sync::{LazyLock, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use crate::error::{Error, Exit, Result};

/// Opens and closes a placeholder: two private-use characters that no plan file has a reason to
/// hold.
const OPEN: char = '\u{F5EC1}';
const CLOSE: char = '\u{F5EC2}';

/// Shorter values are not searched for in free text: redacting every `a` would leave nothing to
/// read. Placeholders protect them all the same.
const SHORTEST_SEARCHED: usize = 4;

#[derive(Default)]
struct Registry {
    entries: Vec<(String, SecretString)>,
    search: Option<(AhoCorasick, Vec<String>)>,
}

static REGISTRY: LazyLock<RwLock<Registry>> = LazyLock::new(RwLock::default);

/// Text that may hold placeholders for secrets; what it shows of them is their label.
#[derive(Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Sealed(String);

impl Sealed {
    /// Takes text that may hold placeholders made by [`seal`].
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text with its placeholders, for parsing: parts of it are `Sealed` again.
    pub fn as_sealed_str(&self) -> &str {
        &self.0
    }

    /// Whether the whole text is one placeholder.
    pub fn is_one_secret(&self) -> bool {
        self.0.starts_with(OPEN) && self.0.find(CLOSE) == Some(self.0.len() - CLOSE.len_utf8())
    }

    /// The text with every secret filled in. To be called at the connection and at a child
    /// program's 0600 files, nowhere else.
    ///
    /// # Errors
    /// A placeholder that was cut or changed on its way is refused ([`Exit::PlanInvalid`]).
    pub fn reveal(&self) -> Result<SecretString> {
        let registry = REGISTRY.read().expect("no holder of this lock panics");
        let mut out = String::with_capacity(self.0.len());
        let mut rest = self.0.as_str();
        while let Some(start) = rest.find([OPEN, CLOSE]) {
            let (before, tail) = rest.split_at(start);
            let (number, after) = tail
                .strip_prefix(OPEN)
                .and_then(|tail| tail.split_once(CLOSE))
                .ok_or_else(spoilt)?;
            let entry = number
                .parse()
                .ok()
                .and_then(|n: usize| registry.entries.get(n));
            out.push_str(before);
            out.push_str(entry.ok_or_else(spoilt)?.1.expose_secret());
            rest = after;
        }
        out.push_str(rest);
        Ok(SecretString::from(out))
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.0))
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", redact(&self.0))
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Puts a value into the registry under a label such as `env SOURCE_PASSWORD`, and returns the
/// placeholder that stands for it.
pub fn seal(label: &str, value: impl Into<String>) -> String {
    let mut registry = REGISTRY.write().expect("no holder of this lock panics");
    let value: SecretString = value.into().into();
    let known = registry
        .entries
        .iter()
        .position(|(l, v)| l == label && v.expose_secret() == value.expose_secret());
    let number = known.unwrap_or_else(|| {
        registry.entries.push((label.to_owned(), value));
        registry.search = searcher(&registry.entries);
        registry.entries.len() - 1
    });
    format!("{OPEN}{number}{CLOSE}")
}

/// The text with every placeholder and every known secret replaced by `<label>`.
pub fn redact(text: &str) -> Cow<'_, str> {
    let registry = REGISTRY.read().expect("no holder of this lock panics");
    let mut shown = Cow::Borrowed(text);
    if text.contains(OPEN) {
        let mut filled = text.to_owned();
        for (number, (label, _)) in registry.entries.iter().enumerate() {
            filled = filled.replace(&format!("{OPEN}{number}{CLOSE}"), &format!("<{label}>"));
        }
        shown = Cow::Owned(filled);
    }
    match &registry.search {
        Some((search, labels)) if search.is_match(shown.as_ref()) => {
            Cow::Owned(search.replace_all(&shown, labels))
        }
        _ => shown,
    }
}

/// The bytes form of [`redact`], for writers: what is not UTF-8 is shown with replacement marks.
pub fn redact_bytes(bytes: &[u8]) -> Cow<'_, [u8]> {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => match redact(text) {
            Cow::Borrowed(same) => Cow::Borrowed(same.as_bytes()),
            Cow::Owned(changed) => Cow::Owned(changed.into_bytes()),
        },
        Cow::Owned(text) => Cow::Owned(redact(&text).into_owned().into_bytes()),
    }
}

/// Searches for each value as it is, as JSON escapes it, as Rust's `{:?}` does, and percent-encoded.
fn searcher(entries: &[(String, SecretString)]) -> Option<(AhoCorasick, Vec<String>)> {
    let mut patterns: Vec<(String, String)> = Vec::new();
    for (label, value) in entries {
        let value = value.expose_secret();
        if value.len() < SHORTEST_SEARCHED {
            continue;
        }
        let json = serde_json::to_string(value).expect("a string is always JSON");
        let debug = format!("{value:?}");
        let forms = [
            value.to_owned(),
            json[1..json.len() - 1].to_owned(),
            debug[1..debug.len() - 1].to_owned(),
            value.replace('\'', "''"),
            percent_encoded(value),
            percent_encoded(value).to_lowercase(),
        ];
        for form in forms {
            if !patterns.iter().any(|(known, _)| *known == form) {
                patterns.push((form, format!("<{label}>")));
            }
        }
    }
    let (texts, labels): (Vec<_>, Vec<_>) = patterns.into_iter().unzip();
    let search = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(texts);
    (!labels.is_empty()).then(|| (search.expect("a few short patterns always compile"), labels))
}

fn percent_encoded(value: &str) -> String {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    value
        .bytes()
        .map(|b| {
            if unreserved(b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

fn spoilt() -> Error {
    Error::new(
        Exit::PlanInvalid,
        "a secret was changed on its way from the template to the place that needs it",
        "Use the secret as it is: no filter or function may cut or change what env(), file() \
         and command() return.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_shows_the_label_and_reveals_the_value() {
        let text = Sealed::new(format!(
            "postgres://app:{}@db/shop",
            seal("env A", "hunter2!")
        ));
        assert_eq!(text.to_string(), "postgres://app:<env A>@db/shop");
        assert_eq!(format!("{text:?}"), "\"postgres://app:<env A>@db/shop\"");
        let revealed = text.reveal().expect("an untouched placeholder");
        assert_eq!(revealed.expose_secret(), "postgres://app:hunter2!@db/shop");
    }

    #[test]
    fn known_secrets_are_redacted_in_every_escaped_form() {
        seal("env B", "qu\"ote\\and'söme");
        for leak in [
            "x qu\"ote\\and'söme y".to_owned(),
            serde_json::json!({"a": "qu\"ote\\and'söme"}).to_string(),
            format!("{:?}", "qu\"ote\\and'söme"),
            "qu%22ote%5Cand%27s%C3%B6me".to_owned(),
        ] {
            let shown = redact(&leak);
            assert!(
                shown.contains("<env B>") && !shown.contains("ote"),
                "{shown}"
            );
        }
    }

    #[test]
    fn a_spoilt_placeholder_is_refused() {
        let placeholder = seal("env C", "something");
        let cut: String = placeholder.chars().take(2).collect();
        assert!(Sealed::new(cut).reveal().is_err());
        assert!(Sealed::new(format!("{OPEN}9999{CLOSE}")).reveal().is_err());
    }
}
