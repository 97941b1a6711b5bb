//! Where everything in a plan's YAML is, and what YAML allows but a plan does not: duplicate keys,
//! aliases, tags, unquoted templates. It never builds a value, so no alias can grow in it.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScanError, Span};

/// A plan is four levels deep; what is much deeper was not written by a person.
const MAX_DEPTH: usize = 32;

/// A plan that names each of five thousand tables has fewer nodes.
const MAX_NODES: usize = 20_000;

/// Complaints of one pass; the reader of the report sees fewer.
const MAX_COMPLAINTS: usize = 100;

/// Where one value is: its key, if it has one, and itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) key: Option<Range<usize>>,
    pub(crate) value: Range<usize>,
}

/// Something that YAML allows and a plan does not.
#[derive(Debug, Clone)]
pub(crate) struct Complaint {
    pub(crate) at: Range<usize>,
    pub(crate) message: String,
    pub(crate) help: String,
}

/// What one pass over the text found.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// By JSON pointer.
    pub(crate) nodes: BTreeMap<String, Node>,
    pub(crate) complaints: Vec<Complaint>,
    /// Values that stand in the way of reading the rest: to be blanked out.
    pub(crate) blanks: Vec<(String, Range<usize>)>,
    /// Whether nothing further can be said about the text.
    pub(crate) hopeless: bool,
}

/// The pointer of a key below another pointer.
pub(crate) fn child(parent: &str, key: &str) -> String {
    format!("{parent}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// What is said of too many levels.
pub(crate) fn too_deep() -> String {
    format!("this is nested more than {MAX_DEPTH} levels deep")
}

/// What to do about them.
pub(crate) const DEPTH_NEEDED: &str = "a plan needs four levels";

/// Finds every node of the text. A `Err` holds the byte where the text stops being YAML, and what
/// the parser says about it.
pub(crate) fn find(text: &str) -> Result<Places, (usize, String)> {
    let mut bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    bytes.push(text.len());
    let mut walk = Walk {
        text,
        bytes,
        stack: Vec::new(),
        skipped: None,
        count: 0,
        documents: 0,
        found: Places::default(),
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| walk.syntax(&error))?;
        walk.take(&event, span);
        if walk.found.hopeless || walk.found.complaints.len() >= MAX_COMPLAINTS {
            walk.found.hopeless = true;
            break;
        }
    }
    Ok(walk.found)
}

struct Walk<'t> {
    text: &'t str,
    /// The byte of every character: the parser counts characters.
    bytes: Vec<usize>,
    stack: Vec<Frame>,
    /// An unquoted template being stepped over: its pointer, its first byte, how deep in it we are.
    skipped: Option<(String, usize, usize)>,
    count: usize,
    documents: usize,
    found: Places,
}

enum Frame {
    Mapping {
        pointer: String,
        start: usize,
        keys: HashMap<String, Range<usize>>,
        /// The key whose value comes next.
        key: Option<(String, Range<usize>)>,
    },
    Sequence {
        pointer: String,
        next: usize,
    },
}

