//! Findings about what is there already: publications, slots, subscriptions, prepared
//! transactions. It never suggests to use any of it: what is there belongs to somebody.

use super::{Finding, Stream, refusal, warning};
use crate::postgres::{quote_identifier, quote_literal};
use crate::preflight::list;
use crate::side::Side;

/// A publication of our name may publish something else.
pub(super) fn publications(stream: &Stream<'_>) -> Vec<Finding> {
    let taken = |side: &Side, name: &str| {
        let there = stream.streams(*side);
        there.is_some_and(|there| there.publications.contains(name))
    };
    let names = own_names(stream, &stream.online.publication, stream.publishers());
    let taken = names.into_iter().filter(|(side, name)| taken(side, name));
    let refused = taken.flat_map(|(side, name)| {
        let (literal, quoted) = (quote_literal(&name), quote_identifier(&name));
        refusal(
            "publication_exists",
            format!(
                "the {side} has a publication {name} already, and one that is there is never used"
            ),
            format!(
                "Look at it on the {side}: `select * from pg_publication_tables where pubname = \
                 {literal}`. If nobody needs it, run `drop publication {quoted}` there; otherwise \
                 choose another name: online.{}.",
                key(side == Side::Source, "publication")
            ),
        )
    });
    refused.collect()
}

/// The dump brings our publication along where it brings others, and gives it to its owner.
pub(super) fn publication_owner(stream: &Stream<'_>) -> Vec<Finding> {
    let (facts, role) = (stream.case.facts, &stream.server(Side::Source).role.name);
    let made = facts.source.roles.iter().any(|made| made.name == *role);
    let comes = facts.target.roles.contains(role) || (made && stream.case.choices.roles);
    let others = &facts.source.streams.publications;
    if others.is_empty() || comes || !stream.case.choices.owners {
        return Vec::new();
    }
    refusal(
        "publication_owner",
        format!(
            "the target has no role {role}, which will own the publication of the migration: the \
             dump brings that along with publication {}",
            list(others)
        ),
        format!(
            "Run `create role {}` on the target.",
            quote_identifier(role)
        ),
    )
}

/// A slot of our name has no snapshot, and reading from it loses or doubles rows.
pub(super) fn slots(stream: &Stream<'_>) -> Vec<Finding> {
    let taken = |side: &Side, name: &str| {
        let server = stream.server(*side);
        server.replication.slot_names.contains(name)
    };
    let names = own_names(stream, &stream.online.slot, stream.publishers());
    let taken = names.into_iter().filter(|(side, name)| taken(side, name));
    let refused = taken.flat_map(|(side, name)| {
        let literal = quote_literal(&name);
        refusal(
            "slot_exists",
            format!(
                "the {side} has a replication slot {name} already, and one that is there has no \
                 snapshot to copy from"
            ),
            format!(
                "Look at it on the {side}: `select * from pg_replication_slots where slot_name = \
                 {literal}`. If nobody reads it, run `select pg_drop_replication_slot({literal})` \
                 there; otherwise choose another name: online.{}.",
                key(side == Side::Source, "slot")
            ),
        )
    });
    refused.collect()
}

/// A subscription of our name receives something else.
pub(super) fn subscriptions(stream: &Stream<'_>) -> Vec<Finding> {
    let taken = |side: &Side, name: &str| {
        let there = stream.streams(*side);
        there.is_some_and(|there| there.subscriptions.contains(name))
    };
    let names = own_names(stream, &stream.online.subscription, stream.subscribers());
    let taken = names.into_iter().filter(|(side, name)| taken(side, name));
    let refused = taken.flat_map(|(side, name)| {
        let (literal, quoted) = (quote_literal(&name), quote_identifier(&name));
        refusal(
            "subscription_exists",
            format!("the {side} has a subscription {name} already"),
            format!(
                "Look at it on the {side}: `select * from pg_stat_subscription where subname = \
                 {literal}`. If nobody needs it, run `drop subscription {quoted}` there; where its \
                 publisher is gone, `alter subscription {quoted} disable` and `alter subscription \
                 {quoted} set (slot_name = none)` first. Otherwise choose another name: \
                 online.subscription."
            ),
        )
    });
    refused.collect()
}

/// Our names on each side: the first side has the plan's, the other the one of the way back.
fn own_names(stream: &Stream<'_>, name: &str, sides: &[Side]) -> Vec<(Side, String)> {
    let back = || stream.online.reverse_name();
    let name = |(at, side): (usize, &Side)| (*side, if at == 0 { name.to_owned() } else { back() });
    sides.iter().enumerate().map(name).collect()
}

/// The key that a name comes from: those of the way back all come from the subscription's.
fn key(is_ours: bool, own: &'static str) -> &'static str {
    if is_ours { own } else { "subscription" }
}

/// An apply worker is a writer that no fence stops.
pub(super) fn subscriber(stream: &Stream<'_>) -> Vec<Finding> {
    let names = &stream.case.facts.source.streams.subscriptions;
    if names.is_empty() {
        return Vec::new();
    }
    warning(
        "source_subscribes",
        format!(
            "the source database receives changes itself, through subscription {}: while an apply \
             worker runs, the source is never silent, and the cutover is undone",
            list(names)
        ),
        "Before the cutover run `alter subscription … disable` for each on the source, and \
         decide from where the target is to be fed.",
    )
}

/// Making a slot waits for every transaction, and prepared ones do not end by themselves.
pub(super) fn prepared(stream: &Stream<'_>) -> Vec<Finding> {
    let prepared = &stream.case.facts.source.streams.prepared;
    if prepared.is_empty() {
        return Vec::new();
    }
    let named = prepared.iter();
    let named = named.map(|(gid, database)| format!("{gid} in database {database}"));
    warning(
        "prepared_transactions",
        format!(
            "the source holds prepared transactions, for which making the slot waits (up to \
             thresholds.slot_creation_timeout) and before which no cutover is done: {}",
            list(named)
        ),
        "Run `commit prepared` or `rollback prepared` for those that nobody will end.",
    )
}
