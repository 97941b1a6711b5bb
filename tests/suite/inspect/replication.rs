//! Tests of what is found out for replication: identities of tables, slots, publications.
//! Never tests what is made of the facts.

use pg_dbmigrator::inspect::{IdentitySetting, Source};

use super::relations::relation;
use super::{MAJORS, inspected, source};
use crate::support::Cluster;

const TABLES: &str = "
    create table keyed (id int primary key);
    create table deferred (id int primary key deferrable);
    create table keyless (id int);
    create table coded (
        a int not null, b text not null, c int, g int generated always as (1) stored not null
    );
    create unique index coded_a on coded (a);
    create unique index coded_b_including_c on coded (b) include (c);
    create unique index coded_c on coded (c);
    create unique index coded_partial on coded (a) where a > 0;
    create unique index coded_expression on coded (lower(b));
    create unique index coded_generated on coded (g);
    create index coded_plain on coded (a);
    alter table coded add unique (a, b) deferrable;
    create table by_index (id int not null constraint by_index_id unique);
    alter table by_index replica identity using index by_index_id;
    create table index_gone (id int not null constraint index_gone_id unique);
    alter table index_gone replica identity using index index_gone_id;
    alter table index_gone drop constraint index_gone_id;
    create table whole (id int);
    alter table whole replica identity full;
    create table generated (id int, g int generated always as (1) stored);
    alter table generated replica identity full;
    create table by_generated (
        g int generated always as (1) stored not null constraint by_generated_g unique
    );
    alter table by_generated replica identity using index by_generated_g;
    create table nothing (id int primary key);
    alter table nothing replica identity nothing;
    create type mood as enum ('sad');
    create domain note as text check (value <> '');
    create table odd (
        j json, js json[], x xml, p point, b jsonb, v varchar(3), e mood, d note, a int[], i cidr,
        r int4range, n numeric, s tsvector
    );
";

fn asked(major: u32) -> Source {
    let cluster = Cluster::shared(major);
    let database = cluster.create_database("identities");
    cluster.psql(&database, TABLES);
    source(cluster, &database, "postgres")
}

#[test]
fn what_tells_the_rows_of_a_table_apart_is_found() {
    for major in MAJORS {
        let source = asked(major);
        let identity = |name: &str| relation(&source, name).identity.clone();
        assert!(identity("keyed").is_usable(major));
        assert_eq!(identity("keyed").primary_key.as_deref(), Some("keyed_pkey"));
        assert!(!identity("deferred").is_usable(major) && !identity("keyless").is_usable(major));
        let coded = identity("coded");
        assert_eq!(coded.unique_indexes, ["coded_a", "coded_b_including_c"]);
        assert_eq!(coded.generated, ["g"]);
        assert!(!coded.is_usable(major));
        let by_index = identity("by_index");
        assert_eq!(by_index.setting, IdentitySetting::Index);
        assert_eq!(by_index.index.as_deref(), Some("by_index_id"));
        assert!(by_index.is_usable(major));
        let gone = identity("index_gone");
        assert_eq!(
            (gone.setting, gone.is_usable(major)),
            (IdentitySetting::Index, false)
        );
        assert!(!identity("by_generated").is_usable(major));
        assert_eq!(identity("generated").is_usable(major), major < 18);
        assert!(identity("whole").is_usable(major));
        assert!(identity("nothing").primary_key.is_some() && !identity("nothing").is_usable(major));
        assert_eq!(
            identity("odd").incomparable,
            ["j", "js", "p", "x"],
            "{major}"
        );
        assert!(source.relations.iter().all(|r| r.owned));
    }
}

#[test]
fn what_a_server_has_for_replication_is_found() {
    for major in MAJORS {
        let source = &inspected(major).source;
        let replication = &source.server.replication;
        assert_eq!(replication.wal_level, "logical");
        assert_eq!((replication.slots.most, replication.slots.used), (20, 1));
        assert_eq!(
            (replication.senders.most, replication.senders.used),
            (20, 0)
        );
        assert_eq!(replication.apply_workers.free(), 4);
        assert_eq!(replication.origins.most, if major < 18 { 20 } else { 10 });
        assert_eq!(replication.origins.used, 1, "one for the subscription");
        assert_eq!(replication.max_slot_wal_keep_bytes, None);
        assert!(replication.slot_names.contains("feeds"));
        let streams = &source.streams;
        assert!(streams.publications.contains("inspected"));
        assert!(streams.subscriptions.contains("fed"));
        assert!(streams.may_create && streams.owned);
        assert_eq!(streams.prepared[0].0, "left");
        assert!(streams.superusers.contains("postgres"));
        assert!(streams.roles.contains("inspect_reader"));
        assert!(streams.members.is_empty());
        let role = &source.server.role;
        assert!(role.replication && role.create_subscription && role.signal_backend);
        assert!(role.alterable_roles.contains("inspect_reader"));
    }
}

#[test]
fn a_role_of_no_rank_is_seen_to_be_one() {
    for major in MAJORS {
        let all = inspected(major);
        let source = source(&all.cluster, &all.database, "inspect_reader");
        let role = &source.server.role;
        assert!(!role.replication && !role.create_subscription && !role.signal_backend);
        assert!(role.alterable_roles.is_empty());
        assert!(!source.streams.may_create && !source.streams.owned);
        assert!(!relation(&source, "orders").owned);
    }
}
