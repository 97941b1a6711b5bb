//! What may happen in the night of a cutover, under the ledger: a burst of rows, servers that
//! crash, a network that is cut or says nothing. Never accepts less than every acknowledged row.

use std::time::Instant;

use super::night::{Network, Night};
use super::serves;
use crate::support::ledger::{Ledger, Side};
use crate::support::tool::Ran;
use crate::support::wait_until;

/// The cutover was done, or was taken back: these two, and nothing in between.
const DONE: i32 = 0;
const TAKEN_BACK: i32 = 8;
/// Somebody has to mend something first.
const UNDECIDED: i32 = 5;

/// How many entries make 400,000 rows: each has two lines.
const BURST: i64 = 133_334;

/// Waits until the fence begins to shut the application out.
fn wait_for_fence(ledger: &Ledger, before: usize) {
    wait_until("the fence", || ledger.refusals() > before);
}

/// Cuts over, and the application goes over.
#[track_caller]
fn moves_over(night: &Night, ledger: &Ledger) {
    let begun = Instant::now();
    night.cut_over().must_end(DONE, &[]);
    serves(ledger, begun, Side::Target);
}

/// Goes on after whatever has happened: the cutover, once more if it was taken back, is done.
fn ends_on_the_target(night: &Night, ledger: &Ledger, first: &Ran) {
    assert!(
        [Some(DONE), Some(TAKEN_BACK)].contains(&first.exit),
        "{first:?}"
    );
    let begun = Instant::now();
    if first.exit == Some(TAKEN_BACK) {
        serves(ledger, begun, Side::Source);
        night.replicate();
        return moves_over(night, ledger);
    }
    serves(ledger, begun, Side::Target);
}

#[test]
fn a_burst_of_400_000_rows_just_before_the_cutover_is_drained_or_the_cutover_taken_back() {
    let night = Night::new(15, 15, "verify: off");
    let ledger = night.open_the_shop();
    night.replicate();
    let beginning = night.add_a_burst(BURST);
    let first = night.cut_over();
    ends_on_the_target(&night, &ledger, &first);
    let mut record = ledger.stop();
    record.beginning = beginning;
    night.must_be_on_the_target(&record);
}

#[test]
fn a_change_that_cannot_be_applied_is_said_and_can_be_mended() {
    let night = Night::new(15, 18, "verify: counts");
    let ledger = night.open_the_shop();
    let apply = night.start_until_caught_up();
    night.on_the_target("alter table marks add constraint none check (false) not valid");
    let words = ["a change cannot be applied on the target", "failed 3 times"];
    night.end_of(apply).must_end(UNDECIDED, &words);
    night.on_the_target("alter table marks drop constraint none");
    night.replicate();
    moves_over(&night, &ledger);
    night.must_be_on_the_target(&ledger.stop());
}

#[test]
fn servers_that_crash_while_they_replicate_lose_nothing() {
    let night = Night::new(15, 15, "verify: off");
    let ledger = night.open_the_shop();
    let apply = night.start_until_caught_up();
    for crashed in [&night.source, &night.target] {
        crashed.restart();
        serves(&ledger, Instant::now(), Side::Source);
    }
    moves_over(&night, &ledger);
    night.end_of(apply).must_end(DONE, &[]);
    night.must_be_on_the_target(&ledger.stop());
    night.must_finalize();
}

#[test]
fn a_server_that_crashes_during_the_cutover_loses_nothing() {
    for crashes in [Side::Source, Side::Target] {
        let night = Night::new(15, 15, "verify: off");
        let ledger = night.open_the_shop();
        night.replicate();
        let before = ledger.refusals();
        let cutover = night.start(&["cutover", "--yes"]);
        wait_for_fence(&ledger, before);
        match crashes {
            Side::Source => night.source.restart(),
            Side::Target => night.target.restart(),
        }
        let first = night.end_of(cutover);
        ends_on_the_target(&night, &ledger, &first);
        night.must_be_on_the_target(&ledger.stop());
    }
}

#[test]
fn a_network_cut_while_it_replicates_loses_nothing() {
    let (night, network) = Night::over_a_network();
    let ledger = night.open_the_shop();
    let apply = night.start_until_caught_up();
    let Network {
        of_the_program,
        of_the_stream,
    } = &network;
    for proxy in [of_the_program, of_the_stream] {
        proxy.cut();
        serves(&ledger, Instant::now(), Side::Source);
        proxy.heal();
        wait_until("they are connected again", || proxy.connections() > 0);
    }
    moves_over(&night, &ledger);
    night.end_of(apply).must_end(DONE, &[]);
    night.must_be_on_the_target(&ledger.stop());
}

#[test]
fn a_stream_that_is_held_up_before_the_cutover_holds_up_nobody() {
    let (night, network) = Night::over_a_network();
    let ledger = night.open_the_shop();
    night.replicate();
    let before = ledger.refusals();
    network.of_the_stream.freeze();
    let cutover = night.start(&["cutover", "--yes"]);
    let journal = night.folder.state().join("journal.jsonl");
    wait_until("the cutover waits for the stream", || {
        let journal = std::fs::read_to_string(&journal).unwrap_or_default();
        journal.contains("cutover.near")
    });
    serves(&ledger, Instant::now(), Side::Source);
    assert_eq!(ledger.refusals(), before, "the application saw an error");
    network.of_the_stream.heal();
    let begun = Instant::now();
    night.end_of(cutover).must_end(DONE, &[]);
    serves(&ledger, begun, Side::Target);
    night.must_be_on_the_target(&ledger.stop());
}

#[test]
fn a_stream_that_is_held_up_during_the_cutover_loses_nothing() {
    let (night, network) = Night::over_a_network();
    let ledger = night.open_the_shop();
    night.replicate();
    let before = ledger.refusals();
    let cutover = night.start(&["cutover", "--yes"]);
    wait_for_fence(&ledger, before);
    network.of_the_stream.freeze();
    let first = night.end_of(cutover);
    network.of_the_stream.heal();
    ends_on_the_target(&night, &ledger, &first);
    night.must_be_on_the_target(&ledger.stop());
}

#[test]
fn a_program_that_is_cut_off_from_the_source_during_the_cutover_takes_it_back_later() {
    let (night, network) = Night::over_a_network();
    let ledger = night.open_the_shop();
    night.replicate();
    let before = ledger.refusals();
    let cutover = night.start(&["cutover", "--yes"]);
    wait_for_fence(&ledger, before);
    network.of_the_program.cut();
    network.of_the_program.heal();
    let first = night.end_of(cutover);
    ends_on_the_target(&night, &ledger, &first);
    night.must_be_on_the_target(&ledger.stop());
}
