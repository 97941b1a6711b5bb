//! Each finding, from facts made for it.
//! Never needs a server.

mod made;

use made::{
    CHOICES, facts, filled_database, locale, names, plain, server, table, target_database, tools,
};

use super::*;
use crate::inspect::{Dependent, Locale, Schema, TargetDatabase, TargetTable, Toolset};
use crate::spec::Exclude;

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
    found_with(CHOICES, change)
}

fn found_with(choices: Choices, change: impl FnOnce(&mut Facts)) -> Vec<String> {
    let mut facts = facts();
    change(&mut facts);
    ids(&facts, &choices, &Selection::default())
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
fn servers_that_cannot_be_used_are_refused() {
    assert_eq!(
        found_when(|f| f.target.server = server("old", 15)),
        ["R no_tools", "R same_database"]
    );
    assert_eq!(
        found_when(|f| f.target.server = server("new", 14)),
        ["R target_older"]
    );
    assert_eq!(
        found_when(|f| f.target.server.in_recovery = true),
        ["R target_standby"]
    );
    let standby = |f: &mut Facts| f.source.server.in_recovery = true;
    assert_eq!(found_when(standby), ["W source_standby"]);
    let unlogged = |f: &mut Facts| {
        standby(f);
        f.source.relations[0].unlogged = true;
    };
    assert_eq!(
        found_when(unlogged),
        ["R unlogged_on_standby", "W source_standby"]
    );
}

#[test]
fn tools_are_those_of_the_target_or_the_newest_before_it_or_the_oldest_understood() {
    let all: Vec<Toolset> = [18, 17, 16, 15, 14].map(tools).into();
    let chosen = |from: &[Toolset], source, target| {
        choose_tools(from, source, target).map(|tools| tools.major)
    };
    assert_eq!(chosen(&all, 15, 16), Some(16));
    assert_eq!(chosen(&all, 15, 18), Some(18));
    assert_eq!(chosen(&all, 15, 19), Some(18));
    assert_eq!(
        chosen(&all[2..], 15, 18),
        Some(16),
        "not newer than the target"
    );
    assert_eq!(chosen(&all[..3], 14, 15), Some(16), "16 restores into 15");
    assert_eq!(
        chosen(&all[..2], 15, 15),
        None,
        "17 and later cannot restore into 15"
    );
    assert_eq!(chosen(&all[..1], 16, 17), Some(18));
    assert_eq!(chosen(&all[4..], 15, 18), None, "older than the source");
}

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
        found_with(structure, |f| f.source.relations[1].row_security = true),
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

#[test]
fn a_target_database_must_be_there_or_creatable_and_ours_and_empty() {
    let barred = |f: &mut Facts| f.target.server.role.create_database = false;
    assert_eq!(found_when(barred), ["R missing_database"]);
    let data = Choices {
        scope: Scope::Data,
        ..CHOICES
    };
    assert_eq!(found_with(data, |_| ()), ["R missing_database"]);
    let foreign = |f: &mut Facts| {
        f.target.database = Some(TargetDatabase {
            owned: false,
            ..target_database()
        });
    };
    assert_eq!(found_when(foreign), ["R not_owned"]);
    let filled = |f: &mut Facts| f.target.database = Some(filled_database());
    assert_eq!(found_when(filled), ["R not_empty"]);
    let replace = Choices {
        existing: Existing::Replace,
        ..CHOICES
    };
    assert_eq!(found_with(replace, filled), ["W replaces_objects"]);
    let mut facts = facts();
    filled(&mut facts);
    let what = &preflight(&facts, &CHOICES, &Selection::default())[0].what;
    assert!(
        what.ends_with("21 objects: table public.items and 20 more"),
        "{what}"
    );
}

#[test]
fn another_encoding_or_locale_is_a_warning_and_missing_icu_a_refusal() {
    let other = |f: &mut Facts| {
        let locale = Locale {
            encoding: "LATIN1".to_owned(),
            collate: "C".to_owned(),
            ..locale()
        };
        f.target.database = Some(TargetDatabase {
            locale,
            ..target_database()
        });
    };
    assert_eq!(found_when(other), ["W encoding", "W locale"]);
    let hashed = Choices {
        verify: Verify::Rows,
        ..CHOICES
    };
    assert_eq!(found_with(hashed, other), ["R encoding", "W locale"]);
    let unknown = |f: &mut Facts| f.target.locales = names(&["C"]);
    assert_eq!(found_when(unknown), ["W locale_unknown"]);
    let icu = |f: &mut Facts| {
        f.source.database.locale.provider = "icu".to_owned();
        f.target.icu = false;
    };
    assert_eq!(found_when(icu), ["R locale_unknown"]);
}

#[test]
fn tablespaces_and_extensions_must_be_there() {
    let tablespace = |f: &mut Facts| f.source.tablespaces = names(&["fast"]);
    assert_eq!(found_when(tablespace), ["R missing_tablespaces"]);
    let none = |f: &mut Facts| f.target.available_extensions.clear();
    assert_eq!(found_when(none), ["R extension_unavailable"]);
    let older = |f: &mut Facts| f.source.extensions[0].version = "1.2".to_owned();
    assert_eq!(found_when(older), ["W extension_version"]);
    let tables = |f: &mut Facts| {
        f.source.extensions[0]
            .config_tables
            .push(("public".to_owned(), "srs".to_owned()));
    };
    assert_eq!(found_when(tables), ["N extension_tables"]);
}

#[test]
fn roles_are_created_or_must_be_there_and_be_ours_to_act_as() {
    let absent = |f: &mut Facts| f.target.roles = names(&["migrator"]);
    assert_eq!(found_when(absent), [""; 0]);
    let by_hand = Choices {
        roles: false,
        ..CHOICES
    };
    assert_eq!(found_with(by_hand, absent), ["R missing_roles"]);
    let without = Choices {
        owners: false,
        roles: false,
        ..CHOICES
    };
    assert_eq!(found_with(without, absent), [""; 0]);
    let plain_runner = |f: &mut Facts| {
        plain(&mut f.target.server.role);
        f.target.database = Some(target_database());
    };
    let barred = |f: &mut Facts| {
        plain_runner(f);
        absent(f);
    };
    assert_eq!(found_when(barred), ["R cannot_create_roles"]);
    let no_member = |f: &mut Facts| {
        plain_runner(f);
        f.target.settable_roles = names(&["migrator"]);
    };
    assert_eq!(found_when(no_member), ["R cannot_act_as"]);
    let attributes = |f: &mut Facts| {
        plain_runner(f);
        absent(f);
        f.target.server.role.create_role = true;
        f.source.roles[0].superuser = true;
    };
    assert_eq!(found_when(attributes), ["W role_attributes"]);
}

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
        found_with(replace, filled),
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
fn a_selection_must_not_tear_objects_from_what_they_need() {
    let facts = facts();
    let without = |exclude: &Exclude| {
        let source = &facts.source;
        let selection = Selection::new(&source.relations, &source.schemas, None, Some(exclude));
        ids(&facts, &CHOICES, &selection.expect("every pattern matches"))
    };
    let orders = vec!["public.orders".to_owned()];
    let both = vec!["public.*".to_owned()];
    assert_eq!(
        without(&Exclude {
            tables: orders.clone(),
            ..Exclude::default()
        }),
        ["R needed_relation"]
    );
    assert_eq!(
        without(&Exclude {
            table_data: orders,
            ..Exclude::default()
        }),
        ["R needed_rows"]
    );
    assert_eq!(
        without(&Exclude {
            tables: both.clone(),
            ..Exclude::default()
        }),
        [""; 0]
    );
    assert_eq!(
        without(&Exclude {
            table_data: both,
            ..Exclude::default()
        }),
        [""; 0]
    );
}

#[test]
fn a_function_left_behind_with_its_schema_needs_nothing() {
    let mut facts = facts();
    facts.source.schemas.push(Schema {
        name: "audit".to_owned(),
        owner: "shop".to_owned(),
    });
    facts.source.relations.push(Relation {
        schema: "audit".to_owned(),
        ..table("log")
    });
    facts.source.dependents = vec![Dependent {
        description: "function audit.f()".to_owned(),
        of: None,
        schema: Some("audit".to_owned()),
        needs: ("audit".to_owned(), "log".to_owned()),
        needs_rows: false,
    }];
    let exclude = Exclude {
        schemas: vec!["audit".to_owned()],
        ..Exclude::default()
    };
    let source = &facts.source;
    let selection = Selection::new(&source.relations, &source.schemas, None, Some(&exclude))
        .expect("the schema is there");
    assert_eq!(ids(&facts, &CHOICES, &selection), [""; 0]);
}

#[test]
fn rows_alone_go_into_tables_that_are_there_and_empty() {
    let data = Choices {
        scope: Scope::Data,
        ..CHOICES
    };
    let filled = |f: &mut Facts| f.target.database = Some(filled_database());
    assert_eq!(
        found_with(data, filled),
        ["R filled_tables", "R missing_tables"]
    );
    let replace = Choices {
        existing: Existing::Replace,
        ..data
    };
    assert_eq!(
        found_with(replace, filled),
        ["R missing_tables", "W replaces_rows"]
    );
    let ready = |f: &mut Facts| {
        let ready = ["items", "orders"].map(|name| TargetTable {
            schema: "public".to_owned(),
            name: name.to_owned(),
            empty: true,
        });
        f.target.database = Some(TargetDatabase {
            tables: ready.into(),
            ..filled_database()
        });
    };
    assert_eq!(found_with(data, ready), [""; 0]);
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
