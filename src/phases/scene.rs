//! What every phase looks at: what was meant and what was found, and which objects that makes.
//! It plans no step.

use crate::database_settings;
use crate::effect::{LargeObjectMeasure, Measure, TableRows, TableSize};
use crate::error::{Error, Result};
use crate::inspect::{Database, Facts, Relation, RelationKind, RowHash, Setting, Toolset};
use crate::preflight::choose_tools;
use crate::report::{bytes, counted};
use crate::resolve::{Online, Resolved};
use crate::selection::Selection;
use crate::spec::{Scope, Verify};
use crate::streamed::Streamed;

/// What every phase looks at.
pub struct Scene<'a> {
    /// What was meant.
    pub resolved: &'a Resolved,
    /// What was found.
    pub facts: &'a Facts,
    /// Which objects are migrated.
    pub selection: Selection,
    /// The client programs to use.
    pub tools: &'a Toolset,
    /// What is replicated, in an online migration.
    pub stream: Option<(&'a Online, Streamed)>,
}

impl<'a> Scene<'a> {
    /// Settles which objects are migrated and which programs are used.
    ///
    /// # Errors
    /// When a pattern matches nothing, or no client programs fit.
    pub fn new(resolved: &'a Resolved, facts: &'a Facts) -> Result<Self> {
        let source = &facts.source;
        let selection = resolved.selection(&source.relations, &source.schemas)?;
        let (from, to) = (source.server.major(), facts.target.server.major());
        let tools = choose_tools(&facts.tools, from, to).ok_or_else(|| {
            Error::refused(
                format!("no pg_dump and pg_restore of version {from} or later were found here"),
                format!("Install them, for instance `apt-get install postgresql-client-{to}`."),
            )
        })?;
        let online = resolved.online.as_ref();
        let stream = online.map(|online| (online, Streamed::settle(facts, &selection, online)));
        Ok(Self {
            resolved,
            facts,
            selection,
            tools,
            stream,
        })
    }

    /// The source database's own properties, as far as the target takes them. A target that is
    /// closed until the switch gets [`Self::serves_read_only`] then.
    pub fn database(&self) -> Database {
        let mut taken =
            database_settings::as_taken(&self.facts.source.database, &self.facts.target);
        if self.stream.is_some() {
            taken
                .settings
                .retain(|setting| !database_settings::closes(setting));
        }
        taken
    }

    /// What the source database itself says of transactions that do not say whether they write.
    pub fn serves_read_only(&self) -> Option<&Setting> {
        let mut settings = self.facts.source.database.settings.iter();
        settings.find(|setting| database_settings::closes(setting))
    }

    /// Relations that are migrated.
    pub fn kept(&self) -> impl Iterator<Item = &Relation> {
        let relations = self.facts.source.relations.iter();
        relations.filter(|relation| self.selection.keeps(&relation.schema, &relation.name))
    }

    /// Tables and materialized views whose rows are migrated.
    pub fn tables_with_rows(&self) -> impl Iterator<Item = &Relation> {
        self.kept().filter(|relation| {
            let holds_rows = match relation.kind {
                RelationKind::Table => true,
                RelationKind::MaterializedView => relation.populated,
                _ => false,
            };
            let keeps_rows = self.selection.keeps_rows(&relation.schema, &relation.name);
            holds_rows && (keeps_rows || relation.kind == RelationKind::MaterializedView)
        })
    }

    /// Whether rows are migrated at all.
    pub fn moves_rows(&self) -> bool {
        self.resolved.copy.scope != Scope::Schema
    }

    /// Whether structure is migrated at all.
    pub fn moves_structure(&self) -> bool {
        self.resolved.copy.scope != Scope::Data
    }

    /// What is measured under the snapshot, and on the target after the copy: online, sequences move
    /// on meanwhile.
    pub fn measure(&self) -> Measure {
        let all = self.measure_by(self.resolved.verify);
        match self.stream {
            Some(_) => Measure {
                sequences: Vec::new(),
                ..all
            },
            None => all,
        }
    }

