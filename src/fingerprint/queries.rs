//! The list of catalog queries that a fingerprint is made of, each a file in `sql/`.
//! Never a query of its own: what is asked stands in those files.

use super::{Aspect, Comparison};

/// One catalog query, and what its rows are.
///
/// Every query gives `type` and `identity` as `pg_identify_object` does, and `definition`; where
/// they apply `schema`, `relation` and `parent`; and `since`, the oldest major that has such objects,
/// where that is not the oldest it is asked on.
pub(super) struct Query {
    /// The file's stem, for errors.
    pub(super) name: &'static str,
    /// The statement.
    pub(super) sql: &'static str,
    /// What rows tell about an object that another query lists; `None` for a query that lists
    /// objects.
    pub(super) prefix: Option<&'static str>,
    /// Which side of objects it tells.
    pub(super) aspect: Aspect,
    /// How definitions are compared.
    pub(super) comparison: Comparison,
    /// The oldest major it is asked on.
    pub(super) since: u32,
}

/// The oldest major that fingerprints are taken of.
pub(super) const OLDEST: u32 = 13;

macro_rules! query {
    ($name:literal) => {
        Query {
            name: $name,
            sql: include_str!(concat!("sql/", $name, ".sql")),
            prefix: None,
            aspect: Aspect::Definition,
            comparison: Comparison::Deparsed,
            since: OLDEST,
        }
    };
}

impl Query {
    const fn telling(self, prefix: &'static str) -> Self {
        Self {
            prefix: Some(prefix),
            ..self
        }
    }

    const fn aspect(self, aspect: Aspect) -> Self {
        Self { aspect, ..self }
    }

    const fn compared(self, comparison: Comparison) -> Self {
        Self { comparison, ..self }
    }

    const fn since(self, since: u32) -> Self {
        Self { since, ..self }
    }
}

/// Every query.
pub(super) const QUERIES: &[Query] = &[
    query!("schemas"),
    query!("extensions"),
    query!("relations"),
    query!("columns"),
    query!("column_order")
        .telling("order of columns of")
        .aspect(Aspect::ColumnOrder)
        .compared(Comparison::Order),
    query!("compression").telling("compression of").since(14),
    query!("constraints"),
    query!("not_null_constraints").since(18),
    query!("indexes"),
    query!("sequences"),
    query!("rules"),
    query!("triggers"),
    query!("policies"),
    query!("statistics"),
    query!("populated")
        .telling("data of")
        .aspect(Aspect::Populated),
    query!("tablespaces")
        .telling("tablespace of")
        .aspect(Aspect::Tablespace),
    query!("functions"),
    query!("function_bodies")
        .telling("body of")
        .compared(Comparison::Exact),
    query!("sql_bodies").telling("body of").since(14),
    query!("aggregates"),
    query!("types"),
    query!("attributes"),
    query!("domain_constraints"),
    query!("multiranges").telling("multirange of").since(14),
    query!("operators"),
    query!("operator_families"),
    query!("operator_classes"),
    query!("casts"),
    query!("transforms"),
    query!("languages"),
    query!("access_methods"),
    query!("collations"),
    query!("conversions"),
    query!("text_search"),
    query!("event_triggers"),
    query!("publications"),
    query!("publication_tables"),
    query!("publication_filters").telling("filter of").since(15),
    query!("publication_schemas").since(15),
    query!("foreign_data").compared(Comparison::Exact),
    query!("owners")
        .telling("owner of")
        .aspect(Aspect::Owner)
        .compared(Comparison::Exact),
    query!("privileges")
        .telling("privileges on")
        .aspect(Aspect::Privileges),
    query!("maintain_privileges")
        .telling("privilege to maintain")
        .aspect(Aspect::Privileges)
        .since(17),
    query!("default_privileges").aspect(Aspect::Privileges),
    query!("comments")
        .telling("comment on")
        .aspect(Aspect::Comment)
        .compared(Comparison::Exact),
    query!("security_labels")
        .telling("security label on")
        .aspect(Aspect::SecurityLabel)
        .compared(Comparison::Exact),
];
