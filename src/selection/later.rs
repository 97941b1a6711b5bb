//! What a plan's patterns say of relations that came after it was made. It never says of a pattern
//! that it matches nothing: that was refused when the plan was made.

use super::RelationName;
use super::pattern::{NamePattern, TablePattern};
use crate::spec::{Exclude, Include};

/// The lists of a plan, as they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patterns {
    /// What is migrated; everything, where it names nothing.
    pub include: Include,
    /// What is left behind in any case.
    pub exclude: Exclude,
}

/// The lists, read.
#[derive(Debug)]
pub(crate) struct Rules {
    include: List,
    exclude: List,
}

#[derive(Debug)]
struct List {
    schemas: Vec<NamePattern>,
    tables: Vec<TablePattern>,
    rows: Vec<TablePattern>,
}

impl Patterns {
    /// Reads the lists.
    pub(crate) fn read(&self) -> Rules {
        let Include {
            schemas,
            tables,
            table_data,
        } = &self.include;
        let include = List::read(schemas, tables, table_data);
        let Exclude {
            schemas,
            tables,
            table_data,
        } = &self.exclude;
        let exclude = List::read(schemas, tables, table_data);
        Rules { include, exclude }
    }
}

impl Rules {
    /// Whether a relation is left behind: it, or a table that it is a part of, which are the names
    /// after its own.
    pub(crate) fn leave(&self, names: &[RelationName]) -> bool {
        let narrowed = !self.include.schemas.is_empty() || !self.include.tables.is_empty();
        self.exclude.names(names) || (narrowed && !self.include.names(names))
    }

    /// Whether its rows are.
    pub(crate) fn leave_rows(&self, names: &[RelationName]) -> bool {
        let narrowed = !self.include.rows.is_empty();
        let named = matched(&self.include.rows, names);
        self.leave(names) || matched(&self.exclude.rows, names) || (narrowed && !named)
    }
}

impl List {
    fn read(schemas: &[String], tables: &[String], rows: &[String]) -> Self {
        let read = |texts: &[String]| -> Vec<TablePattern> {
            let texts = texts.iter();
            texts
                .filter_map(|text| TablePattern::read(text).ok())
                .collect()
        };
        let schemas = schemas.iter();
        Self {
            schemas: schemas
                .filter_map(|text| NamePattern::read(text).ok())
                .collect(),
            tables: read(tables),
            rows: read(rows),
        }
    }

    fn names(&self, names: &[RelationName]) -> bool {
        let in_schema = |(schema, _): &RelationName| {
            let mut schemas = self.schemas.iter();
            schemas.any(|pattern| pattern.matches(schema))
        };
        names.iter().any(in_schema) || matched(&self.tables, names)
    }
}

fn matched(patterns: &[TablePattern], names: &[RelationName]) -> bool {
    let mut names = names.iter();
    names.any(|(schema, name)| patterns.iter().any(|p| p.matches(schema, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(schema: &str, name: &str) -> RelationName {
        (schema.to_owned(), name.to_owned())
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_later_relation_is_left_behind_as_if_it_had_been_there() {
        let exclude = Exclude {
            schemas: texts(&["audit_*"]),
            tables: texts(&["public.log"]),
            table_data: texts(&["public.cache_?"]),
        };
        let rules = Patterns {
            exclude,
            ..Patterns::default()
        }
        .read();
        assert!(rules.leave(&[name("audit_2", "any")]));
        assert!(rules.leave(&[name("public", "log_p7"), name("public", "log")]));
        assert!(!rules.leave(&[name("public", "logs")]));
        assert!(!rules.leave(&[name("public", "cache_1")]));
        assert!(rules.leave_rows(&[name("public", "cache_1")]));
        assert!(!rules.leave_rows(&[name("public", "orders")]));
    }

    #[test]
    fn where_a_plan_names_what_it_migrates_a_later_relation_is_left_behind() {
        let include = Include {
            schemas: texts(&["shop"]),
            tables: texts(&["public.orders"]),
            table_data: Vec::new(),
        };
        let rules = Patterns {
            include,
            ..Patterns::default()
        }
        .read();
        assert!(rules.leave(&[name("public", "late")]));
        assert!(!rules.leave(&[name("shop", "late")]));
        assert!(!rules.leave_rows(&[name("public", "orders_p7"), name("public", "orders")]));
    }
}
