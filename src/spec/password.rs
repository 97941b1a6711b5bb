//! Passwords written literally in a connection string: found, hidden, and sealed.
//! It never parses the rest of the string; that is the connection's business.

use std::borrow::Cow;
use std::ops::Range;

use secrecy::ExposeSecret;

use crate::secret::{self, Sealed};

/// What stands in a shown line for a password.
const MASK: &str = "***";

/// The keys of a connection string whose value is secret.
const KEYS: [&str; 3] = ["password", "sslpassword", "scram_client_key"];

/// The text with whatever looks like a password replaced by `***`.
pub(crate) fn masked(text: &str) -> Cow<'_, str> {
    let found = find(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (range, _) in found {
        out.push_str(&text[from..range.start]);
        out.push_str(MASK);
        from = range.end;
    }
    out.push_str(&text[from..]);
    Cow::Owned(out)
}

/// The connection string with its literal passwords sealed under this label: from here on they
/// are redacted wherever they turn up.
pub(crate) fn sealed(text: &str, label: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (range, form) in find(text) {
        let written = &text[range.clone()];
        let meant = form.decode(written);
        out.push_str(&text[from..range.start]);
        match whole(&meant) {
            None => out.push_str(written),
            Some(password) => {
                if !Sealed::new(written).has_secret() {
                    secret::seal(label, written);
                }
                out.push_str(&secret::seal(label, password));
            }
        }
        from = range.end;
    }
    out.push_str(&text[from..]);
    out
}

/// The password that is to be sealed: nothing where it is sealed already, or waits for a template.
/// Of `start{{ env('REST') }}` the start would show, so that the two are sealed as one.
fn whole(meant: &str) -> Option<String> {
    let sealed = Sealed::new(meant);
    if sealed.is_one_secret() || meant.contains("{{") {
        return None;
    }
    let revealed = sealed.reveal().ok()?;
    Some(revealed.expose_secret().to_owned())
}

/// How a password is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// In a URL, percent-encoded.
    Url,
    /// In `key=value` pairs, perhaps quoted, with backslashes.
    Pair,
}

impl Form {
    fn decode(self, written: &str) -> String {
        match self {
            Self::Url => percent_decoded(written),
            Self::Pair => unquoted(written),
        }
    }
}

/// Every password in the text, in order, not overlapping.
fn find(text: &str) -> Vec<(Range<usize>, Form)> {
    let flat = flattened(text);
    let mut found = in_authority(&flat);
    for key in KEYS {
        for (at, _) in flat.match_indices(key) {
            found.extend(after_key(&flat, at, key.len()));
        }
    }
    found.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
    let mut end = 0;
    found.retain(|(range, _)| {
        // A template alone is worth reading, and no secret.
        let literal = !is_one_template(&text[range.clone()]);
        let kept = literal && range.start >= end;
        if kept {
            end = range.end;
        }
        kept
    });
    found
}

/// The text with every template replaced by as many bytes without white space or quotes.
fn flattened(text: &str) -> String {
    let mut flat = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let Some(len) = rest[start..].find("}}").map(|len| len + "}}".len()) else {
            break;
        };
        flat.push_str(&rest[..start]);
        flat.extend(std::iter::repeat_n('x', len));
        rest = &rest[start + len..];
    }
    flat + rest
}

fn is_one_template(text: &str) -> bool {
    text.starts_with("{{")
        && text
            .find("}}")
            .is_some_and(|end| end + "}}".len() == text.len())
}

/// The `secret` of `scheme://user:secret@host`.
fn in_authority(text: &str) -> Vec<(Range<usize>, Form)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("://") {
        let start = at + "://".len();
        let rest = &text[start..];
        // A password may hold characters that ought to be encoded, such as `/` or `?`: up to the
        // last `@` of the word, it is hidden all the same.
        let word = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let authority = rest[..word].find(['/', '?']).unwrap_or(word);
        let at_sign = rest[..authority]
            .rfind('@')
            .or_else(|| rest[..word].find('@'));
        let Some(end) = at_sign else { continue };
        if let Some(colon) = rest[..end].find(':').filter(|colon| colon + 1 < end) {
            found.push((start + colon + 1..start + end, Form::Url));
        }
    }
    found
}

