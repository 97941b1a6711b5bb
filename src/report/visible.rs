//! Text for people, with what a terminal would obey in names and messages made visible.
//! It never touches lines and colours: those are ours.

use std::borrow::Cow;

/// Text in which control characters, and those that turn the order of letters around, are written as
/// `\u{1b}`: a table's name, or what a server says, may hold any of them.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(is_obeyed) {
        let (before, obeyed) = rest.split_at(at);
        shown.push_str(before);
        let mut later = obeyed.chars();
        rest = match colour(obeyed) {
            Some(colour) => {
                shown.push_str(colour);
                &obeyed[colour.len()..]
            }
            None => {
                shown.extend(later.next().into_iter().flat_map(char::escape_unicode));
                later.as_str()
            }
        };
    }
    shown.push_str(rest);
    shown.into()
}

fn is_obeyed(c: char) -> bool {
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && c != '\n' && c != '\t')
}

/// The colour that text begins with: `ESC [ 1 ; 31 m`.
fn colour(text: &str) -> Option<&str> {
    let numbers = text.strip_prefix("\u{1b}[")?;
    let end = numbers.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    let ends = numbers[end..].starts_with('m');
    ends.then(|| &text[..text.len() - numbers.len() + end + 1])
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        for (text, shown) in [
            ("plain\n\ttext, naïve", "plain\n\ttext, naïve"),
            ("\u{1b}[1;31mred\u{1b}[0m", "\u{1b}[1;31mred\u{1b}[0m"),
            ("\u{1b}]0;title\u{7}t", "\\u{1b}]0;title\\u{7}t"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("\u{1b}[31", "\\u{1b}[31"),
            ("\u{9b}2J\r\u{202e}", "\\u{9b}2J\\u{d}\\u{202e}"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }
}
