//! What effects cost, by the tables and indexes that they are about. It guesses where nobody counted:
//! rows of a table that was never analyzed, by its size.

use std::collections::BTreeMap;

use super::cost::Cost;
use super::rates;
use crate::effect::{Comparison, CopyFormat, CopyRows, Effect, Measure, Replication, TableCopy};
use crate::inspect::{Index, Relation, RowHash};
use crate::phases::Scene;
use crate::postgres::{qualified, quote_identifier};

/// Tables and indexes, by what effects call them.
pub(super) struct Tables<'a> {
    pub(super) scene: &'a Scene<'a>,
    relations: BTreeMap<(&'a str, &'a str), &'a Relation>,
    /// By the name that statements give them.
    quoted: BTreeMap<String, &'a Relation>,
    indexes: BTreeMap<&'a str, &'a Index>,
    /// By their table and constraint, which may make them itself.
    keys: BTreeMap<String, &'a Index>,
}

impl<'a> Tables<'a> {
    pub(super) fn new(scene: &'a Scene<'a>) -> Self {
        let source = &scene.facts.source;
        let relations = source.relations.iter();
        let indexes = source.indexes.iter();
        Self {
            scene,
            quoted: relations
                .clone()
                .map(|r| (qualified(&r.schema, &r.name), r))
                .collect(),
            relations: relations.map(|r| ((&*r.schema, &*r.name), r)).collect(),
            indexes: indexes
                .clone()
                .map(|index| (&*index.definition, index))
                .collect(),
            keys: indexes
                .filter_map(|index| Some((key_of(index)?, index)))
                .collect(),
        }
    }

    /// What an effect costs.
    pub(super) fn effect(&self, effect: &Effect) -> Cost {
        match effect {
            Effect::Sql {
                place: _,
                statements,
            } => statements
                .iter()
                .map(|sql| self.statement(sql))
                .fold(Cost::default(), Cost::then),
            Effect::Remember { place: _, sql: _ } | Effect::AsPlanned(_) | Effect::RemoveDump => {
                Cost::of_one_core(rates::STATEMENT)
            }
            Effect::ExportSnapshot(wanted) => {
                Cost::of_one_core(rates::LOCK * wanted.tables.len() as f64)
                    .then(Cost::waiting(rates::SNAPSHOT))
            }
            Effect::Program(program) => self.program(program),
            Effect::CopyRows(what) => self.copy_rows(what),
            Effect::CopyLargeObjects(_) => self.large_objects() * (1.0 / self.object_parts()),
            Effect::Script(script) => self.script(script),
            Effect::MeasureSource(measure) => self.measure(measure),
            Effect::Compare(comparison) => self.compare(comparison),
            Effect::Replication(replication) => of_replication(replication),
        }
    }

