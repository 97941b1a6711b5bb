//! What mends a change that could not be applied, as statements to copy.
//! It runs none of them.

use crate::effect::Side;
use crate::effect::world::World;
use crate::error::Result;
use crate::postgres::{qualified, quote_identifier, quote_literal};

use super::log::{Entry, Key};

/// What is known of the way out.
#[derive(Debug, Default)]
pub(super) struct Repair {
    /// Statements for the subscriber.
    pub statements: Vec<String>,
    /// What to do where no statement can say it.
    pub advice: String,
    /// The key whose values may be shown: they identify a row, and say nothing else about it.
    pub key: Option<Key>,
}

/// Finds out what mends an error.
pub(super) async fn of(world: &World, subscriber: Side, entry: &Entry) -> Repair {
    let table = entry.relation().and_then(|name| name.split_once('.'));
    let Some(table) = table else {
        return advised("Mend what the error names.");
    };
    let found = if entry.key().is_some() {
        conflict(world, subscriber, (table, entry)).await
    } else if !entry.missing_columns().is_empty() {
        columns(world, subscriber.other(), (table, entry)).await
    } else if entry.message.contains("does not exist") {
        Ok(advised(&format!(
            "Make the table on the {subscriber} as it is on the {}.",
            subscriber.other()
        )))
    } else {
        Ok(advised("Mend what the error names."))
    };
    found.unwrap_or_else(|_| advised("Mend what the error names."))
}

fn advised(advice: &str) -> Repair {
    Repair {
        advice: advice.to_owned(),
        ..Repair::default()
    }
}

/// Two rows with one key: the one that the stream does not know has to go.
async fn conflict(
    world: &World,
    subscriber: Side,
    ((schema, table), entry): ((&str, &str), &Entry),
) -> Result<Repair> {
    let table = qualified(schema, table);
    let advice = |how: &str| {
        format!(
            "The {subscriber} has a row with this key that the stream did not bring: somebody \
             wrote there. {how}"
        )
    };
    let primary = is_primary(world, subscriber, (schema, entry)).await?;
    let key = entry.key().filter(|_| primary);
    let equals = key.as_ref().and_then(condition);
    let Some(equals) = equals else {
        let columns = entry.key().map(|key| key.columns).unwrap_or_default();
        return Ok(advised(&advice(&format!(
            "Look at it, and delete it from {table} there; the server's log has the value of \
             its key ({columns})."
        ))));
    };
    Ok(Repair {
        statements: vec![format!("delete from {table} where {equals};")],
        advice: advice(&format!(
            "Look at it (`select * from {table} where {equals}`), and delete it there."
        )),
        key,
    })
}

/// `id = '1' and n = '2'`, where the values may be shown.
fn condition(key: &Key) -> Option<String> {
    let values: Vec<&str> = key.values.as_deref()?.split(", ").collect();
    let columns: Vec<&str> = key.columns.split(", ").collect();
    let equal = columns
        .iter()
        .zip(&values)
        .map(|(column, value)| format!("{column} = {}", quote_literal(value)));
    let equal: Vec<String> = equal.collect();
    (columns.len() == values.len()).then(|| equal.join(" and "))
}

async fn is_primary(world: &World, side: Side, (schema, entry): (&str, &Entry)) -> Result<bool> {
    let sql = "select indisprimary from pg_index \
               join pg_class on pg_class.oid = indexrelid \
               join pg_namespace on pg_namespace.oid = relnamespace \
               where nspname = $1 and relname = $2";
    let client = world.session(side.into()).await?;
    let index = entry.index().unwrap_or_default();
    let row = client.query_opt(sql, &[&schema, &index]).await?;
    Ok(row.map_or(Ok(false), |row| row.try_get(0))?)
}

/// Columns that were added on the publisher alone.
async fn columns(
    world: &World,
    publisher: Side,
    ((schema, table), entry): ((&str, &str), &Entry),
) -> Result<Repair> {
    let sql = "select format_type(atttypid, atttypmod) from pg_attribute \
               join pg_class on pg_class.oid = attrelid \
               join pg_namespace on pg_namespace.oid = relnamespace \
               where nspname = $1 and relname = $2 and attname = $3 and not attisdropped";
    let client = world.session(publisher.into()).await?;
    let mut statements = Vec::new();
    for column in entry.missing_columns() {
        let Some(row) = client.query_opt(sql, &[&schema, &table, &column]).await? else {
            continue;
        };
        let of_type: String = row.try_get(0)?;
        statements.push(format!(
            "alter table {} add column {} {of_type};",
            qualified(schema, table),
            quote_identifier(column)
        ));
    }
    Ok(Repair {
        statements,
        advice: format!(
            "The {publisher} has columns that the {} lacks: add them there as well.",
            publisher.other()
        ),
        key: None,
    })
}

/// What to do next, with the statements to copy.
pub(super) fn text((name, enabled): (&str, bool), entry: &Entry, repair: &Repair) -> String {
    let last: Vec<String> = (!enabled).then(|| enable(name)).into_iter().collect();
    let mut text = format!("{}\n", repair.advice);
    let lines = [repair.statements.clone(), last.clone()].concat();
    if !lines.is_empty() {
        text.push_str(&block(&lines));
    }
    if let Some(lsn) = entry.finished_at() {
        let skip = format!(
            "alter subscription {} skip (lsn = {});",
            quote_identifier(name),
            quote_literal(lsn)
        );
        text.push_str(&format!(
            "Or have that whole transaction left out, with ALL its changes, which are then \
             missing for good:\n{}",
            block(&[vec![skip], last].concat())
        ));
    }
    text.push_str(
        "Then run the same command again. Nothing is lost meanwhile: the WAL is kept for it.",
    );
    text
}

/// Has the worker run again.
pub(super) fn enable(subscription: &str) -> String {
    format!(
        "alter subscription {} enable;",
        quote_identifier(subscription)
    )
}

/// Statements to copy; the databases on both sides are read-only by default at times.
pub(super) fn block(statements: &[String]) -> String {
    let first = "  set default_transaction_read_only = off;\n".to_owned();
    let rest = statements.iter().map(|sql| format!("  {sql}\n"));
    std::iter::once(first).chain(rest).collect()
}
