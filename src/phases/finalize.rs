//! Finalize: everything that the migration made for its streams is removed on either side, and that
//! it is gone is proven. It never opens the source: what is in it is the past.

use super::stream_apply::unsubscribe;
use super::{Scene, identities, step};
use crate::effect::replication::{READ_ONLY, slot};
use crate::effect::{Effect, Place, Side};
use crate::plan::{Step, StepId};
use crate::postgres::{quote_identifier, quote_literal};
use crate::resolve::Online;

const REVERSE: &str = "finalize.reverse";
const STREAM: &str = "finalize.stream";

/// Whether a step removes a stream.
pub(super) fn ends_stream(step: &StepId) -> bool {
    [REVERSE, STREAM].contains(&step.as_str())
}

/// The last step.
pub(super) const PROVE: &str = "finalize.prove";

/// The only step, where the server of the other side is gone for good.
pub(super) fn alone(here: Side) -> &'static str {
    match here {
        Side::Source => "finalize.source",
        Side::Target => "finalize.target",
    }
}

/// The steps of the phase.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let Some((online, streamed)) = &scene.stream else {
        return Vec::new();
    };
    let mut steps = Vec::new();
    if online.cutover.reverse {
        steps.push(Step {
            effects: end_reverse(online),
            ..step(REVERSE, "the stream back; after this there is no way back")
        });
    }
    steps.push(Step {
        effects: end_forward(online),
        ..step(
            STREAM,
            "subscription, slot and publication of the migration",
        )
    });
    if !streamed.identities.is_empty() {
        let patience = scene.resolved.lock_timeout;
        steps.push(Step {
            effects: [Place::Target, Place::Source]
                .map(|place| identities::put_back(place, &streamed.identities, patience))
                .to_vec(),
            ..step("finalize.identities", "REPLICA IDENTITY as it was before")
        });
    }
    // Not before: until here there was a way back, which closes the target's database.
    steps.extend(super::act_as::end(scene));
    steps.push(Step {
        effects: [Place::Target, Place::Source]
            .map(|place| super::sql(place, vec![nothing_left(place, online)]))
            .to_vec(),
        ..step(PROVE, "nothing of it is left on either side")
    });
    super::in_order(&mut steps);
    steps
}

/// What removes the stream from the target back to the source.
pub(super) fn end_reverse(online: &Online) -> Vec<Effect> {
    let name = online.reverse_name();
    let drop = format!("drop publication if exists {}", quote_identifier(&name));
    vec![
        super::sql(Place::Source, vec![unsubscribe(&name)]),
        super::sql(Place::Target, vec![slot::drop_statement(&name), drop]),
    ]
}

/// What has a target serve by hand that was cut off from its source before the cutover.
pub(crate) fn kept_by_hand(online: &Online, database: &str) -> Vec<String> {
    let database = quote_identifier(database);
    vec![
        unsubscribe(&online.subscription),
        format!("alter database {database} reset {READ_ONLY}"),
    ]
}

fn end_forward(online: &Online) -> Vec<Effect> {
    let publication = quote_identifier(&online.publication);
    let drop = format!("drop publication if exists {publication}");
    vec![
        super::sql(Place::Target, vec![unsubscribe(&online.subscription)]),
        super::sql(
            Place::Source,
            vec![slot::drop_statement(&online.slot), drop],
        ),
    ]
}

/// Fails, naming it, when something of the migration is still there.
fn nothing_left(place: Place, online: &Online) -> String {
    let reverse = online.reverse_name();
    let (publication, slot, subscription) = match place {
        Place::Source => (&online.publication, &online.slot, &reverse),
        Place::Target | Place::TargetMaintenance => (&reverse, &reverse, &online.subscription),
    };
    let [publication, slot, subscription] =
        [publication, slot, subscription].map(|name| quote_literal(name));
    let body = format!(
        "declare left_over text; begin \
         select string_agg(what, ', ') into left_over from ( \
         select 'publication ' || pubname from pg_publication where pubname = {publication} \
         union all select 'replication slot ' || slot_name from pg_replication_slots \
         where slot_name = {slot} \
         union all select 'subscription ' || subname from pg_subscription \
         where subname = {subscription} and subdbid = \
         (select oid from pg_database where datname = current_database())) as found (what); \
         if left_over is not null then raise exception 'still there: %', left_over; end if; end"
    );
    format!("do {}", quote_literal(&body))
}
