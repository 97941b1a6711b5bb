//! Tests of the ledger itself: a proof is worth something only if it can fail.
//! Never runs the project's own cutover: these switches are made by hand, some of them badly.

mod by_hand;

use crate::support::ledger::{Application, Ledger, Outages, Record, Side, Verdict, book, rounds};
use crate::support::proxy::Proxy;
use crate::support::{Cluster, Settings, wait_until};
use by_hand::Hands;
use std::time::{Duration, Instant};

/// The database, of the same name on both sides.
pub(crate) const SHOP: &str = "shop";

/// How many entries there are from the beginning.
const BEGINNING: i64 = 2_000;

/// A database that an application has written to for a moment, and what it noted.
fn written() -> (Cluster, Record) {
    let cluster = Cluster::start(15);
    book::create(&cluster, SHOP, BEGINNING);
    let url = cluster.url_as(book::APPLICATION, SHOP);
    let ledger = Ledger::start(Application {
        source: url.clone(),
        target: url,
        beginning: BEGINNING,
        clients: 2,
    });
    wait_until("some commits", || ledger.acknowledged() >= 300);
    let record = ledger.stop();
    record.check(&cluster, SHOP).must_be_clean();
    (cluster, record)
}

/// What is wrong after a row was changed behind the application's back, and a word of how the
/// verdict puts it. `ITS` stands for one acknowledged entry.
const DAMAGES: [(&str, &str); 14] = [
    (
        "update accounts set balance = balance + 1 where id = 5",
        "1 accounts hold",
    ),
    (
        "update accounts set balance = balance + 1 where id = 5",
        "1 is how far",
    ),
    (
        "delete from lines where ITS and amount > 0",
        "1 lines are missing",
    ),
    (
        "insert into lines select * from lines where ITS",
        "2 lines are too many",
    ),
    (
        "update entries set amount = amount + 1 where ITS",
        "is not about what",
    ),
    (
        "update entries set details = details || '{\"a\": 1}' where ITS",
        "1 entries hold",
    ),
    (
        "update entries set rate = rate + 0.000001 where ITS",
        "1 entries hold",
    ),
    (
        "update entries set id = 1000000000 - id where ITS",
        "has another id",
    ),
    (
        "update marks set seen_by = seen_by - 3 where id = (select max(id) from marks)",
        "1 marks are missing or were not updated",
    ),
    (
        "delete from marks where id = (select max(id) from marks)",
        "1 marks are missing",
    ),
    (
        "insert into marks (client, number, seen_by) values (1, -3, 3)",
        "1 marks were not deleted",
    ),
    (
        "delete from entries where client = 0 and number = 7",
        "1 lost",
    ),
    (
        "select setval('entries_id_seq', max(id), false) from entries",
        "sequence entries_id_seq would give",
    ),
    (
        "select setval('marks_id_seq', 1, false)",
        "sequence marks_id_seq would give",
    ),
];

/// The verdict after some damage, which is undone.
fn verdict_after(cluster: &Cluster, record: &Record, damage: &str) -> Verdict {
    cluster.psql("postgres", "create database kept template shop");
    cluster.psql(SHOP, damage);
    let verdict = record.check(cluster, SHOP);
    assert!(!verdict.is_clean(), "not seen: {damage}");
    cluster.psql("postgres", "drop database shop");
    cluster.psql("postgres", "alter database kept rename to shop");
    verdict
}

#[test]
fn the_ledger_sees_every_kind_of_damage() {
    let (cluster, record) = written();
    let victim = record.commits[record.commits.len() / 2].key;
    let its = format!("client = {} and number = {}", victim.client, victim.number);
    for (damage, finding) in DAMAGES {
        let damage = damage.replace("ITS", &its);
        let said = verdict_after(&cluster, &record, &damage).in_full();
        assert!(said.contains(finding), "{damage}\n{said}");
    }
    record.check(&cluster, SHOP).must_be_clean();
}

#[test]
fn the_ledger_sees_a_lost_a_doubled_and_a_made_up_row() {
    let (cluster, record) = written();
    let clean = record.check(&cluster, SHOP).to_string();
    let words = " acknowledged, 0 lost, 0 doubled, 0 in doubt (0 there), longest gap ";
    assert!(clean.contains(words), "{clean}");
    let victim = record.commits[record.commits.len() / 2].key;
    let its = format!("client = {} and number = {}", victim.client, victim.number);

    let lost = verdict_after(
        &cluster,
        &record,
        &format!("delete from entries where {its}"),
    );
    assert_eq!(lost.lost, [victim]);
    assert!(lost.to_string().contains(" 1 lost, 0 doubled"), "{lost}");

    let columns = "client, number, account_from, account_to, amount, rate, details, noted";
    let again =
        format!("insert into entries ({columns}) select {columns} from entries where {its}");
    let doubled = verdict_after(&cluster, &record, &again);
    assert_eq!(doubled.doubled, [victim]);
    assert!(
        doubled.to_string().contains(" 0 lost, 1 doubled"),
        "{doubled}"
    );

    let renamed = format!("update entries set number = -number where {its}");
    let stranger = verdict_after(&cluster, &record, &renamed);
    assert_eq!((stranger.lost.len(), stranger.strangers.len()), (1, 1));
}

