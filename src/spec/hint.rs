//! What somebody may have meant who wrote something else: "did you mean", "belongs under".
//! It never changes what was written.

use serde_json::Value;

use super::schema;

/// Words longer than this are not compared: they are nobody's slip of the pen.
const LONGEST_COMPARED: usize = 64;

/// The word among these that was probably meant.
pub(crate) fn closest<'w>(written: &str, words: &[&'w str]) -> Option<&'w str> {
    if written.len() > LONGEST_COMPARED {
        return None;
    }
    let plain = |word: &str| word.to_lowercase().replace(['-', ' '], "_");
    let written = plain(written);
    let distance = |word: &str| strsim::damerau_levenshtein(&written, &plain(word));
    let nearest = words.iter().copied().min_by_key(|word| distance(word))?;
    let longest = nearest.len().max(written.len());
    let related =
        written.len() >= 4 && (nearest.starts_with(&written) || written.starts_with(nearest));
    (distance(nearest) <= 1.max(longest / 3) || related).then_some(nearest)
}

/// What to do about a key that its section does not have.
pub(crate) fn for_unknown_key(section: &str, key: &str) -> String {
    let here = schema::at(section).map_or(Vec::new(), schema::keys);
    if let Some(meant) = closest(key, &here) {
        return format!("did you mean `{meant}`?");
    }
    let mut elsewhere = Vec::new();
    sections_with(key, "", schema::root(), &mut elsewhere);
    if !elsewhere.is_empty() {
        let sections: Vec<&str> = elsewhere.iter().map(String::as_str).collect();
        let name = key.replace('-', "_");
        return format!("`{name}` belongs under {}", listed(&sections, "or"));
    }
    match here.as_slice() {
        [] => String::new(),
        keys => format!("the keys here are {}", listed(keys, "and")),
    }
}

fn sections_with(key: &str, path: &str, node: &Value, found: &mut Vec<String>) {
    for name in schema::keys(node) {
        if name == key.replace('-', "_") && !path.is_empty() {
            found.push(path.to_owned());
        }
        let below = match path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        sections_with(key, &below, &node["properties"][name], found);
    }
}

/// Words in backticks: `a`, `b` and `c`.
pub(crate) fn listed(words: &[&str], last: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((end, start)) if !start.is_empty() => format!("{} {last} {end}", start.join(", ")),
        _ => quoted.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let words = ["exclude", "include", "table_data", "tables", "copy"];
        assert_eq!(closest("exlude", &words), Some("exclude"));
        assert_eq!(closest("table-data", &words), Some("table_data"));
        assert_eq!(closest("Copy", &words), Some("copy"));
        assert_eq!(closest("hooks", &words), None);
        assert_eq!(closest(&"x".repeat(100_000), &words), None);
    }
}
