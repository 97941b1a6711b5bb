//! Connection strings, taken apart as libpq does: `postgresql://` URLs and `key=value` lists.
//! It never shows a piece of the text in an error: any piece may be part of a password.

use crate::error::{Error, Exit, Result};
use crate::secret::Sealed;

/// The name and value pairs in the order in which they are written.
type Pairs = Vec<(String, Sealed)>;

/// Takes a connection string apart. Placeholders for secrets stay inside the values, and need no
/// encoding or quoting.
///
/// # Errors
/// Anything libpq would refuse ([`Exit::PlanInvalid`]); unknown names are not looked at here.
pub(super) fn parse(place: &str, text: &str) -> Result<Pairs> {
    let url = ["postgresql://", "postgres://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    match url {
        Some(rest) => parse_url(rest).map_err(|why| malformed(place, why)),
        None if text.starts_with("jdbc:") => Err(malformed(place, "is a JDBC URL")),
        None => parse_list(text).map_err(|why| malformed(place, why)),
    }
}

fn malformed(place: &str, why: &str) -> Error {
    Error::new(
        Exit::PlanInvalid,
        format!("{place} {why}"),
        "Write `postgresql://user:password@host:port/database?sslmode=verify-full`, with special \
         characters percent-encoded, or `host=… dbname=… user=…`, with special values in single \
         quotes. What env() and file() return needs neither.",
    )
}

fn parse_url(url: &str) -> Result<Pairs, &'static str> {
    let mut pairs = Pairs::new();
    // libpq looks for the `@` before the first `/` only.
    let head = &url[..url.find('/').unwrap_or(url.len())];
    let mut rest = url;
    if let Some(at) = head.find('@') {
        let (user, password) = split_at(&head[..at], ':');
        store(&mut pairs, "user", user)?;
        store(&mut pairs, "password", password.unwrap_or_default())?;
        rest = &url[at + 1..];
    }
    let (rest, query) = split_at(rest, '?');
    let (authority, database) = split_at(rest, '/');
    parse_hosts(authority, &mut pairs)?;
    store(&mut pairs, "dbname", database.unwrap_or_default())?;
    let query = query.filter(|query| !query.is_empty());
    // One `&` at the end is let pass, an empty parameter elsewhere is not.
    let parameters = query.map(|query| query.strip_suffix('&').unwrap_or(query).split('&'));
    for parameter in parameters.into_iter().flatten() {
        parse_query_parameter(parameter, &mut pairs)?;
    }
    Ok(pairs)
}

fn parse_hosts(authority: &str, pairs: &mut Pairs) -> Result<(), &'static str> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for one in authority.split(',') {
        let (host, port) = match one.strip_prefix('[') {
            Some(literal) => {
                let (host, rest) = literal.split_once(']').ok_or("has a `[` without a `]`")?;
                if host.is_empty() {
                    return Err("has an empty IPv6 address");
                }
                let rest = (!rest.is_empty()).then_some(rest);
                let port = rest
                    .map(|rest| rest.strip_prefix(':').ok_or(AFTER_IPV6))
                    .transpose()?;
                (host, port)
            }
            None => split_at(one, ':'),
        };
        hosts.push(host);
        ports.push(port.unwrap_or_default());
    }
    // As in libpq, a list of nothing but empty entries is still a list.
    store(pairs, "host", &hosts.join(","))?;
    store(pairs, "port", &ports.join(","))
}

const AFTER_IPV6: &str = "has something other than a port after an IPv6 address";

fn parse_query_parameter(parameter: &str, pairs: &mut Pairs) -> Result<(), &'static str> {
    let (name, value) = parameter
        .split_once('=')
        .ok_or("has a parameter without a `=`")?;
    if value.contains('=') {
        return Err("has a parameter with more than one `=`");
    }
    let (name, value) = (decode(name)?, decode(value)?);
    // The one concession of libpq to JDBC.
    let pair = if name == "ssl" && value == "true" {
        ("sslmode".to_owned(), Sealed::new("require"))
    } else {
        (name, Sealed::new(value))
    };
    pairs.push(pair);
    Ok(())
}

fn store(pairs: &mut Pairs, name: &str, encoded: &str) -> Result<(), &'static str> {
    if !encoded.is_empty() {
        pairs.push((name.to_owned(), Sealed::new(decode(encoded)?)));
    }
    Ok(())
}

/// Percent-decodes; white space around is dropped and inside refused, as since libpq 17.
fn decode(text: &str) -> Result<String, &'static str> {
    let text = text.trim_matches(is_space);
    if text.contains(is_space) {
        return Err("has a space in it, which a URL writes as %20");
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = after
            .get(..2)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match value {
            Some(0) => return Err("has a forbidden %00"),
            Some(value) => bytes.push(value),
            None => return Err("has a `%` without two hexadecimal digits after it"),
        }
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 once percent-decoded")
}

/// A `key=value` list, with the quoting and escaping of libpq's `conninfo_parse`.
fn parse_list(text: &str) -> Result<Pairs, &'static str> {
    let mut pairs = Pairs::new();
    let mut rest = text.trim_start_matches(is_space);
    while !rest.is_empty() {
        let end = rest.find(|c| c == '=' || is_space(c)).unwrap_or(rest.len());
        let name = &rest[..end];
        let tail = rest[end..].trim_start_matches(is_space);
        let value = tail
            .strip_prefix('=')
            .ok_or("has a word without a `=` after it")?;
        let (value, tail) = parse_value(value.trim_start_matches(is_space))?;
        pairs.push((name.to_owned(), Sealed::new(value)));
        rest = tail.trim_start_matches(is_space);
    }
    Ok(pairs)
}

/// The value at the start of the text, and what follows it.
fn parse_value(text: &str) -> Result<(String, &str), &'static str> {
    let inner = text.strip_prefix('\'');
    let (quoted, text) = (inner.is_some(), inner.unwrap_or(text));
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return Ok((value, &text[at + 1..])),
            c if !quoted && is_space(c) => return Ok((value, &text[at..])),
            c => value.push(c),
        }
    }
    if quoted {
        Err("has a quote that is not closed")
    } else {
        Ok((value, ""))
    }
}

/// C's `isspace`, which libpq uses.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

fn split_at(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
