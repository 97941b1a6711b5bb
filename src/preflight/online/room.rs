//! Findings about the servers' settings for replication, and what of them is in use.
//! It never speaks of tables or roles.

use super::{Finding, Stream, or_no_way_back, refusal, warning};
use crate::inspect::Share;
use crate::report::bytes;
use crate::side::Side;

/// Without `logical`, the WAL does not hold what a stream needs.
pub(super) fn wal_level(stream: &Stream<'_>) -> Vec<Finding> {
    let sides = stream.publishers().iter();
    let lacking = sides.filter(|side| stream.server(**side).replication.wal_level != "logical");
    let refused = lacking.flat_map(|side| {
        let level = &stream.server(*side).replication.wal_level;
        refusal(
            "wal_level",
            format!("wal_level of the {side} is {level}, and a stream from it needs logical"),
            format!(
                "Run `alter system set wal_level = logical` on the {side}, and restart it.{}",
                or_no_way_back(*side == Side::Target)
            ),
        )
    });
    refused.collect()
}

/// A stream reads from a slot.
pub(super) fn slots(stream: &Stream<'_>) -> Vec<Finding> {
    let share = |side| stream.server(side).replication.slots;
    let setting = ("no_free_slot", "max_replication_slots", "replication slot");
    let next = "or drop a slot that nobody reads (see pg_replication_slots)";
    short(stream.publishers(), Side::Target, share, (setting, next))
}

/// A stream is sent by a process of its own.
pub(super) fn senders(stream: &Stream<'_>) -> Vec<Finding> {
    let share = |side| stream.server(side).replication.senders;
    let setting = ("no_free_sender", "max_wal_senders", "WAL sender");
    let next = "or end a stream that nobody needs (see pg_stat_replication)";
    short(stream.publishers(), Side::Target, share, (setting, next))
}

/// A subscription is applied by a process of its own, and remembers how far it is.
pub(super) fn workers(stream: &Stream<'_>) -> Vec<Finding> {
    let next = "or drop a subscription that nobody needs (see pg_subscription)";
    let sides = stream.subscribers();
    let workers = |side| stream.server(side).replication.apply_workers;
    let setting = (
        "no_free_worker",
        "max_logical_replication_workers",
        "apply worker",
    );
    let mut findings = short(sides, Side::Source, workers, (setting, next));
    for side in sides {
        let origins = |side| stream.server(side).replication.origins;
        let name = match stream.server(*side).major() {
            18.. => "max_active_replication_origins",
            _ => "max_replication_slots",
        };
        let setting = ("no_free_origin", name, "replication origin");
        findings.extend(short(&[*side], Side::Source, origins, (setting, next)));
    }
    findings
}

/// The sides on which all that a setting allows is in use.
fn short(
    sides: &[Side],
    of_way_back: Side,
    share: impl Fn(Side) -> Share,
    ((id, setting, thing), next): ((&'static str, &str, &str), &str),
) -> Vec<Finding> {
    let full = sides.iter().filter(|side| share(**side).free() == 0);
    full.flat_map(|side| {
        let Share { most, used } = share(*side);
        refusal(
            id,
            format!("the {side} has no {thing} left: {setting} is {most}, and {used} are in use"),
            format!(
                "Run `alter system set {setting} = {}` on the {side} and restart it, {next}.{}",
                used + 4,
                or_no_way_back(*side == of_way_back)
            ),
        )
    })
    .collect()
}

/// The server gives up a slot before this plan would.
pub(super) fn kept_wal(stream: &Stream<'_>) -> Vec<Finding> {
    let Some(most) = stream
        .server(Side::Source)
        .replication
        .max_slot_wal_keep_bytes
    else {
        return Vec::new();
    };
    let wanted = stream.online.retained_wal_bytes;
    if most >= wanted {
        return Vec::new();
    }
    warning(
        "kept_wal",
        format!(
            "the source keeps {} of WAL for a slot (max_slot_wal_keep_size), and \
             thresholds.retained_wal allows {}: past the first the slot is lost, and the \
             migration has to start over",
            bytes(most),
            bytes(wanted)
        ),
        format!(
            "Set thresholds.retained_wal below {}, or run `alter system set \
             max_slot_wal_keep_size = '{}MB'` and `select pg_reload_conf()` on the source.",
            bytes(most),
            wanted >> 20
        ),
    )
}

/// A standby can be read, but neither publishes nor can be fenced.
pub(super) fn standby(stream: &Stream<'_>) -> Vec<Finding> {
    if !stream.server(Side::Source).in_recovery {
        return Vec::new();
    }
    refusal(
        "standby_publishes_nothing",
        "the source is a standby: no publication can be made on it, and no application be kept \
         from writing to its primary"
            .to_owned(),
        "Point source.url at the primary, or set mode: offline.",
    )
}