impl Walk<'_> {
    fn syntax(&self, error: &ScanError) -> (usize, String) {
        let at = self.byte(error.marker().index());
        (at, error.info().to_owned())
    }

    fn byte(&self, index: usize) -> usize {
        self.bytes.get(index).copied().unwrap_or(self.text.len())
    }

    fn take(&mut self, event: &Event<'_>, span: Span) {
        let start = self.byte(span.start.index());
        let at = start..self.byte(span.end.index()).max(start);
        if self.skip(event, at.end) {
            return;
        }
        match event {
            Event::DocumentStart(_) => self.document(at),
            Event::Scalar(text, _, _, tag) => {
                self.refuse_tag(tag.is_some(), &at);
                if self.key_expected() {
                    self.key(text, at);
                } else {
                    self.value(at);
                }
            }
            Event::Alias(_) => self.alias(at),
            Event::MappingStart(_, tag) | Event::SequenceStart(_, tag) => {
                self.refuse_tag(tag.is_some(), &at);
                if self.key_expected() {
                    self.collection_as_key(at);
                } else {
                    self.open(matches!(event, Event::MappingStart(..)), at);
                }
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.stack.pop();
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }

    /// Steps over what is inside an unquoted template.
    fn skip(&mut self, event: &Event<'_>, end: usize) -> bool {
        let Some((_, _, depth)) = &mut self.skipped else {
            return false;
        };
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => *depth += 1,
            Event::MappingEnd | Event::SequenceEnd => *depth -= 1,
            _ => {}
        }
        if *depth == 0
            && let Some((pointer, start, _)) = self.skipped.take()
        {
            self.complain_of_template(start..end);
            self.found.blanks.push((pointer, start..end));
        }
        true
    }

    fn document(&mut self, at: Range<usize>) {
        self.documents += 1;
        if self.documents > 1 {
            self.complain(
                at,
                "a second document starts here",
                "a plan is one document: remove the `---`, or split the file",
            );
            self.found.hopeless = true;
        }
    }

    fn key_expected(&self) -> bool {
        matches!(self.stack.last(), Some(Frame::Mapping { key: None, .. }))
    }

    fn key(&mut self, text: &str, at: Range<usize>) {
        self.count();
        let Some(Frame::Mapping { keys, key, .. }) = self.stack.last_mut() else {
            return;
        };
        let first = keys.get(text).cloned();
        *key = Some((text.to_owned(), at.clone()));
        let Some(first) = first else {
            keys.insert(text.to_owned(), at);
            return;
        };
        let line = self.text[..first.start].matches('\n').count() + 1;
        let message = format!("the key `{text}` is here a second time");
        let help = format!("it is first on line {line}; keep one of them");
        self.complain(at, &message, &help);
    }

    /// Notes a value, and says where it is in the tree.
    fn value(&mut self, at: Range<usize>) -> String {
        self.count();
        let (pointer, key) = match self.stack.last_mut() {
            None => (String::new(), None),
            Some(Frame::Sequence { pointer, next }) => {
                *next += 1;
                (format!("{pointer}/{}", *next - 1), None)
            }
            Some(Frame::Mapping { pointer, key, .. }) => {
                let (name, at) = key.take().unwrap_or_default();
                (child(pointer, &name), Some(at))
            }
        };
        let node = Node { key, value: at };
        self.found.nodes.entry(pointer.clone()).or_insert(node);
        pointer
    }

    fn open(&mut self, mapping: bool, at: Range<usize>) {
        let start = at.start;
        let pointer = self.value(at.clone());
        if self.stack.len() >= MAX_DEPTH {
            self.complain(at, &too_deep(), DEPTH_NEEDED);
            self.found.hopeless = true;
        }
        self.stack.push(if mapping {
            Frame::Mapping {
                pointer,
                start,
                keys: HashMap::new(),
                key: None,
            }
        } else {
            Frame::Sequence { pointer, next: 0 }
        });
    }

    fn count(&mut self) {
        self.count += 1;
        if self.count > MAX_NODES {
            let message = format!("the plan has more than {MAX_NODES} keys and values");
            self.complain(
                0..0,
                &message,
                "name many tables by a glob such as `public.log_*`",
            );
            self.found.hopeless = true;
        }
    }

    fn alias(&mut self, at: Range<usize>) {
        self.complain(
            at.clone(),
            "aliases are not used in plans",
            "write out what the anchor stands for",
        );
        if self.key_expected() {
            self.found.hopeless = true;
            return;
        }
        let pointer = self.value(at.clone());
        self.found.blanks.push((pointer, at));
    }

    /// `{{ x }}` without quotes is, to YAML, a mapping whose key is a mapping.
    fn collection_as_key(&mut self, at: Range<usize>) {
        let inner = self.text[at.start..].starts_with('{');
        if let Some(Frame::Mapping { start, pointer, .. }) = self.stack.last()
            && inner
            && self.text[*start..].starts_with('{')
        {
            self.skipped = Some((pointer.clone(), *start, 2));
            self.stack.pop();
            return;
        }
        self.complain(at, "a key must be text", "write it as `key: value`");
        self.found.hopeless = true;
    }

    fn refuse_tag(&mut self, tagged: bool, at: &Range<usize>) {
        if tagged {
            let help = "remove what starts with `!`, or put the text in quotes";
            self.complain(at.clone(), "tags are not used in plans", help);
            self.found.hopeless = true;
        }
    }

    fn complain_of_template(&mut self, at: Range<usize>) {
        let template = self.text[at.clone()].replace('"', "'").replace('\n', " ");
        self.complain(
            at,
            "a template must be in quotes",
            &format!("write \"{template}\": without them YAML takes the braces for its own"),
        );
    }

    fn complain(&mut self, at: Range<usize>, message: &str, help: &str) {
        self.found.complaints.push(Complaint {
            at,
            message: message.to_owned(),
            help: help.to_owned(),
        });
    }
}
