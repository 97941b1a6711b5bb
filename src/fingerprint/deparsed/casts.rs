//! What PostgreSQL prints differently around casts before and after a restore.
//! Never looks at what is cast.

use super::Node;
use super::tokens::Token;

/// Types that are printed under another name than the one that an unnamed column takes from them.
const COLUMN_NAMES: [(&str, &str); 5] = [
    ("integer", "int4"),
    ("bigint", "int8"),
    ("smallint", "int2"),
    ("double precision", "float8"),
    ("character varying", "varchar"),
];

/// Whether this is one name, literal or array, perhaps cast: nothing binds more tightly.
pub(super) fn is_value(nodes: &[Node<'_>]) -> bool {
    let casts = match nodes {
        [
            Node::Token(Token::Name(name)),
            Node::Group("[", _),
            casts @ ..,
        ] if *name == ["ARRAY"] => casts,
        [Node::Token(Token::Name(_) | Token::Literal(_)), casts @ ..] => casts,
        _ => return false,
    };
    let cast = casts.is_empty() || casts[0] == Node::Token(Token::Symbol("::"));
    cast && casts.iter().all(is_of_a_cast)
}

/// Whether this can stand in `::character varying(10)[]`: keywords are printed in capitals, types
/// are not.
fn is_of_a_cast(node: &Node<'_>) -> bool {
    match node {
        Node::Token(Token::Symbol(symbol)) => *symbol == "::",
        Node::Token(Token::Name(name)) => !name
            .iter()
            .any(|part| part.starts_with(|c: char| c.is_ascii_uppercase())),
        Node::Token(Token::Literal(_)) => false,
        Node::Group("[", inner) => inner.is_empty(),
        Node::Group(_, inner) => inner
            .iter()
            .all(|n| matches!(n, Node::Token(Token::Literal(_) | Token::Symbol(",")))),
    }
}

/// `ARRAY[a, b]::t[]` as `ARRAY[a::t, b::t]`.
pub(super) fn with_spread_casts(mut nodes: Vec<Node<'_>>) -> Vec<Node<'_>> {
    let mut at = 0;
    while at + 3 < nodes.len() {
        if let Some(length) = cast_of_array(&nodes[at..]) {
            let mut cast: Vec<Node<'_>> = nodes.drain(at + 2..at + 2 + length).collect();
            cast.pop();
            if let Node::Group(_, elements) = &mut nodes[at + 1] {
                *elements = with_cast(std::mem::take(elements), &cast);
            }
        }
        at += 1;
    }
    nodes
}

/// The number of nodes of the cast that follows when an array begins here.
fn cast_of_array(nodes: &[Node<'_>]) -> Option<usize> {
    let [
        Node::Token(Token::Name(name)),
        Node::Group("[", elements),
        cast @ ..,
    ] = nodes
    else {
        return None;
    };
    if *name != ["ARRAY"]
        || elements.is_empty()
        || cast.first() != Some(&Node::Token(Token::Symbol("::")))
    {
        return None;
    }
    let end = cast
        .iter()
        .position(|node| matches!(node, Node::Group("[", _)))?;
    cast[..end].iter().all(is_of_a_cast).then_some(end + 1)
}

fn with_cast<'a>(elements: Vec<Node<'a>>, cast: &[Node<'a>]) -> Vec<Node<'a>> {
    let mut all = Vec::with_capacity(elements.len() * (cast.len() + 1));
    for node in elements {
        if node == Node::Token(Token::Symbol(",")) {
            all.extend_from_slice(cast);
        }
        all.push(node);
    }
    all.extend_from_slice(cast);
    all
}

/// Without the name of a column that is the one it has anyway: `select 'x'` is printed as
/// `SELECT 'x'::text`, and that, restored, as `SELECT 'x'::text AS text`.
pub(super) fn without_default_names(nodes: Vec<Node<'_>>) -> Vec<Node<'_>> {
    let mut kept: Vec<Node<'_>> = Vec::with_capacity(nodes.len());
    let mut rest = nodes.into_iter().peekable();
    while let Some(node) = rest.next() {
        let named = node == Node::Token(Token::Name(vec!["AS"]))
            && matches!((cast_at_end(&kept), rest.peek()),
                (Some(default), Some(Node::Token(Token::Name(name)))) if *name == [default]);
        if named {
            rest.next();
        } else {
            kept.push(node);
        }
    }
    kept
}

/// The name that a column takes from the cast that its expression ends with.
fn cast_at_end<'a>(nodes: &[Node<'a>]) -> Option<&'a str> {
    let cast = nodes
        .iter()
        .rposition(|node| *node == Node::Token(Token::Symbol("::")))?;
    let words = nodes[cast + 1..].iter().map(|node| match node {
        Node::Token(Token::Name(name)) => name.last().copied(),
        _ => None,
    });
    let words: Vec<&str> = words.collect::<Option<_>>()?;
    let printed = words.join(" ");
    let other = COLUMN_NAMES
        .iter()
        .find(|(of, _)| *of == printed)
        .map(|(_, name)| *name);
    other.or_else(|| words.last().copied())
}
