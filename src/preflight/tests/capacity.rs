//! Findings about room.
//! Never needs a server.

use super::made::{CHOICES, facts, filled_database, server, table};
use super::{found_when, found_with};
use crate::inspect::{Facts, Relation, RelationKind};
use crate::preflight::{Choices, preflight};
use crate::selection::Selection;
use crate::spec::Existing;

#[test]
fn room_is_counted_in_lock_slots_connections_and_bytes() {
    assert_eq!(found_when(|f| f.source.server.lock_slots = 1), ["R locks"]);
    let filled = |f: &mut Facts| {
        f.target.database = Some(filled_database());
        f.target.server.lock_slots = 0;
    };
    let replace = Choices {
        existing: Existing::Replace,
        ..CHOICES
    };
    assert_eq!(
        found_with(&replace, filled),
        ["R locks", "W replaces_objects"]
    );
    assert_eq!(
        found_when(|f| f.target.server.free_connections = 5),
        ["R connections"]
    );
    assert_eq!(
        found_when(|f| f.source.server.free_connections = 6),
        [""; 0]
    );
    assert_eq!(found_when(|f| f.free_bytes = 99 << 20), ["W disk"]);

    let mut facts = facts();
    facts.source.relations = (0..20_000).map(|n| table(&format!("t{n}"))).collect();
    facts.free_bytes = u64::MAX;
    let locks = preflight(&facts, &CHOICES, &Selection::default());
    assert!(
        locks[0]
            .next
            .starts_with("Set max_locks_per_transaction = 256 "),
        "{locks:?}"
    );
}

#[test]
fn sequences_take_locks_too_until_they_are_read_all_at_once() {
    let many = |f: &mut Facts| {
        f.source.relations = (0..4000).map(|n| table(&format!("t{n}"))).collect();
        let sequence = |n| Relation {
            kind: RelationKind::Sequence,
            ..table(&format!("s{n}"))
        };
        f.source.relations.extend((0..4000).map(sequence));
        f.free_bytes = u64::MAX;
    };
    assert_eq!(found_when(many), ["R locks"]);
    let later = |f: &mut Facts| {
        many(f);
        f.source.server = server("old", 18);
    };
    assert_eq!(found_when(later), [""; 0]);
}
