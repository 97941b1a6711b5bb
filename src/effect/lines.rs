//! Effects as text: the lines that `plan` prints, the journal keeps and `apply` performs.
//! It matches every field by name, so that nothing can be performed that is not printed.

use super::{Argument, Comparison, Effect, Measure, Program, SchemaScope, replication};
use crate::measure;

/// The lines of an effect: the SQL that is sent, or the program that is run. Values known only
/// when it runs are holes such as `<snapshot>`; secrets are not in them at all.
pub fn lines(effect: &Effect) -> Vec<String> {
    match effect {
        Effect::Sql { place, statements } => statements
            .iter()
            .map(|sql| format!("{place}: {sql}"))
            .collect(),
        Effect::Remember { place, sql } => vec![format!("{place}: {sql}")],
        Effect::ExportSnapshot(wanted) => on("source", crate::snapshot::statements(wanted)),
        Effect::AsPlanned(planned) => super::as_planned::lines(planned),
        Effect::Program(program) => vec![program_line(program)],
        Effect::CopyRows(what) => super::copy_rows::lines(what),
        Effect::CopyLargeObjects(what) => super::large_objects::lines(what),
        Effect::Script(script) => super::script::lines(script),
        Effect::MeasureSource(what) => {
            let mut lines = vec![format!("source: {}", measure::WRITES)];
            lines.extend(measure_lines("source", what));
            lines
        }
        Effect::Compare(comparison) => comparison_lines(comparison),
        Effect::RemoveDump => vec!["remove <dump>".to_owned()],
        Effect::Replication(effect) => replication::lines(effect),
    }
}

/// SQL, with the place where it runs before it.
pub(super) fn on(
    place: impl std::fmt::Display,
    sql: impl IntoIterator<Item = String>,
) -> Vec<String> {
    let sql = sql.into_iter();
    sql.map(|sql| format!("{place}: {sql}")).collect()
}

fn program_line(program: &Program) -> String {
    let Program {
        tool,
        directory,
        arguments,
        allow_errors: _,
        tables: _,
    } = program;
    let mut line = format!("run: {}", directory.join(tool.name()).display());
    for argument in arguments {
        line.push(' ');
        line.push_str(&argument.shown(*tool));
    }
    line
}

impl Argument {
    /// The argument as it is printed.
    pub fn shown(&self, tool: super::Tool) -> String {
        match self {
            Self::Plain(text) => shell_word(text),
            Self::Connection => format!("--dbname=service={}", tool.side()),
            Self::Snapshot => "--snapshot=<snapshot>".to_owned(),
            Self::Listed(part) => format!("--use-list={}", part.shown()),
            Self::DumpFile => "--file=<dump>".to_owned(),
            Self::Dump => "<dump>".to_owned(),
        }
    }
}

/// Quotes a word as a shell would need it, so that a printed line can be pasted.
pub(super) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./,:+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

impl Measure {
    /// What is asked of the source once before the copy and once more at the end: a sequence is not
    /// part of a snapshot.
    pub(crate) fn sequences_alone(&self) -> Self {
        Self {
            sequences: self.sequences.clone(),
            ..Self::default()
        }
    }

    /// What is asked of the snapshot.
    pub(crate) fn without_sequences(self) -> Self {
        Self {
            sequences: Vec::new(),
            ..self
        }
    }
}

fn measure_lines(side: &str, measure: &Measure) -> Vec<String> {
    measure::statements(measure)
        .into_iter()
        .map(|sql| format!("{side}: {sql}"))
        .collect()
}

fn comparison_lines(comparison: &Comparison) -> Vec<String> {
    match comparison {
        Comparison::Schema(scope) => vec![schema_line(scope)],
        Comparison::Drift(scope) => {
            vec![format!("{}; differences are accepted", schema_line(scope))]
        }
        Comparison::SchemaSince { side, guard, scope } => vec![
            format!("{side}: {}", replication::SCHEMA),
            format!("{}, if that changed since {guard}", schema_line(scope)),
        ],
        Comparison::Rows { measure } => {
            let mut lines = measure_lines("target", measure);
            lines.extend(measure_lines("source", &measure.sequences_alone()));
            lines
        }
        Comparison::Database {
            expected: _,
            closed: _,
        } => {
            vec!["compare: the database's owner, comment, privileges and settings".to_owned()]
        }
        Comparison::Now {
            measure,
            patterns: _,
            carried_by,
        } => {
            let mut asked = vec![replication::columns_question(&measure.tables)];
            if carried_by.is_some() {
                asked.push(replication::relations_question(replication::Kind::Sequence));
            }
            let mut lines = on("source", asked.clone());
            lines.extend(on("target", asked));
            lines.extend(measure_lines("source", measure));
            lines.extend(measure_lines("target", measure));
            lines
        }
        Comparison::SourceWrites => vec![format!("source: {}", measure::WRITES)],
    }
}

fn schema_line(scope: &SchemaScope) -> String {
    let SchemaScope {
        without_schemas,
        without_relations,
        patterns: _,
        without_publications: _,
        owners,
        tablespaces,
        rows: _,
    } = scope;
    let mut line = "compare: every object's definition and comment".to_owned();
    if *owners {
        line.push_str(", owner and privileges");
    }
    if *tablespaces {
        line.push_str(", tablespace");
    }
    let left_out = without_schemas.len() + without_relations.len();
    if left_out > 0 {
        line.push_str(&format!(", except {left_out} excluded"));
    }
    line
}
