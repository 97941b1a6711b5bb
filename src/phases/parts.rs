//! How the rows of a table become steps: all in one, or large ones in parts that are copied side by side.
//! It decides neither their order nor what is made from them.

use super::format::{format, other_encoding};
use super::{SNAPSHOT, Scene, step, stored_columns};
use crate::effect::{Blocks, CopyInto, CopyRows, Effect, MARKS, Place, TableCopy};
use crate::inspect::Relation;
use crate::plan::{IfInterrupted, Question, Step, StepId};
use crate::postgres::{full_name, quote_literal};
use crate::report::bytes;

/// Parts of one table, at most.
const MOST_PARTS: u64 = 1000;
/// The first version that finds a range of ctids without reading the whole table.
const TID_RANGES: u32 = 14;

/// Whether rows of a table are copied at all.
pub(super) fn is_filled(scene: &Scene<'_>, table: &Relation) -> bool {
    scene.moves_rows() && scene.selection.keeps_rows(&table.schema, &table.name)
}

/// The steps that fill a table: one, or one for each of its parts; none where its rows stay behind.
pub(super) fn parts(scene: &Scene<'_>, table: &Relation) -> Vec<Step> {
    if !is_filled(scene, table) {
        return Vec::new();
    }
    let limit = scene.resolved.copy.split_above_bytes.max(1);
    // A block may stand for many bytes out of line; a part has one at least.
    let most = MOST_PARTS.min(table.blocks);
    // As many as all jobs can share evenly: the last would be copied by one of them alone.
    let jobs = u64::from(scene.resolved.copy.jobs);
    let wanted = match table.bytes.div_ceil(limit) {
        one @ ..=1 => one,
        several => several.next_multiple_of(jobs).min(most),
    };
    let divisible = scene.facts.source.server.major() >= TID_RANGES;
    if wanted <= 1 || !divisible {
        return vec![whole(scene, table)];
    }
    let per_part = table.blocks.div_ceil(wanted);
    let count = table.blocks.div_ceil(per_part);
    let blocks = |number: u64| Blocks {
        from: number * per_part,
        before: (number + 1 < count).then(|| (number + 1) * per_part),
    };
    let part = |number| part(scene, table, (number + 1, count, blocks(number)));
    (0..count).map(part).collect()
}

fn whole(scene: &Scene<'_>, table: &Relation) -> Step {
    let summary = format!("{}, {}", bytes(table.bytes), format(scene, table).0.word());
    let what = CopyRows {
        tables: vec![table_copy(scene, table, None)],
        into: CopyInto::Emptied,
    };
    let name = full_name(&table.schema, &table.name);
    rows(&format!("copy.{name}"), summary, what)
}

fn part(scene: &Scene<'_>, table: &Relation, (number, count, blocks): (u64, u64, Blocks)) -> Step {
    let name = full_name(&table.schema, &table.name);
    let id = format!("copy.{name}.{number}");
    let size = bytes(table.bytes / count);
    let format = format(scene, table).0.word();
    let question = Question {
        database: Place::Target,
        sql: format!(
            "select exists (select from {MARKS}.done where step = {})",
            quote_literal(&id)
        ),
    };
    let what = CopyRows {
        tables: vec![table_copy(scene, table, Some(blocks))],
        into: CopyInto::Part { mark: id.clone() },
    };
    let summary = format!("part {number} of {count}, {size}, {format}");
    Step {
        if_interrupted: IfInterrupted::Ask(question),
        ..rows(&id, summary, what)
    }
}

/// A step that copies rows.
pub(super) fn rows(id: &str, summary: String, what: CopyRows) -> Step {
    Step {
        under: Some(StepId::new(SNAPSHOT)),
        effects: vec![Effect::CopyRows(what)],
        ..step(id, summary)
    }
}

/// What is copied of a table: a part, or all of it.
pub(super) fn table_copy(scene: &Scene<'_>, table: &Relation, blocks: Option<Blocks>) -> TableCopy {
    let (format, because) = format(scene, table);
    let part = |whole: u64| {
        blocks.map_or(whole, |Blocks { from, before }| {
            let blocks = before.unwrap_or(table.blocks).saturating_sub(from);
            (u128::from(whole) * u128::from(blocks) / u128::from(table.blocks.max(1))) as u64
        })
    };
    TableCopy {
        schema: table.schema.clone(),
        name: table.name.clone(),
        columns: stored_columns(table),
        format,
        because,
        encoding: other_encoding(scene),
        blocks,
        bytes: part(table.bytes),
        rows: table.rows_estimate.map(part),
    }
}