#[test]
fn outages_are_told_by_the_nearest_rank() {
    let mut outages = Outages::of("cutovers");
    for ms in (1..=20).rev() {
        outages.note(Duration::from_millis(ms));
    }
    assert_eq!(
        outages.to_string(),
        "write outage of 20 cutovers: p50 10 ms, p95 19 ms, longest 20 ms"
    );
}

#[test]
fn the_ledger_outlives_a_cut_network_and_a_crashed_server() {
    let settings = Settings {
        tcp: true,
        ..Settings::default()
    };
    let cluster = Cluster::start_with(15, &settings);
    book::create(&cluster, SHOP, BEGINNING);
    let proxy = Proxy::before(cluster.port());
    let url = format!("postgres://app@127.0.0.1:{}/{SHOP}", proxy.port());
    let ledger = Ledger::start(Application {
        source: url.clone(),
        target: url,
        beginning: BEGINNING,
        clients: 2,
    });
    let goes_on = || {
        let more = ledger.acknowledged() + 100;
        wait_until("more commits", || ledger.acknowledged() >= more);
    };
    goes_on();
    proxy.cut();
    proxy.heal();
    goes_on();
    proxy.freeze();
    proxy.heal();
    goes_on();
    cluster.restart();
    goes_on();
    ledger.stop().check(&cluster, SHOP).must_be_clean();
}

#[test]
fn a_switch_by_hand_that_drains_loses_nothing_there_and_back() {
    let hands = Hands::new(15, 18);
    let ledger = hands.start(4);
    hands.replicate();
    wait_until("commits before", || ledger.acknowledged() >= 500);
    assert_eq!(ledger.refusals(), 0);
    let mut outages = Outages::of("switches by hand");
    let there_and_back = [Side::Target, Side::Source].repeat(rounds());
    for to in there_and_back {
        hands.wait_for_worker(to);
        let begun = Instant::now();
        hands.fence(to.other());
        hands.drain(to);
        hands.move_sequences(to);
        hands.reverse(to.other());
        hands.open(to);
        wait_until("commits on the other side", || {
            ledger.acknowledged_since(begun, to) >= 500
        });
        outages.note(ledger.longest_gap_since(begun));
    }
    outages.print();
    let record = ledger.stop();
    assert!(record.acknowledged_by(Side::Source) >= 1_000);
    assert!(record.acknowledged_by(Side::Target) >= 500);
    let nologin = (Side::Source, "28000".to_owned());
    assert!(
        record.refusals.contains_key(&nologin),
        "{:?}",
        record.refusals
    );
    record.check(&hands.source, SHOP).must_be_clean();
    hands.drain(Side::Target);
    let of_the_stream = record.check(&hands.target, SHOP);
    assert!(of_the_stream.lost.is_empty() && of_the_stream.doubled.is_empty());
    // The sequences of a side that serves nobody stay where they were.
    let mut behind = of_the_stream.findings.iter();
    assert!(behind.all(|finding| finding.starts_with("sequence ")));
}

#[test]
fn a_switch_by_hand_that_does_not_drain_is_caught() {
    let hands = Hands::new(15, 15);
    let ledger = hands.start(4);
    hands.replicate();
    hands.stop_applying();
    let lost = ledger.acknowledged() + 200;
    wait_until("commits that are not applied", || {
        ledger.acknowledged() >= lost
    });
    let begun = Instant::now();
    hands.fence(Side::Source);
    hands.move_sequences(Side::Target);
    hands.open(Side::Target);
    wait_until("commits on the target", || {
        ledger.acknowledged_since(begun, Side::Target) >= 100
    });
    let record = ledger.stop();
    let first = record.first_on(Side::Target).expect("it went on there");
    assert!(first.at > begun);
    let verdict = record.check(&hands.target, SHOP);
    assert!(
        verdict.lost.len() >= 200 && verdict.doubled.is_empty(),
        "{verdict}"
    );
}

#[test]
fn a_switch_by_hand_that_forgets_the_sequences_is_caught() {
    let hands = Hands::new(15, 15);
    let ledger = hands.start(4);
    hands.replicate();
    wait_until("commits on the source", || ledger.acknowledged() >= 200);
    hands.fence(Side::Source);
    hands.drain(Side::Target);
    hands.unsubscribe(Side::Target);
    hands.open(Side::Target);
    wait_until("a number that is given again", || ledger.duplicates() > 0);
    let verdict = ledger.stop().check(&hands.target, SHOP);
    let said = verdict.in_full();
    assert!(said.contains("of a sequence given again"), "{said}");
    assert!(verdict.lost.is_empty(), "{verdict}");
}
