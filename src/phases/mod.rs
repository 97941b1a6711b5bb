//! One file per phase: each says which steps its phase has. A phase returns data; it asks nobody
//! and does nothing.

mod act_as;
mod complete;
mod cutover;
mod drift;
mod dump;
mod fence;
mod finalize;
mod identities;
mod left_behind;
mod outage;
mod prepare_snapshot;
mod restore;
mod restore_runs;
mod roles;
mod rollback;
mod stream_apply;
mod verify;

pub(crate) use finalize::by_hand;
pub use left_behind::left_behind;
pub use outage::{Serving, serving};
pub(crate) use outage::{
    begun_afterwards, hears_requests, hooks_before_fence, is_decided, is_finalized, is_past,
    is_switched, switched, switched_back,
};

use crate::database_settings;
use crate::effect::{Effect, LargeObjectMeasure, Measure, Place, TableRows, TableSize};
use crate::error::{Error, Result};
use crate::inspect::{Database, Facts, Relation, RelationKind, Toolset};
use crate::journal::Status;
use crate::plan::{IfInterrupted, Phase, Stage, Step, StepId};
use crate::preflight::choose_tools;
use crate::report::{bytes, counted};
use crate::resolve::{Online, Resolved};
use crate::selection::Selection;
use crate::spec::{Scope, Verify};
use crate::streamed::Streamed;

/// The step that exports the snapshot.
pub const SNAPSHOT: &str = "snapshot.export";
/// The step that runs `pg_dump`.
pub const DUMP: &str = "dump.run";
/// The step that measures the source.
pub const MEASURE: &str = "source.measure";
/// The step that drops a target database that is to be replaced.
pub const DROP: &str = "target.drop";
/// The step that removes the schema public.
pub const PUBLIC: &str = "target.public";
/// The step that makes the target database.
pub const DATABASE: &str = "target.database";
/// The step that runs `pg_restore`.
pub const RESTORE: &str = "restore.run";

/// The step that has the subscription run.
pub const ENABLE: &str = "stream.enable";
/// The step that watches the replication.
pub const FOLLOW: &str = "stream.follow";
/// The step that looks at the schema of both sides before the cutover.
pub const GUARD: &str = "cutover.guard";
/// The step that compares both sides at the cutover.
pub const COMPARED: &str = "cutover.verify";
/// The step that reads what closing the target will change.
pub const TARGET_BEFORE: &str = "target.before";
/// The step that reads what the fence around the source will change.
pub const SOURCE_BEFORE: &str = "cutover.before";

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

    /// The source database's own properties, as far as the target takes them.
    pub fn database(&self) -> Database {
        database_settings::as_taken(&self.facts.source.database, &self.facts.target)
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
            crate::inspect::RowHash::Record if hashable => Some(crate::inspect::RowHash::Record),
            _ => Some(crate::inspect::RowHash::Text),
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

/// The stage of a phase.
pub fn stage(phase: Phase, scene: &Scene<'_>) -> Stage {
    let (purpose, steps) = match phase {
        Phase::Validate => ("ask both servers; nothing is changed", Vec::new()),
        Phase::PrepareSnapshot => (
            "fix one moment of the source that everything is read from",
            prepare_snapshot::steps(scene),
        ),
        Phase::Dump => (
            "write that moment of the source to disk",
            dump::steps(scene),
        ),
        Phase::Restore => ("make the target and fill it", restore::steps(scene)),
        Phase::Verify => (
            "prove that the target holds what the source held",
            verify::steps(scene),
        ),
        Phase::StreamApply => (
            "let PostgreSQL replicate what was written since",
            stream_apply::steps(scene),
        ),
        Phase::Cutover => (
            "switch from source to target, as a whole or not at all",
            cutover::steps(scene),
        ),
        Phase::Complete => (
            "remove what was only needed on the way",
            complete::steps(scene),
        ),
        Phase::Rollback => (
            "go back to the source, by `pg_dbmigrator rollback` alone",
            rollback::steps(scene),
        ),
        Phase::Finalize => (
            "remove every trace, by `pg_dbmigrator finalize` alone",
            finalize::steps(scene),
        ),
    };
    Stage {
        phase,
        purpose,
        steps,
        switch: match phase {
            Phase::Cutover => cutover::switch(scene),
            Phase::Rollback => rollback::switch(scene),
            _ => None,
        },
    }
}

/// The phases that a plan has: an offline one has no stream.
pub fn phases(scene: &Scene<'_>) -> impl Iterator<Item = Phase> {
    let online = scene.stream.is_some();
    let streams = |phase: &Phase| matches!(phase, Phase::StreamApply | Phase::Cutover);
    Phase::ALL
        .into_iter()
        .filter(move |phase| online || !streams(phase))
}

/// What can be done once an online migration is complete.
pub fn afterwards(scene: &Scene<'_>) -> Vec<Stage> {
    let stages = Phase::AFTERWARDS
        .into_iter()
        .map(|phase| stage(phase, scene));
    stages.filter(|stage| !stage.steps.is_empty()).collect()
}

/// Has each step wait for the one before it.
fn in_order(steps: &mut [Step]) {
    for index in 1..steps.len() {
        let before = steps[index - 1].id.clone();
        steps[index].after.push(before);
    }
}

fn sql(place: Place, statements: Vec<String>) -> Effect {
    Effect::Sql { place, statements }
}

/// The columns that rows consist of; the others are computed.
fn stored_columns(relation: &Relation) -> Vec<String> {
    let generated = &relation.identity.generated;
    let columns = relation.columns.iter();
    columns
        .filter(|name| !generated.contains(name))
        .cloned()
        .collect()
}

/// Tables by name, with what is needed to copy their rows.
fn table_rows(scene: &Scene<'_>, names: &[(String, String)]) -> Vec<TableRows> {
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

/// The OID of the database that the migration made, as far as the journal knows.
pub(crate) fn made_database(status: &Status) -> Option<&str> {
    status.steps.get(&StepId::new(DATABASE))?.output.as_str()
}

/// Whether PostgreSQL replicates by itself already.
pub(crate) fn is_streaming(status: &Status) -> bool {
    status.is_done(&StepId::new(ENABLE))
}

/// Whether nothing was begun yet that changes the target database.
pub(crate) fn leaves_target_as_found(status: &Status) -> bool {
    let changing = [DROP, DATABASE, PUBLIC, RESTORE];
    let mut changing = changing.into_iter().map(StepId::new);
    !changing.any(|id| status.steps.contains_key(&id))
}

/// A step that is simply undone and done again after an interruption.
fn step(id: &str, summary: impl Into<String>) -> Step {
    let id = StepId::new(id);
    Step {
        id: id.clone(),
        summary: summary.into(),
        after: Vec::new(),
        under: None,
        effects: Vec::new(),
        if_interrupted: IfInterrupted::RedoFrom(id),
        undo: Vec::new(),
        standing: false,
    }
}