    pub(super) fn relation(&self, schema: &str, name: &str) -> Option<&'a Relation> {
        self.relations.get(&(schema, name)).copied()
    }

    /// A statement that makes an index is known by its text, which is `pg_get_indexdef`'s.
    fn statement(&self, sql: &str) -> Cost {
        match self.indexes.get(sql) {
            Some(index) => self.index(index),
            None if sql == "analyze" => analyze(self.scene.tables_with_rows()),
            None if sql.starts_with("analyze ") => {
                let names = sql["analyze ".len()..].split(", ");
                let names = names.map(|name| name.trim_start_matches("only "));
                analyze(names.filter_map(|name| self.quoted.get(name).copied()))
            }
            None if sql.starts_with("alter table ") => self.alter(sql),
            None if sql.starts_with("create database") => Cost::waiting(rates::CREATE_DATABASE),
            None => Cost::of_one_core(rates::STATEMENT),
        }
    }

    /// A key that makes its index costs that; a foreign key is proven row by row; anything else of a table changes no row.
    fn alter(&self, sql: &str) -> Cost {
        let words = sql.trim_start_matches("alter table ");
        let words = words.trim_start_matches("only ");
        let made = words.split_once(" add constraint ");
        let with_its_index = made.filter(|(_, key)| !key.contains(" using index \""));
        let index = with_its_index.and_then(|(table, key)| {
            let (name, _) = key.split_once("\" ")?;
            self.keys.get(&format!("{table} {name}\""))
        });
        if let Some(index) = index {
            return self.index(index);
        }
        let proven = words.split_once(" validate constraint ");
        let proven = proven.or_else(|| {
            made.filter(|(_, key)| key.contains("FOREIGN KEY") && !key.ends_with("not valid"))
        });
        let table = proven.and_then(|(table, _)| self.quoted.get(table));
        let rows = table.map_or(0.0, |table| rows(table));
        Cost::of_one_core(rates::STATEMENT + rows * rates::FOREIGN_KEY_ROW)
    }

    /// Builds an index: sorts the rows and writes it. A large one has several processes at it.
    pub(super) fn index(&self, index: &Index) -> Cost {
        let table = self.relation(&index.schema, &index.table);
        let (rows, bytes) = table.map_or((0.0, 0.0), |table| (rows(table), table.bytes as f64));
        let own = index.bytes as f64;
        let read = bytes * rates::READ_BYTE;
        let made = match index.method.as_str() {
            "btree" => rows * rates::BTREE_ROW + own * rates::BTREE_BYTE,
            "hash" => rows * rates::BTREE_ROW + own * rates::HASH_BYTE,
            "gin" => bytes * rates::GIN_TABLE_BYTE + own * rates::GIN_BYTE,
            "brin" => rows * rates::BRIN_ROW,
            _ => rows * rates::GIST_ROW + own * rates::GIST_BYTE,
        };
        let cpu = rates::STATEMENT + read + made;
        let is_shared = index.method == "btree" && bytes > rates::SHARED_FROM_BYTES;
        let wall = if is_shared {
            cpu / rates::SHARED_BY
        } else {
            cpu
        };
        Cost { wall, cpu }
    }

    fn copy_rows(&self, what: &CopyRows) -> Cost {
        let CopyRows { tables, into: _ } = what;
        let each = tables.iter().map(|table| self.copy(table));
        each.fold(Cost::of_one_core(rates::CONNECT), Cost::then)
    }

    /// Streams a table or a part of one: one server writes what the other reads.
    fn copy(&self, table: &TableCopy) -> Cost {
        let Some(relation) = self.relation(&table.schema, &table.name) else {
            return Cost::default();
        };
        let part = table.blocks.map_or(1.0, |blocks| {
            let end = blocks.before.unwrap_or(relation.blocks);
            end.saturating_sub(blocks.from) as f64 / relation.blocks.max(1) as f64
        });
        let (rows, bytes) = (rows(relation) * part, relation.bytes as f64 * part);
        let (out, taken) = match table.format {
            CopyFormat::Binary => (rates::BINARY_OUT, rates::BINARY_IN),
            CopyFormat::Text => (rates::TEXT_OUT, rates::TEXT_IN),
        };
        let out = Cost::of_one_core(out.of(rows, bytes));
        let taken = Cost::of_one_core(taken.of(rows, bytes));
        let carried = Cost::of_one_core(bytes * rates::CARRIED_BYTE);
        Cost::of_one_core(rates::COPY).then(out.into(taken).into(carried))
    }

    /// Counts and hashes, over several connections.
    pub(super) fn measure(&self, measure: &Measure) -> Cost {
        let each = measure.tables.iter().map(|table| {
            let bytes = table.bytes as f64;
            let relation = self.relation(&table.schema, &table.name);
            let rows = relation.map_or(0.0, rows);
            let row = match table.hash {
                None => rates::COUNT_ROW,
                Some(RowHash::Record) => rates::HASH_RECORD_ROW,
                Some(RowHash::Text) => rates::HASH_TEXT_ROW,
            };
            rates::COUNT_TABLE + rows * row + bytes * rates::READ_BYTE
        });
        let each: Vec<f64> = each.collect();
        let cpu: f64 = each.iter().sum();
        let longest = each.into_iter().fold(0.0, f64::max);
        let wall = longest.max(cpu / f64::from(measure.jobs.max(1)));
        Cost { wall, cpu }.then(Cost::of_one_core(rates::CONNECT))
    }

    fn compare(&self, comparison: &Comparison) -> Cost {
        match comparison {
            Comparison::Schema(_) | Comparison::Drift(_) => {
                Cost::of_one_core(rates::FINGERPRINT + rates::FINGERPRINT_OBJECT * self.objects())
            }
            Comparison::Rows { measure } => self.measure(measure),
            Comparison::Now {
                measure,
                patterns: _,
                carried_by: _,
            } => self.measure(measure) * 2.0,
            Comparison::SchemaSince {
                side: _,
                guard: _,
                scope: _,
            }
            | Comparison::Database { .. }
            | Comparison::SourceWrites => Cost::of_one_core(rates::STATEMENT),
        }
    }

    /// How many objects of all kinds there are.
    pub(super) fn objects(&self) -> f64 {
        let others: u64 = self.scene.facts.source.object_counts.values().sum();
        self.scene.kept().count() as f64 + others as f64
    }
}

/// Samples of tables, whose size they do not depend on from a point on.
fn analyze<'r>(tables: impl Iterator<Item = &'r Relation>) -> Cost {
    let each = tables.map(|table| {
        let sampled = rows(table).min(rates::SAMPLE);
        let columns = table.columns.len() as f64;
        rates::ANALYZE_TABLE + sampled * (columns * rates::ANALYZE_VALUE + rates::ANALYZE_ROW)
    });
    Cost::of_one_core(each.sum())
}

/// What a statement calls an index's constraint, and the table before it.
fn key_of(index: &Index) -> Option<String> {
    let constraint = index.constraint.as_ref()?;
    let table = qualified(&index.schema, &index.table);
    let name = quote_identifier(&constraint.name);
    Some(format!("{table} {name}"))
}

/// What PostgreSQL replicates by itself takes no time of ours.
fn of_replication(replication: &Replication) -> Cost {
    match replication {
        Replication::CarrySequences { sequences, .. } => {
            Cost::of_one_core(rates::SEQUENCE * sequences.len() as f64)
        }
        _ => Cost::waiting(rates::ROUND),
    }
}

/// How many rows a table has.
pub(super) fn rows(table: &Relation) -> f64 {
    table
        .rows_estimate
        .map_or(table.bytes as f64 / rates::ROW_BYTES, |rows| rows as f64)
}
