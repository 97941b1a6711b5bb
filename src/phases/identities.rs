//! REPLICA IDENTITY of tables, set and put back without keeping their application waiting. It never
//! touches another property of a table.

use std::time::Duration;

use super::sql;
use crate::effect::{Effect, Place};
use crate::postgres::{qualified, quote_literal};
use crate::streamed::IdentityChange;

/// How long one try waits for the table: everything that comes after it waits as long, because the
/// lock that it needs is ACCESS EXCLUSIVE.
const ONE_TRY: Duration = Duration::from_millis(500);

/// Between two tries, for those who waited.
const PAUSE: Duration = Duration::from_millis(1500);

/// Sets the identity that a change is to.
pub(super) fn set(place: Place, change: &IdentityChange, patience: Duration) -> Effect {
    let table = qualified(&change.schema, &change.name);
    let alter = format!("alter table only {table} replica identity {}", change.to);
    sql(place, vec![patiently(&table, &alter, "", patience)])
}

/// Puts back what was there before, where the table, and the index that identified its rows, are
/// still there: what somebody dropped since must not be in the way for ever.
pub(super) fn put_back(place: Place, changes: &[IdentityChange], patience: Duration) -> Effect {
    let gone = "when undefined_object or undefined_table or wrong_object_type or \
                object_not_in_prerequisite_state then raise warning '%', sqlerrm; return; ";
    let statement = |change: &IdentityChange| {
        let table = qualified(&change.schema, &change.name);
        let was = &change.was;
        let alter = format!("alter table if exists only {table} replica identity {was}");
        patiently(&table, &alter, gone, patience)
    };
    sql(place, changes.iter().map(statement).collect())
}

/// A statement that tries as long as `patience` says, a moment each time, and names who holds the
/// table in the end.
fn patiently(table: &str, alter: &str, otherwise: &str, patience: Duration) -> String {
    let one_try = ONE_TRY.min(patience);
    let tries = (patience.as_millis() / (ONE_TRY + PAUSE).as_millis()).max(1);
    let body = format!(
        "declare holders text; begin for i in 1..{tries} loop \
         begin set local lock_timeout = {}; {alter}; return; \
         exception {otherwise}when lock_not_available then \
         select string_agg(distinct format('pid %s of %s', l.pid, coalesce(a.usename, '-')), ', ') \
         into holders from pg_locks l left join pg_stat_activity a on a.pid = l.pid \
         where l.relation = to_regclass({}) and l.granted and l.pid is distinct from \
         pg_backend_pid(); end; \
         perform pg_sleep({}); end loop; \
         raise lock_not_available using message = format('table %s is held by %s', {}, \
         coalesce(holders, 'somebody')); end",
        one_try.as_millis(),
        quote_literal(table),
        PAUSE.as_secs_f64(),
        quote_literal(table),
    );
    format!("do {}", quote_literal(&body))
}
