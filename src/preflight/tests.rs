//! Each finding, from facts made for it.
//! Never needs a server.

mod access;
mod capacity;
mod database;
mod extensions;
pub(crate) mod made;
mod online;
mod online_losses;
mod roles;
mod rows;
mod selected;
mod servers;

use made::{CHOICES, facts, target_database};

use super::*;

/// The ids found, each with its level's first letter.
fn ids(facts: &Facts, choices: &Choices, selection: &Selection) -> Vec<String> {
    let short = |f: &Finding| {
        format!("{:?}", f.level)
            .chars()
            .next()
            .map(|c| format!("{c} {}", f.id))
    };
    preflight(facts, choices, selection)
        .iter()
        .filter_map(short)
        .collect()
}

/// Changes the good facts, and says what is found in them.
fn found_when(change: impl FnOnce(&mut Facts)) -> Vec<String> {
    found_with(&CHOICES, change)
}

fn found_with(choices: &Choices, change: impl FnOnce(&mut Facts)) -> Vec<String> {
    let mut facts = facts();
    change(&mut facts);
    ids(&facts, choices, &Selection::default())
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    assert_eq!(found_when(|_| ()), [""; 0]);
    assert_eq!(
        found_when(|f| f.target.database = Some(target_database())),
        [""; 0]
    );
}

#[test]
fn everything_is_found_at_once_and_refusals_come_first() {
    let all = found_when(|f| {
        f.tools.clear();
        f.free_bytes = 0;
        f.source.relations[0].readable = false;
        f.source.extensions[0]
            .config_tables
            .push(("public".to_owned(), "srs".to_owned()));
    });
    assert_eq!(
        all,
        [
            "R no_tools",
            "R unreadable_relations",
            "W disk",
            "N extension_tables"
        ]
    );
}
