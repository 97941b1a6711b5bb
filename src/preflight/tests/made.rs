//! Facts made for tests: a migration that nothing speaks against.
//! Never holds a test.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use crate::inspect::{
    ConnectedRole, Database, Dependent, Extension, Facts, Identity, LargeObjects, Locale, Relation,
    RelationKind, Replication, Role, RowHash, Schema, Server, Share, Source, Streams, Target,
    TargetDatabase, TargetTable, Toolset,
};
use crate::preflight::Choices;
use crate::resolve::{Cutover, Fence, Hooks, Online, SequenceErrors, Trigger};
use crate::spec::{Existing, Format, Scope, Statistics, Verify};

pub(crate) const CHOICES: Choices = Choices {
    scope: Scope::All,
    existing: Existing::Refuse,
    owners: true,
    roles: true,
    tablespaces: true,
    verify: Verify::Counts,
    allow_errors: false,
    statistics: Statistics::Analyze,
    jobs: 4,
    format: Format::Auto,
    online: None,
};

pub(crate) fn server(identifier: &str, major: u32) -> Server {
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
            replication: true,
            create_subscription: true,
            signal_backend: true,
            alterable_roles: names(&["migrator", "postgres", "shop", "shop_app"]),
        },
        lock_slots: 6400,
        max_locks_per_transaction: 64,
        free_connections: 90,
        in_recovery: false,
        replication: replication(),
    }
}

pub(crate) fn replication() -> Replication {
    let share = Share { most: 10, used: 1 };
    Replication {
        wal_level: "logical".to_owned(),
        slots: share,
        senders: share,
        apply_workers: Share { most: 4, used: 0 },
        origins: share,
        worker_processes: 8,
        max_slot_wal_keep_bytes: None,
        slot_names: names(&["backup"]),
    }
}

/// An online plan that leaves everything to its defaults.
pub(crate) fn online() -> Online {
    Online {
        publication: "pg_dbmigrator_shop".to_owned(),
        slot: "pg_dbmigrator_shop".to_owned(),
        subscription: "pg_dbmigrator_shop".to_owned(),
        subscription_source: None,
        subscription_target: None,
        replica_identity: BTreeMap::new(),
        lag_bytes: 8192,
        slot_creation_timeout: Duration::from_secs(300),
        retained_wal_bytes: 100 << 30,
        write_outage: Duration::from_secs(30),
        cutover: Cutover {
            trigger: Trigger::Manual,
            fence: Fence {
                roles: vec!["shop_app".to_owned()],
                connect: false,
                read_only: true,
                terminate: true,
            },
            sequences: true,
            sequence_errors: SequenceErrors::Stop,
            verify: Verify::Counts,
            reverse: true,
            keep_subscription: false,
            accept_drift: false,
            accept_timeline: false,
            hooks: Hooks::default(),
        },
    }
}

pub(crate) fn streams() -> Streams {
    Streams {
        may_create: true,
        owned: true,
        sees_sessions: true,
        roles: names(&["migrator", "postgres", "shop", "shop_app"]),
        superusers: names(&["postgres"]),
        ..Streams::default()
    }
}

pub(crate) fn locale() -> Locale {
    Locale {
        encoding: "UTF8".to_owned(),
        provider: "libc".to_owned(),
        collate: "en_US.UTF-8".to_owned(),
        ctype: "en_US.UTF-8".to_owned(),
        locale: None,
        icu_rules: None,
    }
}

pub(crate) fn table(name: &str) -> Relation {
    Relation {
        schema: "public".to_owned(),
        name: name.to_owned(),
        kind: RelationKind::Table,
        owner: "shop".to_owned(),
        owned: true,
        bytes: 100 << 20,
        rows_estimate: Some(1),
        unlogged: false,
        readable: true,
        row_security: false,
        partition_of: None,
        owned_by: None,
        populated: true,
        crossed_indexes: false,
        has_children: false,
        extended_statistics: false,
        hashed_by_enum: false,
        blocks: 0,
        text_columns: Vec::new(),
        firing_triggers: Vec::new(),
        triggered: false,
        row_hash: RowHash::Record,
        columns: Vec::new(),
        identity: Identity {
            primary_key: Some(format!("{name}_pkey")),
            ..Identity::default()
        },
    }
}

pub(crate) fn role(name: &str) -> Role {
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

pub(crate) fn foreign_key() -> Dependent {
    Dependent {
        description: "constraint items_order_fkey on table public.items".to_owned(),
        of: Some(("public".to_owned(), "items".to_owned())),
        schema: None,
        needs: ("public".to_owned(), "orders".to_owned()),
        needs_rows: true,
    }
}

pub(crate) fn source() -> Source {
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
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        dependents: vec![foreign_key()],
        extensions: vec![Extension {
            name: "pgcrypto".to_owned(),
            version: "1.3".to_owned(),
            schema: "public".to_owned(),
            config_tables: Vec::new(),
        }],
        roles: vec![role("shop")],
        predefined_roles: BTreeSet::new(),
        owners: Vec::new(),
        icu_collations: Vec::new(),
        large_objects: LargeObjects::default(),
        large_object_parts: Vec::new(),
        object_counts: BTreeMap::new(),
        tablespaces: BTreeSet::new(),
        not_carried: Vec::new(),
        streams: streams(),
        schema_mark: String::new(),
    }
}

pub(crate) fn names(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|&name| name.to_owned()).collect()
}

/// A migration that nothing speaks against.
pub(crate) fn facts() -> Facts {
    Facts {
        source: source(),
        target: Target {
            server: server("new", 18),
            database_name: "shop".to_owned(),
            maintenance_database: "postgres".to_owned(),
            database: None,
            roles: names(&["migrator", "postgres", "shop", "shop_app"]),
            settable_roles: names(&["migrator", "shop"]),
            grantable_roles: names(&["migrator", "shop"]),
            settings: names(&["work_mem"]),
            trusted_extensions: names(&["pgcrypto"]),
            available_extensions: [("pgcrypto".to_owned(), names(&["1.3"]))].into(),
            tablespaces: names(&["pg_default"]),
            locales: names(&["C", "en_US.utf8"]),
            icu: true,
        },
        tools: vec![tools(18)],
        free_bytes: 1 << 30,
        target_reaches_source: None,
        source_reaches_target: None,
    }
}

pub(crate) fn tools(major: u32) -> Toolset {
    Toolset {
        major,
        version: format!("{major}.4"),
        directory: PathBuf::from(format!("/pg/{major}/bin")),
    }
}

pub(crate) fn target_database() -> TargetDatabase {
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
        streams: streams(),
    }
}

pub(crate) fn filled_database() -> TargetDatabase {
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

pub(crate) fn plain(role: &mut ConnectedRole) {
    role.superuser = false;
    role.create_database = false;
    role.create_role = false;
    role.bypass_rls = false;
}
