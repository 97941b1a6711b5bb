//! The README is run: every plan is planned, every command executed, every output compared.
//! Only cargo is a stand-in, because building is what runs these tests.
//!
//! `BLESS=1 cargo test readme` writes the outputs anew.

mod blocks;
mod output;
mod plans;
mod shell;

use blocks::{Block, blocks};

#[test]
fn the_readme_opens_with_the_two_commands() {
    let first = &blocks()[0];
    let commands: Vec<&str> = first
        .text
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(first.language, "sh");
    assert_eq!(commands, ["plans/demo/run.sh", "tests/run.sh"]);
}

#[test]
fn every_block_of_the_readme_is_of_a_tested_kind() {
    let tested = ["yaml", "sh", "console", "sql", "rust,no_run"];
    for Block { language, line, .. } in blocks() {
        assert!(
            tested.contains(&&*language),
            "README.md:{line}: a block of {language:?} is tested by nobody"
        );
    }
}

#[test]
fn every_exit_code_of_the_readme_is_one_of_the_program() {
    let text = std::fs::read_to_string(blocks::readme()).expect("there is a README");
    let table = text.lines().filter_map(|line| line.strip_prefix("| "));
    let codes: Vec<i32> = table
        .filter_map(|row| row.split(" |").next())
        .flat_map(|cell| cell.split(", "))
        .filter_map(|code| code.parse().ok())
        .collect();
    let source = include_str!("../../../src/error.rs");
    let declared: Vec<i32> = source
        .lines()
        .filter_map(|line| {
            line.trim()
                .strip_suffix(',')?
                .split_once(" = ")?
                .1
                .parse()
                .ok()
        })
        .collect();
    assert_eq!(codes, declared);
}
