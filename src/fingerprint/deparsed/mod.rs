//! Compares SQL that PostgreSQL printed from its parsed form, which reads differently after a
//! restore or from another major although it means the same. Never parses what people wrote.
//!
//! These are taken as the same, and nothing else:
//! - whitespace between tokens;
//! - quotes around a name that one major must quote, being a keyword there, and another need not;
//! - parentheses around a single value or cast, and doubled ones;
//! - a cast of a whole array and the cast of each of its elements, which is how
//!   `x in ('a', 'b')` over varchar reads before and after a restore;
//! - the name of an unnamed column that is cast, which a restore adds;
//! - on request, a column with its table's name before it and one without.

mod casts;
mod tokens;

use casts::{is_value, with_spread_casts, without_default_names};
use tokens::{Token, tokens};

pub(super) use tokens::{one_line, without_needless_quotes};

/// SQL by its brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Node<'a> {
    Token(Token<'a>),
    /// What stands between brackets, the opening one of which is `(` or `[`.
    Group(&'a str, Vec<Node<'a>>),
}

/// Names after which parentheses group an expression; after all others they hold arguments.
const GROUPING: [&str; 13] = [
    "AND", "OR", "NOT", "WHERE", "ON", "WHEN", "THEN", "ELSE", "HAVING", "CHECK", "SELECT",
    "RETURN", "default",
];

/// Whether two printed definitions say the same. With `qualifiers`, one of them may leave out the
/// table's name before a column.
pub(super) fn same(one: &str, other: &str, qualifiers: bool) -> bool {
    same_nodes(&canonical(one), &canonical(other), qualifiers)
}

fn same_nodes(one: &[Node<'_>], other: &[Node<'_>], qualifiers: bool) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .enumerate()
            .all(|(at, pair)| match pair {
                (Node::Group(a, inner), Node::Group(b, others)) => {
                    a == b && same_nodes(inner, others, qualifiers)
                }
                (Node::Token(Token::Name(a)), Node::Token(Token::Name(b))) => {
                    // A function of another schema is another function.
                    let call = matches!(one.get(at + 1), Some(Node::Group("(", _)));
                    a == b || (qualifiers && !call && one_qualifier_apart(a, b))
                }
                (a, b) => a == b,
            })
}

fn one_qualifier_apart(one: &[&str], other: &[&str]) -> bool {
    let (short, long) = if one.len() < other.len() {
        (one, other)
    } else {
        (other, one)
    };
    long.len() == short.len() + 1 && long[1..] == *short
}

fn canonical(text: &str) -> Vec<Node<'_>> {
    let mut nodes = simplified(grouped(&mut tokens(text).into_iter()));
    while let [Node::Group("(", inner)] = nodes.as_mut_slice() {
        nodes = std::mem::take(inner);
    }
    nodes
}

/// Reads up to the closing bracket or the end. A bracket without a partner ends what it is in:
/// the comparison then sees less of both sides in the same way, which printed SQL never asks for.
fn grouped<'a>(tokens: &mut impl Iterator<Item = Token<'a>>) -> Vec<Node<'a>> {
    let mut nodes = Vec::new();
    while let Some(token) = tokens.next() {
        match token {
            Token::Symbol(open @ ("(" | "[")) => nodes.push(Node::Group(open, grouped(tokens))),
            Token::Symbol(")" | "]") => break,
            token => nodes.push(Node::Token(token)),
        }
    }
    nodes
}

