//! PrepareSnapshot: one moment of the source, exported for all who read it; online, the stream of
//! everything after that moment begins with it. Nothing here touches the target.

use std::time::Duration;

use super::{SEQUENCES, SNAPSHOT, Scene, identities, named, step};
use crate::effect::replication::slot as slots;
use crate::effect::{Effect, Measure, NewSlot, Place, Planned, Shapes, SnapshotWanted};
use crate::inspect::{Relation, RelationKind};
use crate::plan::{IfInterrupted, Question, Step, StepId};
use crate::postgres::{full_name, qualified, quote_identifier, quote_literal};
use crate::report::{counted, duration};
use crate::resolve::Online;
use crate::spec::{Method, Verify};
use crate::streamed::{IdentityChange, Streamed};

/// The steps of the phase.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let mut steps = match &scene.stream {
        Some((online, streamed)) => before_the_slot(scene, online, streamed),
        None => Vec::new(),
    };
    steps.push(snapshot(scene));
    if scene.resolved.copy.method == Method::Stream {
        steps.push(as_planned(scene));
    }
    steps.extend(sequences(scene));
    super::in_order(&mut steps);
    steps
}

fn snapshot(scene: &Scene<'_>) -> Step {
    let locked = |kind| matches!(kind, RelationKind::Table | RelationKind::PartitionedTable);
    let tables = scene.kept().filter(|relation| locked(relation.kind));
    let name = |relation: &Relation| (relation.schema.clone(), relation.name.clone());
    let slot = scene.stream.as_ref().map(|(online, _)| NewSlot {
        name: online.slot.clone(),
        timeout: online.slot_creation_timeout,
    });
    let undo = slot.iter().map(|slot| Effect::Sql {
        place: Place::Source,
        statements: vec![slots::drop_statement(&slot.name)],
    });
    let copy = &scene.resolved.copy;
    let keep = (copy.method == Method::Stream).then_some(copy.keep_snapshot);
    let what = slot.as_ref().map_or_else(
        || "one moment of the source".to_owned(),
        |slot| {
            format!(
                "with replication slot {}: all later changes wait there",
                slot.name
            )
        },
    );
    let summary = match (keep, &slot) {
        (Some(keep), _) => {
            let keep = duration(keep.as_secs_f64());
            format!("{what}; kept for {keep} while no apply runs")
        }
        (None, Some(_)) => what,
        (None, None) => format!("{what}, held until it is dumped and measured"),
    };
    Step {
        undo: undo.collect(),
        effects: vec![Effect::ExportSnapshot(SnapshotWanted {
            tables: tables.map(name).collect(),
            lock_timeout: scene.resolved.lock_timeout,
            slot,
            keep,
        })],
        ..step(SNAPSHOT, summary)
    }
}

/// Streams are planned column by column, and from what may have been found out hours ago: before
/// somebody said yes, or before a snapshot was lost.
fn as_planned(scene: &Scene<'_>) -> Step {
    let source = &scene.facts.source;
    let kept = scene.kept();
    let planned = Planned {
        mark: source.schema_mark.clone(),
        shapes: Shapes::of(&source.relations, &source.indexes, &source.foreign_keys),
        large_objects: source.large_objects.count > 0,
        kept: kept.map(|r| (r.schema.clone(), r.name.clone())).collect(),
        patterns: scene.resolved.patterns(),
    };
    Step {
        under: Some(StepId::new(SNAPSHOT)),
        effects: vec![Effect::AsPlanned(planned)],
        ..step(
            "snapshot.as_planned",
            "the tables are those that the plan was made from",
        )
    }
}

/// Sequences are in no snapshot, and are read again by whatever copies them: each is copied from
/// between here and the end. Carried over at the cutover, they need no proof of now. Nor are the
/// numbers of writes, by which is told what was written to an offline source since.
fn sequences(scene: &Scene<'_>) -> Option<Step> {
    let measure = scene.measure().sequences_alone();
    let summary = match measure.sequences.len() {
        0 => "how often each table was written to".to_owned(),
        count => format!("where {} stand", counted(count as u64, "sequence")),
    };
    let wanted = !measure.sequences.is_empty() || super::verify::tells_writes(scene);
    (wanted && scene.resolved.verify != Verify::Off).then(|| Step {
        under: Some(StepId::new(SNAPSHOT)),
        effects: vec![Effect::MeasureSource(Measure { jobs: 1, ..measure })],
        ..step(SEQUENCES, summary)
    })
}

/// What must be there before the slot: a slot reads its publication as it was at the time of each
/// change; and a published table without identity fails its application's UPDATE and DELETE.
fn before_the_slot(scene: &Scene<'_>, online: &Online, streamed: &Streamed) -> Vec<Step> {
    let patience = scene.resolved.lock_timeout;
    let identities = streamed.identities.iter();
    let identities = identities.map(|change| identity(change, patience));
    let publication = publication(Place::Source, &online.publication, &streamed.tables);
    identities.chain([publication]).collect()
}

fn identity(change: &IdentityChange, patience: Duration) -> Step {
    let only = std::slice::from_ref(change);
    Step {
        effects: vec![identities::set(Place::Source, change, patience)],
        undo: vec![identities::put_back(Place::Source, only, patience)],
        ..step(
            &format!(
                "source.identity.{}",
                full_name(&change.schema, &change.name)
            ),
            format!("replica identity {}, to be put back at the end", change.to),
        )
    }
}

/// The step that makes the publication of the source.
pub(super) const PUBLICATION: &str = "source.publication";
/// The step that makes that of the target.
pub(super) const REVERSE_PUBLICATION: &str = "reverse.publication";

/// A publication of exactly these tables, on either side; on the target, of those that were not
/// dropped on both sides since.
pub(super) fn publication(place: Place, name: &str, tables: &[(String, String)]) -> Step {
    let quoted = quote_identifier(name);
    let sql = |statement: String| Effect::Sql {
        place,
        statements: vec![statement],
    };
    let (id, create) = match place {
        Place::Source => (PUBLICATION, publish_all(&quoted, tables)),
        Place::Target | Place::TargetMaintenance => {
            (REVERSE_PUBLICATION, publish_what_is_there(&quoted, tables))
        }
    };
    Step {
        effects: vec![sql(create)],
        if_interrupted: IfInterrupted::Ask(Question {
            database: place,
            sql: format!(
                "select exists (select from pg_publication where pubname = {})",
                quote_literal(name)
            ),
        }),
        undo: vec![sql(format!("drop publication if exists {quoted}"))],
        ..step(
            id,
            format!("{name}: {}", counted(tables.len() as u64, "table")),
        )
    }
}

fn publish_all(publication: &str, tables: &[(String, String)]) -> String {
    let list: Vec<String> = tables
        .iter()
        .map(|(s, n)| format!("only {}", qualified(s, n)))
        .collect();
    match list.is_empty() {
        true => format!("create publication {publication}"),
        false => format!(
            "create publication {publication} for table {}",
            list.join(", ")
        ),
    }
}

fn publish_what_is_there(publication: &str, tables: &[(String, String)]) -> String {
    let tables = named(tables);
    let body = format!(
        "declare there text; begin \
         select string_agg(format('only %I.%I', schema, name), ', ' order by schema, name) \
         into there from {tables} as wanted (schema, name) \
         join pg_namespace n on n.nspname = schema \
         join pg_class c on c.relnamespace = n.oid and c.relname = name and c.relkind = 'r'; \
         execute {} || coalesce(' for table ' || there, ''); end",
        quote_literal(&format!("create publication {publication}"))
    );
    format!("do {}", quote_literal(&body))
}
