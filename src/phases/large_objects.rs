//! Large objects: streamed like rows, many at once, in parts that are done side by side. It makes no
//! table, and leaves to preflight who may read them.

use super::{SNAPSHOT, Scene, sql, step};
use crate::effect::{Effect, LargeObjects, Place};
use crate::plan::{Step, StepId};
use crate::report::{bytes, counted};

/// The steps.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let firsts = &scene.facts.source.large_object_parts;
    if !scene.moves_rows() {
        return Vec::new();
    }
    // Some may have come before the first or after the last by the time of the snapshot.
    let from = firsts.iter().skip(1).copied();
    let from = std::iter::once(0).chain(from).take(firsts.len());
    let last = firsts.iter().skip(1).map(|first| first - 1);
    let last = last.chain([u32::MAX]);
    let ranges = from.zip(last).enumerate();
    ranges.map(|(at, range)| part(scene, at, range)).collect()
}

fn part(scene: &Scene<'_>, at: usize, (first, last): (u32, u32)) -> Step {
    let all = &scene.facts.source.large_objects;
    let of = scene.facts.source.large_object_parts.len();
    let (id, summary) = match of {
        1 => (
            "copy.large_objects".to_owned(),
            format!(
                "{}, {}",
                counted(all.count, "large object"),
                bytes(all.bytes)
            ),
        ),
        _ => (
            format!("copy.large_objects.{}", at + 1),
            format!("part {} of {of}, {}", at + 1, bytes(all.bytes / of as u64)),
        ),
    };
    Step {
        under: Some(StepId::new(SNAPSHOT)),
        effects: vec![Effect::CopyLargeObjects(LargeObjects {
            first,
            last,
            owners: scene.resolved.copy.owners,
            allow_errors: scene.resolved.restore.allow_errors,
        })],
        undo: vec![sql(Place::Target, vec![unlink(first, last)])],
        ..step(&id, summary)
    }
}

/// Removes them a thousand at a time: each takes a slot of the lock table.
fn unlink(first: u32, last: u32) -> String {
    format!(
        "do $unlink$ begin loop perform lo_unlink(oid) from (select oid from \
         pg_largeobject_metadata where oid between {first} and {last} limit 1000) as batch; exit \
         when not found; commit; end loop; end $unlink$"
    )
}
