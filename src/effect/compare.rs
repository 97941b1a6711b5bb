//! Performs the proof: measures the source under its snapshot, and compares the target with it.
//! What cannot be compared is an error ([`Exit::Unproven`]), never a pass.

use futures_util::future::try_join_all;
use tokio_postgres::Client;

use super::replication::SCHEMA;
use super::world::{Act, LetThrough, Output, World};
use super::{Comparison, Effect, Measure, Place, SchemaScope, Side, lines, replication};
use crate::database_settings;
use crate::error::{Error, Exit, Result};
use crate::fingerprint::{self, Aspect, Difference, Fingerprint};
use crate::inspect;
use crate::measure::{self, Measured, Rows, SETTINGS};
use crate::phases::{LET_THROUGH_BY, MEASURE, SEQUENCES};
use crate::plan::{Phase, StepId};
use crate::postgres::{full_name, quote_identifier};
use crate::snapshot;

/// Measures the source under the snapshot that the copy reads from.
///
/// # Errors
/// The server's, or that it was stopped.
pub(super) async fn measure_source(world: &World, act: Act<'_>, what: &Measure) -> Result<Output> {
    let clients = {
        let held = world.snapshot.lock().await;
        let snapshot = held
            .as_ref()
            .expect("a step under a snapshot runs after its export");
        try_join_all((0..what.jobs).map(|_| snapshot.join(&world.source))).await?
    };
    world.performed(act, lines(&Effect::MeasureSource(what.clone())));
    let work = async {
        let writes = measure::writes(&clients[0]).await?;
        try_join_all(clients.iter().map(|client| snapshot::set(client, SETTINGS))).await?;
        let measured = measure::measure_in_snapshot(&clients, what).await?;
        Ok(Measured { writes, ..measured })
    };
    Ok(Output::of(&world.unless_stopped(work).await?))
}

/// Compares the target with the source.
///
/// # Errors
/// [`Exit::Different`] with every difference by name; [`Exit::Unproven`] when it could not be
/// compared.
pub(super) async fn compare(world: &World, act: Act<'_>, what: &Comparison) -> Result<Output> {
    world.performed(act, lines(&Effect::Compare(what.clone())));
    let work = async {
        let (differences, warnings) = match what {
            Comparison::Schema(scope) => schema(world, scope).await?,
            Comparison::Drift(scope) => return drift(world, scope).await,
            Comparison::SchemaSince { side, guard, scope } => {
                if is_unchanged(world, act, (*side, guard)).await? {
                    return Ok(Output::default());
                }
                schema(world, scope).await?
            }
            Comparison::Rows { measure } => rows(world, measure).await?,
            Comparison::Now {
                measure,
                patterns,
                carried_by,
            } => {
                let planned = (measure, patterns, carried_by.as_ref());
                let measure = replication::measured(world, act, planned).await?;
                return now(world, act, &measure).await;
            }
            Comparison::Database { expected, closed } => {
                (database(world, expected, *closed).await?, Vec::new())
            }
            Comparison::SourceWrites => (Vec::new(), source_writes(world).await?),
        };
        verdict(act, differences)?;
        Ok(Output {
            warnings,
            ..Output::default()
        })
    };
    world.unless_stopped(work).await.map_err(unproven)
}

/// A failure to compare is not a difference, and not a pass either.
fn unproven(error: Error) -> Error {
    if error.exit() == Exit::Failed {
        error.with_exit(Exit::Unproven)
    } else {
        error
    }
}

/// What differs; and, as warnings, what may: the order of columns, because `pg_dump` puts inherited
/// ones first, wherever they stood on the source, and what errors that were let through were about.
pub(super) async fn schema(
    world: &World,
    scope: &SchemaScope,
) -> Result<(Vec<String>, Vec<String>)> {
    let clients = (world.open(Place::Source), world.open(Place::Target));
    let clients = tokio::try_join!(clients.0, clients.1)?;
    let (source, target) = fingerprint::take_both(&clients.0, &clients.1).await?;
    let (source, target) = (restricted(source, scope), restricted(target, scope));
    let mut restored: Option<LetThrough> = None;
    for id in LET_THROUGH_BY {
        restored = restored.or(world.output(&StepId::new(id))?);
    }
    let may_differ = |difference: &Difference| {
        let in_either = [&source, &target].map(|side| side.objects().get(&difference.object));
        let object = in_either.into_iter().flatten().next();
        object.is_some_and(|object| may_differ(object.aspect, restored))
    };
    let found = source.differences(&target).into_iter();
    let (warnings, differences): (Vec<_>, Vec<_>) = found.partition(may_differ);
    let texts = |found: Vec<Difference>| found.iter().map(ToString::to_string).collect();
    Ok((texts(differences), texts(warnings)))
}

