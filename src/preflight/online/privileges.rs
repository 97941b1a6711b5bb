//! Findings about what the connected roles, and the servers, may do for a stream.
//! It never speaks of what there is already.

use super::{Finding, Level, Stream, found, or_no_way_back, refusal};
use crate::inspect::{Reach, Relation};
use crate::postgres::quote_identifier;
use crate::preflight::{full_name, list};
use crate::side::Side;
use crate::streamed;

/// Slots are for roles with REPLICATION.
pub(super) fn replication(stream: &Stream<'_>) -> Vec<Finding> {
    let sides = stream.publishers().iter();
    let lacking = sides.filter(|side| !stream.server(**side).role.replication);
    let refused = lacking.flat_map(|side| {
        let role = &stream.server(*side).role.name;
        refusal(
            "no_replication_right",
            format!("role {role} may not replicate from the {side}: it lacks REPLICATION"),
            format!(
                "Run `alter role {} replication` on the {side} as a superuser.{}",
                quote_identifier(role),
                or_no_way_back(*side == Side::Target)
            ),
        )
    });
    refused.collect()
}

/// Publications are for roles with CREATE on the database.
pub(super) fn publication(stream: &Stream<'_>) -> Vec<Finding> {
    may_not_create(stream, stream.publishers(), Side::Target, "publication")
}

fn may_not_create(
    stream: &Stream<'_>,
    sides: &[Side],
    of_way_back: Side,
    what: &str,
) -> Vec<Finding> {
    let barred = |side: &&Side| {
        stream
            .streams(**side)
            .is_some_and(|there| !there.may_create)
    };
    let refused = sides.iter().filter(barred).flat_map(|side| {
        let (role, database) = (&stream.server(*side).role.name, stream.database_name(*side));
        refusal(
            "no_create_right",
            format!(
                "role {role} may not make a {what} on the {side}: it lacks CREATE on database \
                 {database}"
            ),
            format!(
                "Run `grant create on database {} to {}` on the {side}.{}",
                quote_identifier(database),
                quote_identifier(role),
                or_no_way_back(*side == of_way_back)
            ),
        )
    });
    refused.collect()
}

/// A table is published by its owner.
pub(super) fn table_owners(stream: &Stream<'_>) -> Vec<Finding> {
    let facts = stream.case.facts;
    let others: Vec<&Relation> = streamed::tables(facts, stream.case.selection)
        .filter(|table| !table.unlogged && !table.owned)
        .collect();
    if others.is_empty() {
        return Vec::new();
    }
    let role = &stream.server(Side::Source).role.name;
    let mut owners: Vec<&str> = others.iter().map(|table| table.owner.as_str()).collect();
    owners.sort_unstable();
    owners.dedup();
    let owners: Vec<String> = owners.into_iter().map(quote_identifier).collect();
    refusal(
        "tables_of_others",
        format!(
            "role {role} may not publish tables that it does not own: {}",
            list(others.iter().map(|table| full_name(table)))
        ),
        format!(
            "Run `grant {} to {}` on the source, or leave these tables out.",
            owners.join(", "),
            quote_identifier(role)
        ),
    )
}

/// Subscriptions are for superusers, from 16 on also for members of `pg_create_subscription`.
pub(super) fn subscription(stream: &Stream<'_>) -> Vec<Finding> {
    let sides = stream.subscribers();
    let barred = |side: &&Side| !stream.server(**side).role.create_subscription;
    let refused = sides.iter().filter(barred).flat_map(|side| {
        let server = stream.server(*side);
        let role = quote_identifier(&server.role.name);
        let next = match server.major() {
            16.. => format!("Run `grant pg_create_subscription to {role}` on the {side}."),
            _ => {
                format!("Before PostgreSQL 16 it takes a superuser: connect to the {side} as one.")
            }
        };
        refusal(
            "no_subscription_right",
            format!(
                "role {} may not make a subscription on the {side}",
                server.role.name
            ),
            next + or_no_way_back(*side == Side::Source),
        )
    });
    let mut findings: Vec<Finding> = refused.collect();
    findings.extend(may_not_create(stream, sides, Side::Source, "subscription"));
    findings
}

/// A subscription is a connection from one server to the other.
pub(super) fn unreachable(stream: &Stream<'_>) -> Vec<Finding> {
    let facts = stream.case.facts;
    let (there, back) = (&facts.target_reaches_source, &facts.source_reaches_target);
    let mut findings = unreached(stream, (Side::Target, Side::Source), there.as_ref());
    findings.extend(unreached(
        stream,
        (Side::Source, Side::Target),
        back.as_ref(),
    ));
    findings
}

fn unreached(stream: &Stream<'_>, (from, to): (Side, Side), reach: Option<&Reach>) -> Vec<Finding> {
    let way_back = or_no_way_back(to == Side::Target);
    match reach {
        None | Some(Reach::Reached) => Vec::new(),
        Some(Reach::Unreachable(reason)) => refusal(
            "servers_apart",
            format!("the server of the {from} cannot replicate from the {to}: {reason}"),
            format!(
                "Set online.subscription_{to} to how the {from}'s server reaches the {to} (its \
                 host and port, sslmode, password or passfile), and see that pg_hba.conf of the \
                 {to} lets it in.{way_back}"
            ),
        ),
        // Refused already, where the role may not make one at all.
        Some(Reach::Unasked) if !stream.server(from).role.create_subscription => Vec::new(),
        Some(Reach::Unasked) => found(
            Level::Warning,
            "reach_unasked",
            format!(
                "whether the server of the {from} reaches the {to} could not be asked: role {} \
                 lacks CREATE on a database there",
                stream.server(from).role.name
            ),
            format!(
                "Create database {} on the {from} beforehand, as its owner.",
                quote_identifier(stream.database_name(from))
            ),
        ),
    }
}
