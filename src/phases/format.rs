//! The form in which a table's rows travel, and why. It never asks whether a server would agree: what
//! is not known to be safe travels as text.

use super::Scene;
use crate::effect::CopyFormat;
use crate::inspect::Relation;
use crate::spec::Format;

/// The form of a table's rows, and what decided it.
pub(super) fn format(scene: &Scene<'_>, table: &Relation) -> (CopyFormat, String) {
    let columns = table.columns_for_text();
    // COPY knows an encoding for text alone: binary has that of the session, which is UTF-8.
    let encoding =
        other_encoding(scene).map(|name| format!("the encoding of the database is {name}"));
    match (scene.resolved.copy.format, encoding.or(columns)) {
        (Format::Text, _) => (CopyFormat::Text, "copy.format is text".to_owned()),
        (Format::Auto, Some(columns)) => (CopyFormat::Text, columns),
        (Format::Auto | Format::Binary, _) => (
            CopyFormat::Binary,
            "every column has a type whose binary form is the same everywhere".to_owned(),
        ),
    }
}

/// The source's encoding, where it is not UTF-8.
pub(super) fn other_encoding(scene: &Scene<'_>) -> Option<String> {
    let encoding = &scene.facts.source.database.locale.encoding;
    (encoding != "UTF8").then(|| encoding.clone())
}
