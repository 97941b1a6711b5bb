//! The fenced blocks of the README.
//! Never runs any.

use std::path::{Path, PathBuf};

/// A block between fences.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// What follows the opening fence.
    pub(super) language: String,
    /// The line of the opening fence.
    pub(super) line: usize,
    /// What is between the fences.
    pub(super) text: String,
}

/// Where the README is.
pub(super) fn readme() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")
}

/// Every block, in order.
pub(super) fn blocks() -> Vec<Block> {
    let text = std::fs::read_to_string(readme()).expect("there is a README");
    let mut all: Vec<Block> = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => all.extend(open.take()),
            (Some(language), None) => {
                open = Some(Block {
                    language: language.to_owned(),
                    line: index + 1,
                    text: String::new(),
                });
            }
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed: {open:?}");
    all
}

/// Every block of a language, in order.
pub(super) fn in_language(language: &str) -> Vec<Block> {
    let mut all = blocks();
    all.retain(|block| block.language == language);
    all
}