    /// What is measured on both sides while nobody writes. Materialized views are only as fresh as
    /// they are, large objects not in the stream, and sequences carried only if the plan says so.
    pub fn measure_now(&self, verify: Verify) -> Measure {
        let mut all = self.measure_by(verify);
        all.tables.retain(|table| !table.refreshed);
        let carried = |(online, _): &(&Online, Streamed)| online.cutover.sequences;
        if !self.stream.as_ref().is_some_and(carried) {
            all.sequences.clear();
        }
        Measure {
            large_objects: None,
            ..all
        }
    }

    fn measure_by(&self, verify: Verify) -> Measure {
        if !self.moves_rows() {
            return Measure::default();
        }
        let by_rows = verify == Verify::Rows;
        let hashable = self
            .facts
            .source
            .server
            .major()
            .min(self.facts.target.server.major())
            >= 14;
        let hash = |relation: &Relation| match relation.row_hash {
            _ if !by_rows => None,
            RowHash::Record if hashable => Some(RowHash::Record),
            _ => Some(RowHash::Text),
        };
        let row = |relation: &Relation| TableRows {
            schema: relation.schema.clone(),
            name: relation.name.clone(),
            hash: hash(relation),
            bytes: relation.bytes,
            refreshed: relation.kind == RelationKind::MaterializedView,
            columns: if by_rows {
                relation.columns.clone()
            } else {
                Vec::new()
            },
        };
        let sequences = self
            .kept()
            .filter(|relation| relation.kind == RelationKind::Sequence);
        let sequence = |relation: &Relation| (relation.schema.clone(), relation.name.clone());
        Measure {
            tables: self
                .tables_with_rows()
                .filter(|r| self.is_measured(r))
                .map(row)
                .collect(),
            sequences: sequences.map(sequence).collect(),
            jobs: self.resolved.copy.jobs,
            large_objects: Some(LargeObjectMeasure {
                content: by_rows,
                properties: self.resolved.copy.owners && !self.resolved.restore.allow_errors,
            }),
        }
    }

    /// A materialized view is filled anew on the target, from what is there: with rows left
    /// behind, it rightly differs. Alone, without structure, it is not filled at all.
    fn is_measured(&self, relation: &Relation) -> bool {
        relation.kind != RelationKind::MaterializedView
            || (self.moves_structure() && self.selection.without_rows().is_empty())
    }

    /// Whether the dump brings the migration's own publication along. Where the source has no
    /// other, none is dumped: its owner may be no role of the target.
    pub fn dumps_publication(&self) -> bool {
        self.stream.is_some() && !self.facts.source.streams.publications.is_empty()
    }

    /// How much is moved, for people.
    pub fn amount(&self) -> String {
        let tables: Vec<&Relation> = self.tables_with_rows().collect();
        let total = tables.iter().map(|relation| relation.bytes).sum();
        format!(
            "{}, {}",
            counted(tables.len() as u64, "table"),
            bytes(total)
        )
    }

    /// Names and sizes of the tables whose rows are moved, for progress.
    pub fn sizes(&self) -> Vec<TableSize> {
        let tables = self
            .tables_with_rows()
            .filter(|r| r.kind == RelationKind::Table);
        tables
            .map(|r| TableSize {
                schema: r.schema.clone(),
                name: r.name.clone(),
                bytes: r.bytes,
                rows: r.rows_estimate,
            })
            .collect()
    }
}

/// The columns that rows consist of; the others are computed.
pub(super) fn stored_columns(relation: &Relation) -> Vec<String> {
    let generated = &relation.identity.generated;
    let columns = relation.columns.iter();
    columns
        .filter(|name| !generated.contains(name))
        .cloned()
        .collect()
}

/// Tables by name, with what is needed to copy their rows.
pub(super) fn table_rows(scene: &Scene<'_>, names: &[(String, String)]) -> Vec<TableRows> {
    let named = |relation: &&Relation| {
        let mut names = names.iter();
        names.any(|(schema, name)| *schema == relation.schema && *name == relation.name)
    };
    let row = |relation: &Relation| TableRows {
        schema: relation.schema.clone(),
        name: relation.name.clone(),
        hash: None,
        columns: stored_columns(relation),
        bytes: relation.bytes,
        refreshed: false,
    };
    scene.kept().filter(named).map(row).collect()
}
