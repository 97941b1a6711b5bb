//! Findings about the stream of an online plan.
//! Never needs a server.

use super::ids;
use super::made::{CHOICES, facts, online, plain, table, target_database};
use crate::inspect::{Facts, IdentitySetting, Reach, Relation, RelationKind, Share};
use crate::preflight::{Choices, Finding, preflight};
use crate::resolve::{Online, ReplicaIdentity};
use crate::secret::Sealed;
use crate::selection::Selection;

const FULL: Share = Share { most: 3, used: 3 };

fn changed(change: impl FnOnce(&mut Facts, &mut Online)) -> (Facts, Choices) {
    let (mut facts, mut online) = (facts(), online());
    facts.target.database = Some(target_database());
    facts.target_reaches_source = Some(Reach::Reached);
    facts.source_reaches_target = Some(Reach::Reached);
    change(&mut facts, &mut online);
    let choices = Choices {
        online: Some(online),
        ..CHOICES
    };
    (facts, choices)
}

pub(super) fn found(change: impl FnOnce(&mut Facts, &mut Online)) -> Vec<String> {
    let (facts, choices) = changed(change);
    ids(&facts, &choices, &Selection::default())
}

pub(super) fn told(change: impl FnOnce(&mut Facts, &mut Online)) -> Finding {
    let (facts, choices) = changed(change);
    let findings = preflight(&facts, &choices, &Selection::default());
    findings.into_iter().next().expect("something is found")
}

fn keyless(name: &str) -> Relation {
    let mut table = table(name);
    table.identity.primary_key = None;
    table
}

#[test]
fn nothing_is_found_where_everything_is_ready() {
    assert_eq!(found(|_, _| ()), [""; 0]);
}

#[test]
fn an_offline_plan_is_asked_for_nothing_of_it() {
    let (mut facts, _) = changed(|f, _| f.source.relations.push(keyless("codes")));
    facts.source.server.replication.wal_level = "minimal".to_owned();
    assert_eq!(ids(&facts, &CHOICES, &Selection::default()), [""; 0]);
}

#[test]
fn servers_without_room_for_a_stream_are_refused_on_the_side_that_lacks_it() {
    let wal = |f: &mut Facts, o: &mut Online| {
        f.target.server.replication.wal_level = "replica".to_owned();
        o.cutover.reverse = false;
    };
    assert_eq!(found(wal), [""; 0]);
    let wal = |f: &mut Facts, _: &mut Online| {
        f.source.server.replication.wal_level = "replica".to_owned();
        f.target.server.replication.wal_level = "replica".to_owned();
    };
    assert_eq!(found(wal), ["R wal_level", "R wal_level"]);
    assert_eq!(
        found(|f, _| f.source.server.replication.slots = FULL),
        ["R no_free_slot"]
    );
    assert_eq!(
        found(|f, _| f.target.server.replication.senders = FULL),
        ["R no_free_sender"]
    );
    assert_eq!(
        found(|f, _| f.target.server.replication.apply_workers = FULL),
        ["R no_free_worker"]
    );
    let origins = told(|f, _| f.target.server.replication.origins = FULL);
    assert_eq!(origins.id, "no_free_origin");
    let next = "alter system set max_active_replication_origins = 7";
    assert!(origins.next.contains(next), "{origins:?}");
    assert_eq!(
        found(|f, _| f.source.server.replication.max_slot_wal_keep_bytes = Some(1 << 30)),
        ["W kept_wal"]
    );
    assert_eq!(
        found(|f, _| f.source.server.in_recovery = true),
        ["R standby_publishes_nothing", "W source_standby"]
    );
}

#[test]
fn roles_that_may_not_replicate_are_refused_with_the_grant_they_lack() {
    let no_one = |f: &mut Facts, o: &mut Online| {
        plain(&mut f.source.server.role);
        f.source.server.role.replication = false;
        f.source.server.role.create_subscription = false;
        f.source.streams.may_create = false;
        f.source.relations[1].owned = false;
        o.cutover.reverse = false;
        o.cutover.fence.roles.clear();
    };
    assert_eq!(
        found(no_one),
        [
            "R no_create_right",
            "R no_replication_right",
            "R tables_of_others",
            "W fence_read_only_alone"
        ]
    );
    let owners = told(|f, _| f.source.relations[1].owned = false);
    assert!(
        owners.next.contains("grant \"shop\" to \"migrator\""),
        "{owners:?}"
    );
    let subscriber = |f: &mut Facts, _: &mut Online| {
        f.target.server.role.create_subscription = false;
    };
    assert_eq!(found(subscriber), ["R no_subscription_right"]);
    let grant = "grant pg_create_subscription to \"migrator\"";
    assert!(told(subscriber).next.contains(grant));
    let back = told(|f, _| f.source.server.role.create_subscription = false);
    assert!(
        back.next.contains("takes a superuser"),
        "15 knows no such role: {back:?}"
    );
    assert!(back.next.contains("cutover.reverse: false"), "{back:?}");
}

