//! What must hold of the side that is to be left, because no stream carries it: every table in the
//! stream, no large objects, the schema the same. It is asked before the fence, and again behind it.

use super::{Scene, step};
use crate::effect::replication::{Coverage, Replication, SCHEMA};
use crate::effect::{Comparison, Effect, Place, Side};
use crate::inspect::RelationKind;
use crate::plan::{Step, StepId};
use crate::postgres::quote_literal;
use crate::resolve::Online;
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
    effects.extend(covered(scene, leaving));
    Step {
        effects,
        ..step(
            leaving.guard_id().as_str(),
            "the schema is the same, and every table in the stream",
        )
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

/// Everything that has rows is in the stream.
fn covered(scene: &Scene<'_>, leaving: &Leaving<'_>) -> [Effect; 2] {
    let relations = scene.facts.source.relations.iter();
    let tables = relations.filter(|relation| relation.kind == RelationKind::Table);
    let coverage = Coverage {
        side: leaving.side,
        publication: leaving.publication.clone(),
        known: tables
            .map(|relation| (relation.schema.clone(), relation.name.clone()))
            .collect(),
        published: leaving.streamed.tables.clone(),
        patterns: scene.resolved.patterns(),
    };
    let place = Place::from(leaving.side);
    [
        Effect::Replication(Replication::ProveCovered(coverage)),
        super::sql(place, vec![no_large_objects(leaving.side)]),
    ]
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
