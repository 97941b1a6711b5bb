//! What runs of `pg_dump` and `pg_restore` cost, and what comes after rows. It knows them by their
//! arguments, as they do themselves.

use std::collections::BTreeMap;

use super::cost::Cost;
use super::rates;
use super::schedule::{Task, schedule};
use super::tables::{Tables, rows};
use crate::effect::{AfterData, Argument, Program, Script, ScriptPart, TableSize, Tool};

/// What a run of `pg_restore` makes.
struct Makes {
    objects: bool,
    rows: bool,
    indexes: bool,
    rest: bool,
}

impl Makes {
    fn of(program: &Program) -> Self {
        let part = program
            .arguments
            .iter()
            .find_map(|argument| match argument {
                Argument::Listed(part) => Some(part),
                _ => None,
            });
        let sections = program
            .arguments
            .iter()
            .filter_map(|argument| match argument {
                Argument::Plain(text) => text.strip_prefix("--section="),
                _ => None,
            });
        let sections: Vec<&str> = sections.collect();
        let has = |section| part.is_none() && (sections.is_empty() || sections.contains(&section));
        Self {
            objects: has("pre-data"),
            rows: has("data"),
            indexes: has("post-data") || matches!(part, Some(AfterData::Indexes)),
            rest: has("post-data") || matches!(part, Some(AfterData::Rest)),
        }
    }
}

impl Tables<'_> {
    /// What a run of a program costs.
    pub(super) fn program(&self, program: &Program) -> Cost {
        match program.tool {
            Tool::PgDump => self.dump(program),
            Tool::PgRestore => self.restore(program),
        }
    }

    /// What comes after rows and indexes: foreign keys are proven, materialized views filled.
    fn after_data(&self) -> Cost {
        let keys = self.scene.facts.source.foreign_keys.iter();
        let proven = keys.filter_map(|key| {
            let table = self.relation(&key.schema, &key.table)?;
            Some(rows(table) * rates::FOREIGN_KEY_ROW)
        });
        Cost::of_one_core(rates::RESTORE + proven.sum::<f64>()).then(self.refreshed())
    }

    /// A part of the dump that is sent as a script.
    pub(super) fn script(&self, script: &Script) -> Cost {
        let written = Cost::of_one_core(rates::RESTORE);
        match script.part {
            ScriptPart::BeforeData => written.then(self.made()),
            ScriptPart::AfterForeignKeys => written.then(self.refreshed()),
            ScriptPart::BeforeForeignKeys | ScriptPart::EventTriggers => written,
        }
    }

    /// What comes before rows.
    fn made(&self) -> Cost {
        Cost::of_one_core(rates::RESTORE_OBJECT * self.objects())
    }

    fn refreshed(&self) -> Cost {
        let kept = self.scene.kept();
        let views = kept.filter(|relation| relation.populated_view());
        let each = views.map(|view| view.bytes as f64 * rates::REFRESH_BYTE);
        Cost::of_one_core(each.sum())
    }

    fn dump(&self, program: &Program) -> Cost {
        let level = self.scene.resolved.copy.compress;
        let byte = match level {
            0 => rates::CARRIED_BYTE,
            _ => rates::COMPRESS_BYTE + f64::from(level - 1) * rates::COMPRESS_LEVEL_BYTE,
        };
        let tasks = largest_first(&program.tables).into_iter().map(|table| {
            let (rows, bytes) = self.extent(table);
            let out = Cost::of_one_core(rates::TEXT_OUT.of(rows, bytes));
            Task {
                cost: out.into(Cost::of_one_core(bytes * byte)),
                after: Vec::new(),
            }
        });
        let definitions = Cost::of_one_core(rates::DUMP + rates::DUMP_OBJECT * self.objects());
        let rows = schedule(&tasks.collect::<Vec<_>>(), self.jobs());
        definitions.then(rows).then(self.large_objects())
    }

    fn restore(&self, program: &Program) -> Cost {
        let makes = Makes::of(program);
        let mut cost = Cost::of_one_core(rates::RESTORE);
        if makes.objects {
            cost = cost.then(self.made());
        }
        let tables = if makes.rows { &program.tables[..] } else { &[] };
        let tables = largest_first(tables);
        let mut tasks: Vec<Task> = tables.iter().map(|table| self.filled(table)).collect();
        if makes.indexes {
            let name = |table: &TableSize| (table.schema.clone(), table.name.clone());
            let numbered = tables.iter().enumerate();
            let places: BTreeMap<_, _> = numbered.map(|(at, table)| (name(table), at)).collect();
            tasks.extend(self.scene.facts.source.indexes.iter().map(|index| {
                let table = (index.schema.clone(), index.table.clone());
                Task {
                    cost: self.index(index),
                    after: places.get(&table).copied().into_iter().collect(),
                }
            }));
        }
        cost = cost.then(schedule(&tasks, self.jobs()));
        if makes.rows {
            cost = cost.then(self.large_objects());
        }
        if makes.rest {
            cost = cost.then(self.after_data());
        }
        cost
    }

    fn filled(&self, table: &TableSize) -> Task {
        let (rows, bytes) = self.extent(table);
        let taken = Cost::of_one_core(rates::TEXT_IN.of(rows, bytes));
        Task {
            cost: taken.into(Cost::of_one_core(bytes * rates::DECOMPRESS_BYTE)),
            after: Vec::new(),
        }
    }

    /// In how many parts large objects are streamed.
    pub(super) fn object_parts(&self) -> f64 {
        self.scene.facts.source.large_object_parts.len().max(1) as f64
    }

    pub(super) fn large_objects(&self) -> Cost {
        let objects = &self.scene.facts.source.large_objects;
        let each = objects.count as f64 * rates::LARGE_OBJECT;
        Cost::of_one_core(each + objects.bytes as f64 * rates::LARGE_OBJECT_BYTE)
    }

    fn extent(&self, table: &TableSize) -> (f64, f64) {
        let relation = self.relation(&table.schema, &table.name);
        (relation.map_or(0.0, rows), table.bytes as f64)
    }

    fn jobs(&self) -> usize {
        self.scene.resolved.copy.jobs as usize
    }
}

/// As both programs begin them.
fn largest_first(tables: &[TableSize]) -> Vec<&TableSize> {
    let mut tables: Vec<&TableSize> = tables.iter().collect();
    tables.sort_by_key(|table| std::cmp::Reverse(table.bytes));
    tables
}
