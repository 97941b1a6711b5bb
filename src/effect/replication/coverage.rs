//! Performs the proof that every table is in the stream: no comparison of schemas finds one that came
//! after it was set up, once somebody made it on the other side too. It puts none into the stream.

use tokio_postgres::Client;

use super::Coverage;
use crate::effect::Side;
use crate::effect::world::{Act, Output, World};
use crate::error::{Error, Exit, Result};
use crate::postgres::{full_name, quote_literal};
use crate::selection::RelationName;

/// What is asked: tables that nobody knew when the plan was made, with all that they are partitions
/// of, and tables that should be in the publication and are not: one that was dropped and made again
/// is another table. Of one that is gone no row can be left.
pub(super) fn question(coverage: &Coverage) -> String {
    let Coverage {
        side: _,
        publication,
        known,
        published,
        patterns: _,
    } = coverage;
    let (known, published, publication) =
        (list(known), list(published), quote_literal(publication));
    format!(
        "select schema, name, array(select an.nspname::text from pg_partition_ancestors(oid) \
         with ordinality as part (relid, at) join pg_class a on a.oid = part.relid \
         join pg_namespace an on an.oid = a.relnamespace order by at), \
         array(select a.relname::text from pg_partition_ancestors(oid) \
         with ordinality as part (relid, at) join pg_class a on a.oid = part.relid order by at) \
         from (select n.nspname::text, c.relname::text, c.oid from pg_class c \
         join pg_namespace n on n.oid = c.relnamespace \
         where c.relkind = 'r' and c.relpersistence <> 't' \
         and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' \
         and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass \
         and d.objid = c.oid and d.deptype = 'e') \
         and (n.nspname::text, c.relname::text) not in (select * from {known}) \
         union all select schema, name, null from {published} as wanted (schema, name) \
         join pg_namespace n on n.nspname = schema \
         join pg_class c on c.relnamespace = n.oid and c.relname = name and c.relkind = 'r' \
         where (schema, name) not in (select schemaname::text, tablename::text \
         from pg_publication_tables where pubname = {publication})) as found (schema, name, oid) \
         order by schema, name"
    )
}

/// Names as a set of rows, which may be empty.
pub(super) fn list(names: &[RelationName]) -> String {
    let (schemas, tables): (Vec<String>, Vec<String>) = names
        .iter()
        .map(|(schema, name)| (quote_literal(schema), quote_literal(name)))
        .unzip();
    format!(
        "unnest(array[{}]::text[], array[{}]::text[])",
        schemas.join(", "),
        tables.join(", ")
    )
}

/// Proves it. A table that the plan's patterns leave behind is no part of the migration.
///
/// # Errors
/// [`Exit::Different`] naming the tables that are missing; what the server says.
pub(super) async fn prove(world: &World, act: Act<'_>, coverage: &Coverage) -> Result<Output> {
    let client = world.session_for(act, coverage.side.into()).await?;
    let missing = world.unless_stopped(missing(&client, coverage)).await?;
    match missing.is_empty() {
        true => Ok(Output::default()),
        false => Err(not_streamed(coverage.side, &missing)),
    }
}

/// The tables that are in no stream.
///
/// # Errors
/// What the server says.
pub(super) async fn missing(client: &Client, coverage: &Coverage) -> Result<Vec<String>> {
    let rows = client.query(&question(coverage), &[]).await?;
    let rules = coverage.patterns.read();
    let mut missing = Vec::new();
    for row in rows {
        let (schema, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let (schemas, names): (Vec<String>, Vec<String>) = (row.try_get(2)?, row.try_get(3)?);
        let table = (schema, name);
        let is_known = coverage.known.contains(&table);
        let all: Vec<RelationName> = [table.clone()]
            .into_iter()
            .chain(schemas.into_iter().zip(names))
            .collect();
        if is_known || !rules.leave_rows(&all) {
            missing.push(full_name(&table.0, &table.1));
        }
    }
    missing.dedup();
    Ok(missing)
}

fn not_streamed(side: Side, missing: &[String]) -> Error {
    Error::new(
        Exit::Different,
        format!(
            "tables of the {side} are not in the stream, because they were made, made anew or \
             renamed after it was set up: {}",
            missing.join(", ")
        ),
        match side {
            Side::Source => {
                "Their rows would stay on the source. Drop those that nobody needs, and give those \
                 that were renamed their old names, on both sides; or start over with \
                 `pg_dbmigrator abort` and `apply`, which carry all that is there by then. A later \
                 table whose name `exclude` leaves out holds up nothing, but \
                 the patterns must stand in the plan from the beginning."
            }
            Side::Target => {
                "Their rows would stay on the target. Carry over by hand what is needed of them and \
                 drop them on both sides; give those that were renamed their old names, there too; or stay on the target: `pg_dbmigrator finalize`."
            }
        },
    )
}