/// Differences that the plan accepts: warnings, and their number.
async fn drift(world: &World, scope: &SchemaScope) -> Result<Output> {
    let (differences, mut warnings) = schema(world, scope).await?;
    let accepted = differences.len();
    let accept = |difference: String| format!("cutover.accept_drift: {difference}");
    warnings.extend(differences.into_iter().map(accept));
    Ok(Output {
        warnings,
        ..Output::of(&accepted)
    })
}

/// Whether a side's catalogs are as a step found them.
async fn is_unchanged(world: &World, act: Act<'_>, (side, guard): (Side, &StepId)) -> Result<bool> {
    let client = world.session_for(act, side.into()).await?;
    let now: String = client.query_one(SCHEMA, &[]).await?.try_get(0)?;
    let then: Option<String> = world.output(guard)?;
    Ok(then == Some(now))
}

/// Whether a difference of this kind is no loss.
fn may_differ(aspect: Aspect, restored: Option<LetThrough>) -> bool {
    match aspect {
        Aspect::ColumnOrder => true,
        Aspect::Owner | Aspect::Privileges | Aspect::Comment | Aspect::SecurityLabel => {
            restored == Some(LetThrough::SomeErrors)
        }
        Aspect::Definition | Aspect::Tablespace | Aspect::Populated => false,
    }
}

/// What the plan leaves behind is not looked at on either side.
fn restricted(fingerprint: Fingerprint, scope: &SchemaScope) -> Fingerprint {
    let SchemaScope {
        without_schemas,
        without_relations,
        patterns,
        without_publications,
        owners,
        tablespaces,
        rows,
    } = scope;
    let rules = patterns.read();
    let gone = |schema: &str, relation: &str| {
        let name = (schema.to_owned(), relation.to_owned());
        without_relations.contains(&name) || rules.leave(&[name])
    };
    let mut kept = fingerprint.restrict(|schema, relation| {
        !without_schemas.iter().any(|gone| gone == schema)
            && !relation.is_some_and(|relation| gone(schema, relation))
    });
    for publication in without_publications {
        let names = [publication.clone(), quote_identifier(publication)];
        let names = names.map(|name| format!("publication {name}"));
        kept = kept.without(|object, _| names.contains(&object.to_string()));
    }
    if !rows {
        kept = kept.without_aspect(Aspect::Populated);
    }
    if !owners {
        kept = kept
            .without_aspect(Aspect::Owner)
            .without_aspect(Aspect::Privileges);
    }
    if *tablespaces {
        kept
    } else {
        kept.without_aspect(Aspect::Tablespace)
    }
}

async fn rows(world: &World, what: &Measure) -> Result<(Vec<String>, Vec<String>)> {
    let source: Measured = world.output(&StepId::new(MEASURE))?;
    let clients = try_join_all((0..what.jobs).map(|_| world.open(Place::Target))).await?;
    try_join_all(clients.iter().map(settle)).await?;
    let target = measure::measure(&clients, what).await?;
    let (mut differences, warnings) = table_differences(what, &source, &target);
    if let (Some(source), Some(target)) = (&source.large_objects, &target.large_objects) {
        differences.extend(row_difference("large objects", source, target));
    }
    differences.extend(sequence_differences(world, what, &target).await?);
    Ok((differences, warnings))
}

/// Both sides as they are at this moment, while nobody writes to either; what was found is the
/// output. A sequence of the target may be ahead, never behind: that was settled when they were
/// carried over.
async fn now(world: &World, act: Act<'_>, what: &Measure) -> Result<Output> {
    let measured = async |place| {
        let clients = try_join_all((0..what.jobs).map(|_| world.open(place))).await?;
        try_join_all(clients.iter().map(settle)).await?;
        measure::measure(&clients, what).await
    };
    let (source, target) = tokio::try_join!(measured(Place::Source), measured(Place::Target))?;
    let differences = table_differences(what, &source, &target).0;
    verdict(act, differences).map_err(|error| error.with_next(ROWS_DIFFER))?;
    Ok(Output::of(&source))
}

/// What to do about rows that differ while nobody writes.
const ROWS_DIFFER: &str = "Nobody writes to either side now: these rows were written to the wrong \
    side before, or the stream did not carry them. Find out which, and mend them, before you try \
    again; or start over with `pg_dbmigrator abort` and `pg_dbmigrator apply`.";

/// What differs, and what differs because PostgreSQL filled it anew.
fn table_differences(
    what: &Measure,
    source: &Measured,
    target: &Measured,
) -> (Vec<String>, Vec<String>) {
    let (mut differences, mut warnings) = (Vec::new(), Vec::new());
    for table in &what.tables {
        let name = full_name(&table.schema, &table.name);
        let (Some(source), Some(target)) = (source.tables.get(&name), target.tables.get(&name))
        else {
            differences.push(format!("table {name}: it was not measured on both sides"));
            continue;
        };
        if table.refreshed {
            let label = format!(
                "materialized view {name}, filled anew on the target (the source's is no loss where \
                 it was refreshed before its tables were written last)"
            );
            warnings.extend(row_difference(&label, source, target));
        } else {
            differences.extend(row_difference(&format!("table {name}"), source, target));
        }
    }
    (differences, warnings)
}

