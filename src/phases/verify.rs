//! Verify: everything that was copied is compared, each kind in a step of its own, so that one
//! difference does not hide another. Nothing is mended here.

use super::{Scene, step};
use crate::database_settings;
use crate::effect::{Comparison, Effect, SchemaScope};
use crate::plan::Step;
use crate::report::counted;
use crate::selection::Patterns;
use crate::spec::{Include, Verify};

/// The step that compares definitions.
pub(super) const SCHEMA: &str = "verify.schema";

/// The steps of the phase.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    if scene.resolved.verify == Verify::Off {
        return Vec::new();
    }
    let owners = scene.resolved.copy.owners;
    let mut steps = Vec::new();
    if scene.moves_structure() {
        steps.push(comparison(
            SCHEMA,
            "every object",
            Comparison::Schema(schema_scope(scene)),
        ));
    }
    if scene.moves_structure() && owners {
        let database = &scene.database();
        let name = &scene.facts.target.database_name;
        let mut expected = database_settings::statements(database, name);
        expected.push(database_settings::owner(database, name));
        let closed = scene.stream.is_some();
        let what = Comparison::Database { expected, closed };
        steps.push(comparison(
            "verify.database",
            "the database's own properties",
            what,
        ));
    }
    if scene.moves_rows() {
        let measure = scene.measure();
        let mut summary = counted(measure.tables.len() as u64, "table");
        // What is streamed to is compared without what no stream carries.
        if scene.stream.is_none() {
            let sequences = counted(measure.sequences.len() as u64, "sequence");
            summary = format!("{summary}, {sequences}, large objects");
        }
        steps.push(comparison(
            "verify.rows",
            &summary,
            Comparison::Rows { measure },
        ));
    }
    if tells_writes(scene) {
        let summary = "was the source written to meanwhile?";
        steps.push(comparison(
            "verify.source_writes",
            summary,
            Comparison::SourceWrites,
        ));
    }
    steps
}

/// Whether the end tells which tables of the source were written to since the snapshot.
pub(super) fn tells_writes(scene: &Scene<'_>) -> bool {
    scene.moves_rows() && scene.stream.is_none()
}

/// Which objects are compared.
pub(super) fn schema_scope(scene: &Scene<'_>) -> SchemaScope {
    let selection = &scene.selection;
    let stream = scene.stream.as_ref();
    SchemaScope {
        without_schemas: selection.excluded_schemas().iter().cloned().collect(),
        without_relations: selection.excluded_relations().iter().cloned().collect(),
        // What is included was settled by name, with its parts.
        patterns: Patterns {
            include: Include::default(),
            ..scene.resolved.patterns()
        },
        without_publications: stream
            .map(|(online, _)| vec![online.publication.clone(), online.reverse_name()])
            .unwrap_or_default(),
        owners: scene.resolved.copy.owners,
        tablespaces: scene.resolved.copy.tablespaces,
        rows: scene.moves_rows(),
    }
}

fn comparison(id: &str, summary: &str, what: Comparison) -> Step {
    Step {
        effects: vec![Effect::Compare(what)],
        ..step(id, summary)
    }
}