/// The value after `password` and an equals sign, in a URL's query or among pairs.
fn after_key(text: &str, at: usize, len: usize) -> Option<(Range<usize>, Form)> {
    let before = text[..at].chars().next_back();
    let in_query = matches!(before, Some('?' | '&'));
    let apart = before.is_none_or(|c| c.is_whitespace() || "\"'{[,=".contains(c));
    if !in_query && !apart {
        return None;
    }
    let rest = &text[at + len..];
    let value = rest.trim_start().strip_prefix('=')?;
    let value = if in_query { value } else { value.trim_start() };
    let start = text.len() - value.len();
    let (len, form) = if in_query {
        let end = value.find(|c: char| c.is_whitespace() || "&\"'".contains(c));
        (end.unwrap_or(value.len()), Form::Url)
    } else {
        (pair_value(value), Form::Pair)
    };
    (len > 0).then_some((start..start + len, form))
}

/// The length of a value as libpq reads it: quoted by `'`, or up to white space; `\` escapes.
fn pair_value(value: &str) -> usize {
    let quoted = value.starts_with('\'');
    let mut escaped = false;
    for (at, c) in value.char_indices().skip(usize::from(quoted)) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' if quoted => return at + 1,
            c if !quoted && (c.is_whitespace() || c == '"') => return at,
            _ => {}
        }
    }
    value.len()
}

fn unquoted(written: &str) -> String {
    let inner = written
        .strip_prefix('\'')
        .map_or(written, |rest| rest.strip_suffix('\'').unwrap_or(rest));
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

fn percent_decoded(written: &str) -> String {
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = hex.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| written.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_masked_in_every_form_of_connection_string() {
        for (written, shown) in [
            ("postgres://u:pw@h/d", "postgres://u:***@h/d"),
            (
                "url: \"postgres://u:p/w?x@h/d\"",
                "url: \"postgres://u:***@h/d\"",
            ),
            (
                "postgres://h/d?user=u&password=pw&x=1",
                "postgres://h/d?user=u&password=***&x=1",
            ),
            ("host=h password=pw user=u", "host=h password=*** user=u"),
            (
                "host=h password = 'a b\\'c' user=u",
                "host=h password = *** user=u",
            ),
            ("postgres://u@h:5432/d", "postgres://u@h:5432/d"),
            ("postgres://h:5432/d", "postgres://h:5432/d"),
            (
                "postgres://u:{{ env('A') }}@h",
                "postgres://u:{{ env('A') }}@h",
            ),
            ("postgres://u:pw{{ env('A') }}@h", "postgres://u:***@h"),
            (
                "password={{ env('A') }} user=u",
                "password={{ env('A') }} user=u",
            ),
            ("password={{ env('A') }}pw user=u", "password=*** user=u"),
            ("no password here", "no password here"),
        ] {
            assert_eq!(masked(written), shown);
        }
    }

    #[test]
    fn a_literal_password_is_sealed_as_it_is_meant() {
        let sealed = Sealed::new(sealed("postgres://u:p%40ss-word@h/d", "password in x.url"));
        assert_eq!(sealed.to_string(), "postgres://u:<password in x.url>@h/d");
        assert!(!secret::redact("p@ss-word, p%40ss-word").contains("ss-word"));
    }

    #[test]
    fn a_password_of_two_parts_is_sealed_as_one() {
        let rest = secret::seal("env REST", "of-a-horse");
        let text = format!("postgres://u:tail%20{rest}@h/d");
        let sealed = Sealed::new(sealed(&text, "password in y.url"));
        assert_eq!(sealed.to_string(), "postgres://u:<password in y.url>@h/d");
        let revealed = sealed.reveal().expect("an untouched secret");
        assert_eq!(revealed.expose_secret(), "postgres://u:tail of-a-horse@h/d");
    }

    #[test]
    fn a_quoted_pair_is_unquoted() {
        assert_eq!(unquoted("'a b\\'c\\\\'"), "a b'c\\");
        assert_eq!(unquoted("a\\ b"), "a b");
        assert_eq!(percent_decoded("a%4"), "a%4");
    }
}
