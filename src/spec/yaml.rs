//! Reads a plan's text as YAML, past what can be stepped over, so that one mistake does not hide
//! the next. It never follows an alias and never gives a value without saying where it is.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::Value;

use super::places::{self, Complaint, Node, Places};

/// Unquoted templates that one reading steps over where they end the YAML.
const MAX_MENDED: usize = 20;

/// A plan as YAML gives it.
#[derive(Debug, Default)]
pub(crate) struct Yaml {
    /// Nothing where the text is too broken to have a value.
    pub(crate) value: Option<Value>,
    /// By JSON pointer.
    pub(crate) nodes: BTreeMap<String, Node>,
    pub(crate) complaints: Vec<Complaint>,
    /// Pointers that were complained of already: whatever else is said of them would mislead.
    pub(crate) settled: BTreeSet<String>,
}

/// Reads the text.
pub(crate) fn read(text: &str) -> Yaml {
    let mut text = text.to_owned();
    let mut mended: Vec<Range<usize>> = Vec::new();
    let mut yaml = Yaml::default();
    let found = loop {
        match places::find(&text) {
            Ok(found) => break found,
            Err((at, info)) => match broken_template(&text, at) {
                Some(template) if mended.len() < MAX_MENDED => {
                    yaml.complaints.push(unquoted(&text, &template));
                    blank(&mut text, &template);
                    mended.push(template);
                }
                _ => {
                    yaml.complaints.extend(syntax(&text, at, &info));
                    return yaml;
                }
            },
        }
    };
    let Places {
        nodes,
        complaints,
        blanks,
        hopeless,
    } = found;
    let is_mended = |node: &Node| mended.iter().any(|at| at.start == node.value.start);
    yaml.settled = nodes
        .iter()
        .filter(|(_, node)| is_mended(node))
        .map(|(pointer, _)| pointer.clone())
        .chain(blanks.iter().map(|(pointer, _)| pointer.clone()))
        .collect();
    for (_, range) in &blanks {
        blank(&mut text, range);
    }
    yaml.nodes = nodes;
    yaml.complaints.extend(complaints);
    if !hopeless {
        yaml.evaluate(&text);
    }
    yaml
}

impl Yaml {
    fn evaluate(&mut self, text: &str) {
        if self.nodes.is_empty() {
            self.complain(
                0..0,
                "the plan is empty",
                "it needs at least `version`, `source` and `target`",
            );
            return;
        }
        match serde_yaml::from_str::<Value>(text) {
            Ok(value) => self.value = Some(value),
            Err(error) => {
                let at = error.location().map_or(0, |place| place.index());
                let at = (0..=at.min(text.len()))
                    .rev()
                    .find(|at| text.is_char_boundary(*at));
                let at = at.unwrap_or(0);
                self.complain(at..at, &format!("this is not YAML: {error}"), "");
            }
        }
    }

    fn complain(&mut self, at: Range<usize>, message: &str, help: &str) {
        let (message, help) = (message.to_owned(), help.to_owned());
        self.complaints.push(Complaint { at, message, help });
    }
}

/// Overwrites a range by a null, so that everything else keeps its place.
fn blank(text: &mut String, range: &Range<usize>) {
    let mut filler: String = text[range.clone()]
        .bytes()
        .map(|b| if b == b'\n' { '\n' } else { ' ' })
        .collect();
    if !filler.is_empty() {
        filler.replace_range(..1, "~");
    }
    text.replace_range(range.clone(), &filler);
}

/// An unquoted template that makes the text no YAML at all, such as `{{ a }}/b`: from its braces to
/// the end of the value, on the line of the error or the one before.
fn broken_template(text: &str, at: usize) -> Option<Range<usize>> {
    let here = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let before = text[..here.saturating_sub(1)]
        .rfind('\n')
        .map_or(0, |at| at + 1);
    [here, before].into_iter().find_map(|start| {
        let line = text[start..].split('\n').next().unwrap_or("");
        let value = line.find(": {{").map(|at| at + 2);
        let item = line
            .trim_start()
            .starts_with("- {{")
            .then(|| line.find("{{"));
        let from = value.or(item.flatten())?;
        let comment = line[from..].find(" #").map_or(line.len(), |at| from + at);
        let len = line[from..comment].trim_end().len();
        Some(start + from..start + from + len)
    })
}

fn unquoted(text: &str, at: &Range<usize>) -> Complaint {
    let template = text[at.clone()].replace('"', "'");
    Complaint {
        at: at.clone(),
        message: "a template must be in quotes".to_owned(),
        help: format!("write \"{template}\": without them YAML takes the braces for its own"),
    }
}

/// Why the text is no YAML, as far as it can be told in words that help.
fn syntax(text: &str, at: usize, info: &str) -> Vec<Complaint> {
    let tabs = indenting_tabs(text);
    let complain = |at, message: &str, help: &str| Complaint {
        at,
        message: message.to_owned(),
        help: help.to_owned(),
    };
    if info.contains("tab") && !tabs.is_empty() {
        let message = "a tab indents this line";
        let help = "YAML allows spaces only";
        let tabs = tabs.into_iter().take(20);
        return tabs.map(|at| complain(at, message, help)).collect();
    }
    if info.contains("recursion limit") {
        // The parser looks ahead for a while, and gives up before the first bracket is counted.
        return vec![complain(at..at, &places::too_deep(), places::DEPTH_NEEDED)];
    }
    let help = if info.contains("mapping values are not allowed") {
        "put a value that holds `: ` in quotes, or mend the indentation of this line"
    } else if info.contains("quote") {
        "close the quote that was opened here"
    } else {
        "the mistake may also be on the line before: a missing quote, `:` or bracket, or wrong \
         indentation"
    };
    let at = at.min(text.len());
    vec![complain(at..at, &format!("this is not YAML: {info}"), help)]
}

/// The tabs among the white space that lines start with.
fn indenting_tabs(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut found = Vec::new();
    for line in text.split('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if indent < line.len()
            && let Some(tab) = line[..indent].find('\t')
        {
            found.push(start + tab..start + indent);
        }
        start += line.len() + 1;
    }
    found
}
