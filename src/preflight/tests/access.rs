//! Findings about what may be read.
//! Never needs a server.

use super::made::{CHOICES, facts};
use super::{found_when, found_with};
use crate::preflight::{Choices, preflight};
use crate::selection::Selection;
use crate::spec::Scope;

#[test]
fn relations_that_cannot_be_read_are_refused_by_name() {
    assert_eq!(
        found_when(|f| f.source.relations[0].readable = false),
        ["R unreadable_relations"]
    );
    assert_eq!(
        found_when(|f| f.source.relations[1].row_security = true),
        ["R row_security"]
    );
    assert_eq!(
        found_when(|f| f.source.large_objects.unreadable = 3),
        ["R unreadable_large_objects"]
    );
    let structure = Choices {
        scope: Scope::Schema,
        ..CHOICES
    };
    assert_eq!(
        found_with(&structure, |f| f.source.relations[1].row_security = true),
        [""; 0]
    );
    let mut facts = facts();
    facts.source.relations[0].readable = false;
    let findings = preflight(&facts, &CHOICES, &Selection::default());
    assert!(findings[0].what.contains("public.items"), "{findings:?}");
    assert!(
        findings[0]
            .next
            .contains("grant pg_read_all_data to migrator"),
        "{findings:?}"
    );
}