#[test]
fn a_server_that_does_not_reach_the_other_is_refused_with_its_own_words() {
    let apart = |f: &mut Facts, _: &mut Online| {
        let reason = "connection refused".to_owned();
        f.target_reaches_source = Some(Reach::Unreachable(reason));
    };
    let told = told(apart);
    assert!(told.what.contains("target") && told.what.ends_with("connection refused"));
    assert!(told.next.contains("online.subscription_source"), "{told:?}");
    let unasked = |f: &mut Facts, _: &mut Online| f.target_reaches_source = Some(Reach::Unasked);
    assert_eq!(found(unasked), ["W reach_unasked"]);
}

#[test]
fn tables_without_an_identity_are_refused_with_the_lines_that_settle_them() {
    let told = told(|f, _| {
        let mut root = keyless("events");
        root.kind = RelationKind::PartitionedTable;
        let mut leaf = keyless("events_2026");
        leaf.partition_of = Some(("public".to_owned(), "events".to_owned()));
        let mut coded = keyless("Codes");
        coded.identity.unique_indexes = vec!["code one".to_owned(), "two".to_owned()];
        let mut odd = keyless("odd");
        odd.identity.incomparable = vec!["j".to_owned()];
        let mut unlogged = keyless("scratch");
        unlogged.unlogged = true;
        f.source.relations = vec![root, leaf, coded, odd, unlogged];
    });
    assert_eq!(told.id, "no_identity");
    let names = "public.\"Codes\", public.events_2026, public.odd";
    assert!(told.what.ends_with(names), "{}", told.what);
    let lines = "online:\n  replica_identity:\n    public.Codes: { index: \"code one\" }\n    \
                 public.events: full\n    public.odd: copy_at_cutover\n";
    assert!(told.next.contains(lines), "{}", told.next);
}

#[test]
fn what_the_plan_settles_is_found_no_more() {
    let settled = |f: &mut Facts, o: &mut Online| {
        f.source.relations = vec![keyless("codes")];
        f.source.dependents.clear();
        let name = ("public".to_owned(), "codes".to_owned());
        o.replica_identity.insert(name, ReplicaIdentity::Full);
    };
    assert_eq!(found(settled), [""; 0]);
    let incomparable = |f: &mut Facts, o: &mut Online| {
        settled(f, o);
        f.source.relations[0].identity.incomparable = vec!["j".to_owned()];
    };
    assert_eq!(found(incomparable), ["R whole_row_refused"]);
    let generated = |major: u32| {
        move |f: &mut Facts, o: &mut Online| {
            settled(f, o);
            f.source.server.version_num = major * 10_000;
            f.source.relations[0].identity.generated = vec!["g".to_owned()];
        }
    };
    assert_eq!(found(generated(17)), [""; 0]);
    assert_eq!(found(generated(18)), ["R whole_row_refused"]);
}

#[test]
fn a_whole_row_that_cannot_be_compared_is_no_identity() {
    let whole = |f: &mut Facts, _: &mut Online| {
        let identity = &mut f.source.relations[0].identity;
        identity.setting = IdentitySetting::Full;
        identity.incomparable = vec!["j".to_owned()];
    };
    assert_eq!(
        found(whole),
        [""; 0],
        "the target searches by the primary key"
    );
    let keyless = |f: &mut Facts, o: &mut Online| {
        whole(f, o);
        f.source.relations[0].identity.primary_key = None;
    };
    assert_eq!(found(keyless), ["R no_identity"]);
}

#[test]
fn what_no_stream_carries_is_refused_or_told() {
    assert_eq!(
        found(|f, _| f.source.large_objects.count = 3),
        ["R large_objects_not_streamed"]
    );
    let unlogged = told(|f, _| f.source.relations[0].unlogged = true);
    assert_eq!(unlogged.id, "copied_at_cutover");
    assert!(
        unlogged.what.contains("100 MiB") || unlogged.what.contains("100.0 MiB"),
        "{unlogged:?}"
    );
}

#[test]
fn names_that_are_taken_are_refused_on_the_side_where_they_are() {
    let ours = || "pg_dbmigrator_shop".to_owned();
    let back = || "pg_dbmigrator_shop_reverse".to_owned();
    let slot = told(|f, _| {
        f.source.server.replication.slot_names.insert(ours());
    });
    assert_eq!(slot.id, "slot_exists");
    assert!(
        slot.next
            .contains("select pg_drop_replication_slot('pg_dbmigrator_shop')")
    );
    assert!(slot.next.ends_with("online.slot."), "{slot:?}");
    let all = found(|f, _| {
        f.source.streams.publications.insert(ours());
        f.source.streams.subscriptions.insert(back());
        f.target.server.replication.slot_names.insert(back());
        let target = f.target.database.as_mut().expect("it was made above");
        target.streams.publications.insert(back());
        target.streams.subscriptions.insert(ours());
    });
    assert_eq!(
        all,
        [
            "R publication_exists",
            "R publication_exists",
            "R slot_exists",
            "R subscription_exists",
            "R subscription_exists",
            "W source_subscribes",
        ]
    );
    let elsewhere = found(|f, _| {
        f.target.server.replication.slot_names.insert(ours());
        f.source.streams.publications.insert(back());
    });
    assert_eq!(elsewhere, [""; 0]);
    let prepared = ("left".to_owned(), "other".to_owned());
    assert_eq!(
        found(|f, _| f.source.streams.prepared.push(prepared)),
        ["W prepared_transactions"]
    );
}

