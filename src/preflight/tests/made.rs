//! Facts made for tests: a migration that nothing speaks against.
//! Never holds a test.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::inspect::{
    ConnectedRole, Database, Dependent, Extension, Facts, LargeObjects, Locale, Relation,
    RelationKind, Role, RowHash, Schema, Server, Source, Target, TargetDatabase, TargetTable,
    Toolset,
};
use crate::preflight::Choices;
use crate::spec::{Existing, Scope, Verify};

pub(super) const CHOICES: Choices = Choices {
    scope: Scope::All,
    existing: Existing::Refuse,
    owners: true,
    roles: true,
    tablespaces: true,
    verify: Verify::Counts,
    jobs: 4,
};

pub(super) fn server(identifier: &str, major: u32) -> Server {
    Server {
        place: format!("{identifier}.example:5432"),
        system_identifier: identifier.to_owned(),
        version_num: major * 10_000 + 4,
        version: format!("{major}.4"),
        role: ConnectedRole {
            name: "migrator".to_owned(),
            superuser: true,
            create_database: true,
            create_role: true,
            bypass_rls: true,
        },
        lock_slots: 6400,
        max_locks_per_transaction: 64,
        free_connections: 90,
        in_recovery: false,
    }
}

pub(super) fn locale() -> Locale {
    Locale {
        encoding: "UTF8".to_owned(),
        provider: "libc".to_owned(),
        collate: "en_US.UTF-8".to_owned(),
        ctype: "en_US.UTF-8".to_owned(),
        locale: None,
        icu_rules: None,
    }
}

pub(super) fn table(name: &str) -> Relation {
    Relation {
        schema: "public".to_owned(),
        name: name.to_owned(),
        kind: RelationKind::Table,
        owner: "shop".to_owned(),
        bytes: 100 << 20,
        rows_estimate: Some(1),
        unlogged: false,
        readable: true,
        row_security: false,
        partition_of: None,
        owned_by: None,
        populated: true,
        crossed_indexes: false,
        row_hash: RowHash::Record,
        columns: Vec::new(),
    }
}

pub(super) fn role(name: &str) -> Role {
    Role {
        name: name.to_owned(),
        superuser: false,
        inherit: true,
        create_role: false,
        create_database: false,
        login: true,
        replication: false,
        bypass_rls: false,
        connection_limit: -1,
        valid_until: None,
        comment: None,
        member_of: Vec::new(),
        settings: Vec::new(),
    }
}

pub(super) fn foreign_key() -> Dependent {
    Dependent {
        description: "constraint items_order_fkey on table public.items".to_owned(),
        of: Some(("public".to_owned(), "items".to_owned())),
        schema: None,
        needs: ("public".to_owned(), "orders".to_owned()),
        needs_rows: true,
    }
}

pub(super) fn source() -> Source {
    Source {
        server: server("old", 15),
        database: Database {
            name: "shop".to_owned(),
            owner: "shop".to_owned(),
            bytes: 300 << 20,
            locale: locale(),
            connection_limit: -1,
            comment: None,
            privileges: None,
            settings: Vec::new(),
            security_labels: Vec::new(),
            tablespace: "pg_default".to_owned(),
        },
        schemas: vec![Schema {
            name: "public".to_owned(),
            owner: "pg_database_owner".to_owned(),
        }],
        relations: vec![table("items"), table("orders")],
        dependents: vec![foreign_key()],
        extensions: vec![Extension {
            name: "pgcrypto".to_owned(),
            version: "1.3".to_owned(),
            schema: "public".to_owned(),
            config_tables: Vec::new(),
        }],
        roles: vec![role("shop")],
        large_objects: LargeObjects::default(),
        object_counts: BTreeMap::new(),
        tablespaces: BTreeSet::new(),
        not_carried: Vec::new(),
    }
}

pub(super) fn names(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|&name| name.to_owned()).collect()
}

/// A migration that nothing speaks against.
pub(super) fn facts() -> Facts {
    Facts {
        source: source(),
        target: Target {
            server: server("new", 18),
            database_name: "shop".to_owned(),
            maintenance_database: "postgres".to_owned(),
            database: None,
            roles: names(&["migrator", "shop"]),
            settable_roles: names(&["migrator", "shop"]),
            available_extensions: [("pgcrypto".to_owned(), names(&["1.3"]))].into(),
            tablespaces: names(&["pg_default"]),
            locales: names(&["C", "en_US.utf8"]),
            icu: true,
        },
        tools: vec![tools(18)],
        free_bytes: 1 << 30,
    }
}

pub(super) fn tools(major: u32) -> Toolset {
    Toolset {
        major,
        version: format!("{major}.4"),
        directory: PathBuf::from(format!("/pg/{major}/bin")),
    }
}

pub(super) fn target_database() -> TargetDatabase {
    TargetDatabase {
        oid: 16_384,
        owner: "shop".to_owned(),
        owned: true,
        locale: locale(),
        properties: source().database,
        large_objects: 0,
        objects: Vec::new(),
        object_count: 0,
        tables: Vec::new(),
    }
}

pub(super) fn filled_database() -> TargetDatabase {
    TargetDatabase {
        objects: vec!["table public.items".to_owned()],
        object_count: 21,
        tables: vec![TargetTable {
            schema: "public".to_owned(),
            name: "items".to_owned(),
            empty: false,
        }],
        ..target_database()
    }
}

pub(super) fn plain(role: &mut ConnectedRole) {
    role.superuser = false;
    role.create_database = false;
    role.create_role = false;
    role.bypass_rls = false;
}
