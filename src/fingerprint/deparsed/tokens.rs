//! Cuts printed SQL into tokens. It knows only what PostgreSQL prints: no comments, no dollar
//! quotes.

/// A piece of SQL that is compared as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword or a name, after its qualifiers.
    Name(Vec<&'a str>),
    /// A string or a number.
    Literal(&'a str),
    /// Anything else: an operator, a bracket, a comma.
    Symbol(&'a str),
}

/// The tokens of `text`.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found: Vec<Token<'_>> = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(piece_length(rest));
        match (token(piece), found.as_mut_slice()) {
            (Token::Name(name), [.., Token::Name(whole), Token::Symbol(".")]) => {
                whole.extend(name);
                found.pop();
            }
            (token, _) => found.push(token),
        }
        rest = after.trim_start();
    }
    found
}

/// The text on one line: outside quotes, every run of whitespace is one space.
pub(in crate::fingerprint) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(piece_length(rest));
        line.push_str(piece);
        rest = after.trim_start();
        if rest.len() < after.len() {
            line.push(' ');
        }
    }
    line
}

/// The text with quotes left only around names whose characters ask for them: which names are
/// quoted for being keywords depends on the major.
pub(in crate::fingerprint) fn without_needless_quotes(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('"') {
        let (before, quoted) = rest.split_at(at);
        let (piece, after) = quoted.split_at(quoted_length(quoted, '"', false));
        all.push_str(before);
        all.push_str(unquoted(piece));
        rest = after;
    }
    all + rest
}

fn token(piece: &str) -> Token<'_> {
    match piece.chars().next() {
        Some('"') => Token::Name(vec![unquoted(piece)]),
        Some('0'..='9') => Token::Literal(piece),
        Some(_) if piece.ends_with('\'') => Token::Literal(piece),
        Some(first) if is_word(first) => Token::Name(vec![piece]),
        _ => Token::Symbol(piece),
    }
}

/// The name without its quotes where its characters do not ask for any: then it was quoted for
/// being a keyword, and keywords are printed in capitals.
fn unquoted(piece: &str) -> &str {
    let inner = piece.trim_matches('"');
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    if inner.starts_with(first) && inner.chars().all(plain) {
        inner
    } else {
        piece
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How many bytes the first piece of `text` has, which does not begin with whitespace.
fn piece_length(text: &str) -> usize {
    let until = |end: &dyn Fn(char) -> bool| text.find(end).unwrap_or(text.len());
    match text
        .chars()
        .next()
        .expect("callers check that something is left")
    {
        quote @ ('"' | '\'') => quoted_length(text, quote, false),
        letter @ ('E' | 'B' | 'X') if text[1..].starts_with('\'') => {
            1 + quoted_length(&text[1..], '\'', letter == 'E')
        }
        ':' if text.starts_with("::") => 2,
        '(' | ')' | '[' | ']' | ',' | ';' | '.' | ':' => 1,
        c if c.is_ascii_digit() => until(&|c| !is_word(c) && c != '.'),
        c if is_word(c) => until(&|c| !is_word(c) && c != '$'),
        c => {
            let ends = |c: char| c.is_whitespace() || is_word(c) || "\"'()[],;.:".contains(c);
            until(&ends).max(c.len_utf8())
        }
    }
}

/// The length of a quoted piece: a doubled quote belongs to it, and after E a backslashed one.
fn quoted_length(text: &str, quote: char, backslash: bool) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        let doubled = c == quote && characters.peek().is_some_and(|(_, next)| *next == quote);
        if doubled || (backslash && c == '\\') {
            characters.next();
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}