#[test]
fn the_owner_of_a_publication_that_the_dump_brings_along_must_be_on_the_target() {
    let others = |f: &mut Facts, o: &mut Online| {
        f.source.streams.publications.insert("feeds".to_owned());
        f.target.roles.remove("migrator");
        o.cutover.reverse = false;
    };
    assert_eq!(found(others), ["R publication_owner"]);
    let none = |f: &mut Facts, o: &mut Online| {
        others(f, o);
        f.source.streams.publications.clear();
    };
    assert_eq!(found(none), [""; 0]);
}

#[test]
fn a_fence_that_cannot_stand_is_found() {
    let roles = |names: &'static [&str]| {
        move |_: &mut Facts, o: &mut Online| {
            o.cutover.fence.roles = names.iter().map(|&name| name.to_owned()).collect();
        }
    };
    assert_eq!(found(roles(&["shop_ap"])), ["R fence_roles_unknown"]);
    assert_eq!(found(roles(&["migrator"])), ["R fence_own_role"]);
    assert_eq!(found(roles(&["postgres"])), ["W fence_superusers"]);
    assert_eq!(found(roles(&[])), ["W fence_read_only_alone"]);
    let open = |f: &mut Facts, o: &mut Online| {
        roles(&[])(f, o);
        o.cutover.fence.read_only = false;
    };
    assert_eq!(found(open), ["W no_fence"]);
    let powerless = told(|f, _| {
        plain(&mut f.source.server.role);
        f.source.server.role.alterable_roles.clear();
        f.source.streams.owned = false;
        f.source.server.role.signal_backend = false;
    });
    assert_eq!(powerless.id, "fence_powerless");
    for grant in [
        "createrole",
        "owner to",
        "grant pg_signal_backend to \"migrator\"",
    ] {
        assert!(powerless.next.contains(grant), "{powerless:?}");
    }
    let back = told(|f, _| {
        f.target.server.role.alterable_roles.clear();
        f.target.server.role.signal_backend = false;
        f.target.roles.insert("shop_app".to_owned());
        f.target.settable_roles.clear();
    });
    assert_eq!(back.id, "rollback_powerless");
    for grant in [
        "`grant \"shop_app\" to \"migrator\" with admin option`",
        "`grant pg_signal_backend to \"migrator\"`",
        "cutover.reverse: false",
    ] {
        assert!(back.next.contains(grant), "{back:?}");
    }
}

#[test]
fn who_may_not_alter_the_roles_is_told_of_the_fence_that_takes_less() {
    let barred = |f: &mut Facts, _: &mut Online| {
        plain(&mut f.source.server.role);
        f.source.server.role.create_role = true;
        f.source.server.version_num = 160_000;
        f.source.server.role.alterable_roles.remove("shop_app");
    };
    let said = told(barred);
    assert_eq!(said.id, "fence_powerless");
    let words = "grant \"shop_app\" to \"migrator\" with admin option";
    assert!(said.next.contains(words), "{said:?}");
    assert!(!said.next.contains("createrole"), "it has that: {said:?}");
    assert!(
        said.next.contains("cutover.fence.connect: true"),
        "{said:?}"
    );
    let instead = |f: &mut Facts, o: &mut Online| {
        barred(f, o);
        o.cutover.fence.roles.clear();
        o.cutover.fence.connect = true;
        o.cutover.fence.read_only = false;
    };
    assert_eq!(found(instead), [""; 0]);
    let of_another = |f: &mut Facts, o: &mut Online| {
        instead(f, o);
        f.source.streams.owned = false;
    };
    assert_eq!(found(of_another), ["R fence_powerless"]);
}

#[test]
fn who_does_not_see_what_sessions_are_is_told_so() {
    let blind = |f: &mut Facts, _: &mut Online| f.source.streams.sees_sessions = false;
    assert_eq!(found(blind), ["W fence_blind"]);
}

#[test]
fn who_comes_in_while_nobody_else_may_has_to_be_known() {
    let connect = |f: &mut Facts, o: &mut Online| {
        o.cutover.fence.connect = true;
        o.subscription_source = Some(Sealed::new("host=10.0.0.5 dbname=shop"));
        f.source.streams.members.insert("shop".to_owned());
    };
    assert_eq!(
        found(connect),
        ["R fence_reader_unknown", "W fence_connect_members"]
    );
    let known = |f: &mut Facts, o: &mut Online| {
        connect(f, o);
        o.subscription_source = Some(Sealed::new("host=10.0.0.5 user=reader dbname=shop"));
        o.cutover.fence.roles.push("shop".to_owned());
    };
    assert_eq!(found(known), [""; 0]);
    let unfenced = |f: &mut Facts, o: &mut Online| {
        connect(f, o);
        o.cutover.fence.connect = false;
    };
    assert_eq!(found(unfenced), [""; 0]);
}
