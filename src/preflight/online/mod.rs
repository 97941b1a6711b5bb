//! Findings about replication, for plans that are online.
//! It never asks a server, and has nothing to say about an offline plan.

mod fence;
mod privileges;
mod rollback;
mod room;
mod tables;
mod there;

use super::{Case, Finding, Level, found};
use crate::inspect::{Server, Streams};
use crate::resolve::Online;
use crate::side::Side;

/// What a check looks at.
pub(super) struct Stream<'a> {
    case: &'a Case<'a>,
    online: &'a Online,
}

/// Every check there is for an online plan.
const CHECKS: &[fn(&Stream<'_>) -> Vec<Finding>] = &[
    room::wal_level,
    room::slots,
    room::senders,
    room::workers,
    room::kept_wal,
    room::standby,
    privileges::replication,
    privileges::publication,
    privileges::table_owners,
    privileges::subscription,
    privileges::unreachable,
    tables::no_identity,
    tables::whole_row_refused,
    tables::firing_triggers,
    tables::triggered,
    fence::closing_target,
    tables::large_objects,
    tables::at_cutover,
    there::publications,
    there::publication_owner,
    there::slots,
    there::subscriptions,
    there::subscriber,
    there::prepared,
    fence::unknown_roles,
    fence::not_on_target,
    fence::own_role,
    fence::superusers,
    fence::powerless,
    fence::reader_unknown,
    fence::connect_members,
    fence::blind,
    fence::own_settings,
    fence::nothing,
    fence::read_only_alone,
    rollback::powerless,
];

/// Everything that speaks against the stream, if there is to be one.
pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let Some(online) = &case.choices.online else {
        return Vec::new();
    };
    let stream = Stream { case, online };
    CHECKS.iter().flat_map(|check| check(&stream)).collect()
}

impl<'a> Stream<'a> {
    fn server(&self, side: Side) -> &'a Server {
        match side {
            Side::Source => &self.case.facts.source.server,
            Side::Target => &self.case.facts.target.server,
        }
    }

    /// What the database of a side publishes; `None` for a target database that is to be made.
    fn streams(&self, side: Side) -> Option<&'a Streams> {
        match side {
            Side::Source => Some(&self.case.facts.source.streams),
            Side::Target => {
                let database = self.case.facts.target.database.as_ref();
                database.map(|database| &database.streams)
            }
        }
    }

    fn database_name(&self, side: Side) -> &'a str {
        match side {
            Side::Source => &self.case.facts.source.database.name,
            Side::Target => &self.case.facts.target.database_name,
        }
    }

    /// The sides that publish: the source, and the target if there is a way back.
    fn publishers(&self) -> &'static [Side] {
        match self.online.cutover.reverse {
            true => &[Side::Source, Side::Target],
            false => &[Side::Source],
        }
    }

    /// The sides that subscribe: the target, and the source if there is a way back.
    fn subscribers(&self) -> &'static [Side] {
        match self.online.cutover.reverse {
            true => &[Side::Target, Side::Source],
            false => &[Side::Target],
        }
    }
}

/// What follows the fix of a finding about the way back, which one can also do without.
fn or_no_way_back(is_for_it: bool) -> &'static str {
    match is_for_it {
        true => " Or set cutover.reverse: false, and do without a rollback that loses nothing.",
        false => "",
    }
}

fn refusal(id: &'static str, what: String, next: impl Into<String>) -> Vec<Finding> {
    found(Level::Refusal, id, what, next)
}

fn warning(id: &'static str, what: String, next: impl Into<String>) -> Vec<Finding> {
    found(Level::Warning, id, what, next)
}
