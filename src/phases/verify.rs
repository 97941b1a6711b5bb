//! Verify: everything that was copied is compared, each kind in a step of its own, so that one
//! difference does not hide another. Nothing is mended here.

use super::{Scene, step};
use crate::database_settings;
use crate::effect::{Comparison, Effect, SchemaScope};
use crate::plan::Step;
use crate::report::counted;
use crate::spec::Verify;

/// The steps of the phase.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    if scene.resolved.verify == Verify::Off {
        return Vec::new();
    }
    let owners = scene.resolved.copy.owners;
    let mut steps = Vec::new();
    if scene.moves_structure() {
        let scope = SchemaScope {
            without_schemas: scene.selection.excluded_schemas().iter().cloned().collect(),
            without_relations: scene
                .selection
                .excluded_relations()
                .iter()
                .cloned()
                .collect(),
            owners,
            tablespaces: scene.resolved.copy.tablespaces,
            rows: scene.moves_rows(),
        };
        steps.push(comparison(
            "verify.schema",
            "every object",
            Comparison::Schema(scope),
        ));
    }
    if scene.moves_structure() && owners {
        let database = &scene.facts.source.database;
        let name = &scene.facts.target.database_name;
        let mut expected = database_settings::statements(database, name);
        expected.push(database_settings::owner(database, name));
        let what = Comparison::Database { expected };
        steps.push(comparison(
            "verify.database",
            "the database's own properties",
            what,
        ));
    }
    if scene.moves_rows() {
        let measure = scene.measure();
        let summary = format!(
            "{}, {}, large objects",
            counted(measure.tables.len() as u64, "table"),
            counted(measure.sequences.len() as u64, "sequence")
        );
        steps.push(comparison(
            "verify.rows",
            &summary,
            Comparison::Rows { measure },
        ));
        let summary = "was the source written to meanwhile?";
        steps.push(comparison(
            "verify.source_writes",
            summary,
            Comparison::SourceWrites,
        ));
    }
    steps
}

fn comparison(id: &str, summary: &str, what: Comparison) -> Step {
    Step {
        effects: vec![Effect::Compare(what)],
        ..step(id, summary)
    }
}
