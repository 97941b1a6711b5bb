//! Which schemas, relations and rows a plan migrates.
//! It never asks a server: it reads the plan's patterns against facts.

mod later;
mod pattern;
mod reading;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::inspect::{Relation, RelationKind, Schema};
use crate::spec::{Exclude, Include};
pub use later::Patterns;
use reading::Reading;
pub(crate) use reading::written;

/// A relation's schema and name.
pub type RelationName = (String, String);

/// A pattern that cannot be meant so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SelectionProblem {
    /// Where it stands in the plan file, as a JSON pointer: `/exclude/tables/0`.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

/// What is migrated, settled for every schema and relation of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    excluded_schemas: BTreeSet<String>,
    excluded_relations: BTreeSet<RelationName>,
    without_rows: BTreeSet<RelationName>,
}

/// The six lists of the plan file, each as the names that it matched.
struct Lists {
    narrowed: bool,
    rows_narrowed: bool,
    included_schemas: BTreeSet<String>,
    included: BTreeSet<RelationName>,
    included_rows: BTreeSet<RelationName>,
    excluded_schemas: BTreeSet<String>,
    excluded: BTreeSet<RelationName>,
    excluded_rows: BTreeSet<RelationName>,
}

impl Selection {
    /// Settles what `include` and `exclude` mean for these schemas and relations. Without
    /// `include` all are kept; what `exclude` names is left behind in any case. A partitioned
    /// table stands for its partitions too, and a table for the sequences that it owns.
    ///
    /// # Errors
    ///
    /// Every pattern that is malformed or matches nothing, in the order of the plan file's keys.
    pub fn new(
        relations: &[Relation],
        schemas: &[Schema],
        include: Option<&Include>,
        exclude: Option<&Exclude>,
    ) -> Result<Self, Vec<SelectionProblem>> {
        let mut reading = Reading::new(relations, schemas);
        let include = include.cloned().unwrap_or_default();
        let exclude = exclude.cloned().unwrap_or_default();
        let lists = Lists {
            narrowed: !include.schemas.is_empty() || !include.tables.is_empty(),
            rows_narrowed: !include.table_data.is_empty(),
            included_schemas: reading.schemas("/include/schemas", &include.schemas),
            included: reading.relations("/include/tables", &include.tables),
            included_rows: reading.tables("/include/table_data", &include.table_data),
            excluded_schemas: reading.schemas("/exclude/schemas", &exclude.schemas),
            excluded: reading.relations("/exclude/tables", &exclude.tables),
            excluded_rows: reading.tables("/exclude/table_data", &exclude.table_data),
        };
        let schemas = reading.all_schemas();
        match reading.problems() {
            problems if problems.is_empty() => Ok(Self::settle(relations, &schemas, &lists)),
            problems => Err(problems),
        }
    }

    fn settle(relations: &[Relation], schemas: &BTreeSet<String>, lists: &Lists) -> Self {
        let left = |schema: &String| !lists.keeps_schema(schema);
        let mut settled = Self {
            excluded_schemas: schemas
                .iter()
                .filter(|schema| left(schema))
                .cloned()
                .collect(),
            ..Self::default()
        };
        for relation in relations {
            let name = (relation.schema.clone(), relation.name.clone());
            if !settled.keeps_schema(&relation.schema) {
                continue;
            }
            if !lists.keeps(&name) {
                settled.excluded_relations.insert(name);
            } else if has_rows(relation.kind) && !lists.keeps_rows(&name) {
                settled.without_rows.insert(name);
            }
        }
        settled
    }

    /// Whether a schema is migrated, with its functions and types. PostgreSQL's own always are.
    pub fn keeps_schema(&self, name: &str) -> bool {
        !self.excluded_schemas.contains(name)
    }

    /// Whether a relation is migrated.
    pub fn keeps(&self, schema: &str, name: &str) -> bool {
        let name = (schema.to_owned(), name.to_owned());
        self.keeps_schema(schema) && !self.excluded_relations.contains(&name)
    }

    /// Whether a relation is migrated with its rows, or a sequence with its value.
    pub fn keeps_rows(&self, schema: &str, name: &str) -> bool {
        let full = (schema.to_owned(), name.to_owned());
        self.keeps(schema, name) && !self.without_rows.contains(&full)
    }

    /// Whether everything is migrated.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Schemas that are left behind, with everything in them.
    pub fn excluded_schemas(&self) -> &BTreeSet<String> {
        &self.excluded_schemas
    }

    /// Relations of kept schemas that are left behind.
    pub fn excluded_relations(&self) -> &BTreeSet<RelationName> {
        &self.excluded_relations
    }

    /// Tables and materialized views that are migrated without their rows.
    pub fn without_rows(&self) -> &BTreeSet<RelationName> {
        &self.without_rows
    }
}

impl Lists {
    fn keeps_schema(&self, schema: &str) -> bool {
        let named = || {
            self.included_schemas.contains(schema)
                || self.included.iter().any(|(of, _)| of == schema)
        };
        !self.excluded_schemas.contains(schema) && (!self.narrowed || named())
    }

    fn keeps(&self, name: &RelationName) -> bool {
        let named = || self.included_schemas.contains(&name.0) || self.included.contains(name);
        !self.excluded.contains(name) && (!self.narrowed || named())
    }

    fn keeps_rows(&self, name: &RelationName) -> bool {
        let named = !self.rows_narrowed || self.included_rows.contains(name);
        named && !self.excluded_rows.contains(name)
    }
}

/// Whether a relation of this kind has rows that a plan may leave behind.
fn has_rows(kind: RelationKind) -> bool {
    match kind {
        RelationKind::Table | RelationKind::PartitionedTable | RelationKind::MaterializedView => {
            true
        }
        RelationKind::View | RelationKind::Sequence | RelationKind::ForeignTable => false,
    }
}