fn row_difference(what: &str, source: &Rows, target: &Rows) -> Option<String> {
    if source.rows != target.rows {
        return Some(format!(
            "{what}: {} rows on the source, {} on the target",
            source.rows, target.rows
        ));
    }
    (source.hash != target.hash).then(|| {
        format!(
            "{what}: {} rows on both, but not the same rows",
            source.rows
        )
    })
}

/// A sequence is not part of a snapshot: it is copied as it stands some time after. So a target that
/// stands anywhere between what was measured before that and what the source says now is right, and
/// equal is right when the source stood still.
async fn sequence_differences(
    world: &World,
    what: &Measure,
    target: &Measured,
) -> Result<Vec<String>> {
    if what.sequences.is_empty() {
        return Ok(Vec::new());
    }
    let source: Measured = world.output(&StepId::new(SEQUENCES))?;
    let clients = [world.open(Place::Source).await?];
    let now = measure::measure(&clients, &what.sequences_alone()).await?;
    let mut differences = Vec::new();
    for (name, target) in &target.sequences {
        let (Some(then), Some(now)) = (source.sequences.get(name), now.sequences.get(name)) else {
            differences.push(format!("sequence {name}: it is not on the source any more"));
            continue;
        };
        let low = then.last_value.min(now.last_value);
        let high = then.last_value.max(now.last_value);
        let between = (low..=high).contains(&target.last_value);
        let called = target.is_called == then.is_called || target.is_called == now.is_called;
        if !(between && called) {
            differences.push(format!(
                "sequence {name}: last_value {} (is_called {}) on the source, {} ({}) on the target",
                now.last_value, now.is_called, target.last_value, target.is_called
            ));
        }
    }
    Ok(differences)
}

async fn database(world: &World, expected: &[String], closed: bool) -> Result<Vec<String>> {
    let client = world.open(Place::Target).await?;
    let mut found = inspect::database(&client, &world.target.place()).await?;
    found
        .settings
        .retain(|setting| !(closed && database_settings::closes(setting)));
    let mut statements = database_settings::statements(&found, &found.name);
    statements.push(database_settings::owner(&found, &found.name));
    let differences = |label: &'static str, these: &[String], those: &[String]| {
        let missing: Vec<_> = these
            .iter()
            .filter(|sql| !those.contains(sql))
            .cloned()
            .collect();
        missing
            .into_iter()
            .map(move |sql| format!("database: only on the {label}: {sql}"))
    };
    let mut all: Vec<String> = differences("source", expected, &statements).collect();
    all.extend(differences("target", &statements, expected));
    Ok(all)
}

/// An offline copy is of one moment: what was written later stays on the source, and whoever
/// runs it should know. A session that goes on tells of its writes some seconds late.
async fn source_writes(world: &World) -> Result<Vec<String>> {
    let then: Measured = world.output(&StepId::new(SEQUENCES))?;
    let copied: Measured = world.output(&StepId::new(MEASURE))?;
    let client = world.open(Place::Source).await?;
    let now = measure::writes(&client).await?;
    let written: Vec<&str> = now
        .iter()
        .filter(|(table, _)| copied.tables.contains_key(*table))
        .filter(|(table, count)| then.writes.get(*table).copied().unwrap_or(0) < **count)
        .map(|(table, _)| table.as_str())
        .collect();
    let warning = format!(
        "the source was written to after the snapshot, or within seconds before it; rows that came \
         after it are not on the target: {}",
        crate::report::some_of(&written, 10)
    );
    Ok((!written.is_empty())
        .then_some(warning)
        .into_iter()
        .collect())
}

async fn settle(client: &Client) -> Result<()> {
    Ok(client.batch_execute(&SETTINGS.join("; ")).await?)
}

fn verdict(act: Act<'_>, differences: Vec<String>) -> Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    let what = format!(
        "{} and {} differ ({})",
        Side::Source,
        Side::Target,
        act.step.id
    );
    let next = match act.phase {
        Phase::Cutover => {
            "Look at the differences. Make the change on the target too, which is read-only by \
             default until the cutover: `set default_transaction_read_only = off; …` in one session \
             there. Or accept it by `--set cutover.accept_drift=true`."
        }
        Phase::Rollback => {
            "Look at the differences. Make the change on the source too, which may be read-only by \
             default: `set default_transaction_read_only = off; …` in one session there. Or accept \
             it by `--set cutover.accept_drift=true`."
        }
        _ => {
            "Do not use the target yet. Look at the differences. Definitions that were changed on the \
             source since the snapshot: change them on the target alike (where it is read-only by \
             default: `set default_transaction_read_only = off; …` in one session), then run \
             `pg_dbmigrator apply` again. Anything else: mend its cause, then start over with \
             `pg_dbmigrator abort` and `pg_dbmigrator apply`."
        }
    };
    let error = Error::new(Exit::Different, what, next);
    Err(differences.into_iter().fold(error, Error::because))
}