fn simplified(nodes: Vec<Node<'_>>) -> Vec<Node<'_>> {
    let mut kept: Vec<Node<'_>> = Vec::with_capacity(nodes.len());
    let mut rest = nodes.into_iter().peekable();
    while let Some(node) = rest.next() {
        match node {
            Node::Group("(", inner) => {
                let inner = undoubled(simplified(inner));
                let field_or_subscript = matches!(
                    rest.peek(),
                    Some(Node::Token(Token::Symbol("."))) | Some(Node::Group("[", _))
                );
                if groups(kept.last()) && !field_or_subscript && is_value(&inner) {
                    kept.extend(inner);
                } else {
                    kept.push(Node::Group("(", inner));
                }
            }
            Node::Group(open, inner) => kept.push(Node::Group(open, simplified(inner))),
            token @ Node::Token(_) => kept.push(token),
        }
    }
    without_default_names(with_spread_casts(kept))
}

/// `((x))` as `(x)`, seen from inside the outer pair.
fn undoubled(mut inner: Vec<Node<'_>>) -> Vec<Node<'_>> {
    while let [Node::Group("(", innermost)] = inner.as_mut_slice() {
        inner = std::mem::take(innermost);
    }
    inner
}

/// Whether parentheses after `before` group an expression.
fn groups(before: Option<&Node<'_>>) -> bool {
    match before {
        None => true,
        Some(Node::Token(Token::Name(name))) => name.last().is_some_and(|n| GROUPING.contains(n)),
        Some(Node::Token(Token::Literal(_)) | Node::Group(..)) => false,
        Some(Node::Token(Token::Symbol(_))) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAME: &[(&str, &str)] = &[
        ("a  +\n b", "a + b"),
        ("CHECK ((a > 0))", "CHECK (a > 0)"),
        ("(x)::text", "x::text"),
        ("'it''s ( odd'::text", "('it''s ( odd'::text)"),
        (
            "CHECK (((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character \
             varying])::text[])))",
            "CHECK (((status)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character \
             varying)::text])))",
        ),
        (
            "SELECT t.\"system_user\" FROM s.t",
            "SELECT t.system_user FROM s.t",
        ),
        (
            "( SELECT 'x'::text, '-1'::integer)",
            "( SELECT 'x'::text AS text, '-1'::integer AS int4)",
        ),
    ];

    const DIFFERENT: &[(&str, &str)] = &[
        ("((a + b) * c)", "(a + (b * c))"),
        ("f(x)", "f x"),
        ("'a  b'", "'a b'"),
        ("\"A\"", "a"),
        ("a.b", "b"),
        ("E'\\' '", "E'\\'  '"),
        ("ARRAY['a'::x]::y[]", "ARRAY['a'::x]::z[]"),
        ("ARRAY[a, b]::t[]", "ARRAY[a::t, b]"),
        ("(a::boolean AND b) OR c", "a::boolean AND b OR c"),
        ("(a).b", "(a.c).b"),
        ("1.0", "1.00"),
        ("f(a, b)", "f(a), b"),
        ("SELECT t.a", "SELECT u.a"),
        ("SELECT a::text", "SELECT a::text AS b"),
    ];

    #[test]
    fn what_means_the_same_is_the_same() {
        for (one, other) in SAME {
            assert!(
                same(one, other, false) && same(other, one, false),
                "{one} | {other}"
            );
        }
    }

    #[test]
    fn what_means_something_else_differs() {
        for (one, other) in DIFFERENT {
            assert!(
                !same(one, other, false) && !same(other, one, false),
                "{one} | {other}"
            );
        }
    }

    #[test]
    fn a_qualifier_may_be_left_out_only_on_request_and_never_exchanged() {
        assert!(same("SELECT t.a FROM s.t", "SELECT a FROM s.t", true));
        assert!(!same("SELECT t.a FROM s.t", "SELECT a FROM s.t", false));
        assert!(!same("SELECT t.a FROM s.t", "SELECT u.a FROM s.t", true));
        assert!(!same("SELECT s.f(a)", "SELECT f(a)", true));
    }

    #[test]
    fn only_names_that_need_quotes_for_their_characters_keep_them() {
        let name = r#"column "s"."Tab""le"."system_user""#;
        assert_eq!(
            without_needless_quotes(name),
            r#"column s."Tab""le".system_user"#
        );
    }

    #[test]
    fn a_definition_fits_on_one_line_with_its_quoted_parts_untouched() {
        assert_eq!(
            one_line(" SELECT  'a\n  b',\n   \"c  d\" "),
            "SELECT 'a\n  b', \"c  d\""
        );
    }
}
