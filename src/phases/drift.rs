//! What must hold of the side that is to be left, because no stream carries it: every table in the
//! stream, no large objects, the schema the same. It is asked before the fence, and again behind it.

use super::{ENABLE, Scene, cutover, named, step, stream_apply};
use crate::effect::replication::{Coverage, Replication, SCHEMA, Timeline};
use crate::effect::{Comparison, Effect, Place, Side};
use crate::inspect::RelationKind;
use crate::plan::{Step, StepId};
use crate::postgres::quote_literal;
use crate::resolve::Online;
use crate::spec::Verify;
use crate::streamed::Streamed;

/// A side that is to be left, and the stream that leaves it.
pub(super) struct Leaving<'a> {
    /// The side.
    pub side: Side,
    /// Its publication there.
    pub publication: String,
    /// What begins the names of the phase's steps.
    pub phase: &'static str,
    /// What the plan says.
    pub online: &'a Online,
    /// What is in the stream.
    pub streamed: &'a Streamed,
}

impl Leaving<'_> {
    fn guard_id(&self) -> StepId {
        StepId::new(format!("{}.guard", self.phase))
    }
}

/// Looks while the application still writes. What the schema looked like is kept: it is read before
/// it is compared, so that no change falls in between.
pub(super) fn guard(scene: &Scene<'_>, leaving: &Leaving<'_>) -> Step {
    let schema = super::verify::schema_scope(scene);
    let mut effects = match leaving.online.cutover.accept_drift {
        true => vec![Effect::Compare(Comparison::Drift(schema))],
        false => vec![
            Effect::Remember {
                place: leaving.side.into(),
                sql: SCHEMA.to_owned(),
            },
            Effect::Compare(Comparison::Schema(schema)),
        ],
    };
    let timelines = timelines(leaving).map(Replication::CheckTimeline);
    effects.extend(timelines.map(Effect::Replication));
    effects.extend(covered(scene, leaving));
    Step {
        effects,
        ..step(
            leaving.guard_id().as_str(),
            "the schema is the same, and every table in the stream",
        )
    }
}

/// Both ends of the stream that leaves a side: each must be the server that it was, unless every row
/// is compared before the switch.
pub(super) fn timelines(leaving: &Leaving<'_>) -> [Timeline; 2] {
    let (sent_from, received_at) = match leaving.side {
        Side::Source => (ENABLE, stream_apply::CHECK),
        Side::Target => (cutover::DISABLE, cutover::REVERSE_SLOT),
    };
    let accepted = leaving.online.cutover.accept_timeline
        && compared(leaving.online, leaving.side) == Verify::Rows;
    [
        (leaving.side, sent_from),
        (leaving.side.other(), received_at),
    ]
    .map(|(side, since)| Timeline {
        side,
        since: StepId::new(since),
        receives: side != leaving.side,
        accepted,
    })
}

/// How the two sides are compared before a side is left. The way back cannot be planned for at the
/// cutover: a server that was replaced since makes it compare every row.
pub(super) fn compared(online: &Online, leaving: Side) -> Verify {
    match leaving {
        Side::Target if online.cutover.accept_timeline => Verify::Rows,
        Side::Source | Side::Target => online.cutover.verify,
    }
}

/// Looks again behind the fence: between the two there may be minutes.
pub(super) fn look_again(scene: &Scene<'_>, leaving: &Leaving<'_>) -> Step {
    let since = Comparison::SchemaSince {
        side: leaving.side,
        guard: leaving.guard_id(),
        scope: super::verify::schema_scope(scene),
    };
    let accepted = leaving.online.cutover.accept_drift;
    let since = (!accepted).then_some(Effect::Compare(since));
    Step {
        effects: since.into_iter().chain(covered(scene, leaving)).collect(),
        ..step(
            &format!("{}.unchanged", leaving.phase),
            "nobody changed the schema meanwhile",
        )
    }
}

/// Everything that has rows is in the stream, and written by it alone.
fn covered(scene: &Scene<'_>, leaving: &Leaving<'_>) -> [Effect; 3] {
    let coverage = coverage(scene, leaving);
    let place = Place::from(leaving.side);
    [
        Effect::Replication(Replication::ProveCovered(coverage)),
        super::sql(place, vec![no_large_objects(leaving.side)]),
        super::sql(
            leaving.side.other().into(),
            vec![no_firing_triggers(leaving)],
        ),
    ]
}

/// Which tables of the side must be in the stream.
pub(super) fn coverage(scene: &Scene<'_>, leaving: &Leaving<'_>) -> Coverage {
    let relations = scene.facts.source.relations.iter();
    let tables = relations.filter(|relation| relation.kind == RelationKind::Table);
    Coverage {
        side: leaving.side,
        publication: leaving.publication.clone(),
        known: tables
            .map(|relation| (relation.schema.clone(), relation.name.clone()))
            .collect(),
        published: leaving.streamed.tables.clone(),
        patterns: scene.resolved.patterns(),
    }
}

/// SQL that fails when triggers of the other side fire for what it receives: by the stream, for which
/// those of statements do not, or by a copy at the switch.
fn no_firing_triggers(leaving: &Leaving<'_>) -> String {
    let to = leaving.side.other();
    let subscription = match to {
        Side::Target => leaving.online.subscription.clone(),
        Side::Source => leaving.online.reverse_name(),
    };
    let subscription = quote_literal(&subscription);
    let copied = named(&leaving.streamed.at_cutover);
    let body = format!(
        "declare firing text; begin \
         select string_agg(format('%I on %s', t.tgname, t.tgrelid::regclass), ', ' \
         order by t.tgrelid::regclass::text, t.tgname) into firing from pg_trigger t \
         where not t.tgisinternal and t.tgenabled in ('A', 'R') and (t.tgtype & 33 <> 0 \
         and t.tgrelid in (select r.srrelid from pg_subscription s \
         join pg_subscription_rel r on r.srsubid = s.oid \
         where s.subname = {subscription} and s.subdbid = \
         (select oid from pg_database where datname = current_database())) \
         or t.tgrelid in (select c.oid from {copied} as copied (schema, name) \
         join pg_namespace n on n.nspname = schema \
         join pg_class c on c.relnamespace = n.oid and c.relname = name)); \
         if firing is not null then raise exception \
         'triggers (ENABLE ALWAYS or REPLICA) fire on the {to} for every change that comes to it: %', \
         firing using hint = 'What they wrote is there twice. alter table ... enable trigger ... on \
         both sides has them fire for the application alone.'; end if; end"
    );
    format!("do {}", quote_literal(&body))
}

/// SQL that fails when there are large objects: the plan was refused where there were any.
fn no_large_objects(side: Side) -> String {
    let body = format!(
        "begin if exists (select from pg_largeobject_metadata) then raise exception \
         'the {side} holds large objects, and no stream carries them' using hint = \
         'Keep their contents in bytea columns, and remove those that nobody needs: \
         select lo_unlink(oid) from pg_largeobject_metadata.'; end if; end"
    );
    format!("do {}", quote_literal(&body))
}
