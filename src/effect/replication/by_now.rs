//! What there is by now of what no stream carries: while it streams for days, schemas are changed on
//! both sides alike. It compares no definitions, and changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Client;

use super::coverage::list;
use super::not_carried;
use crate::effect::world::{Act, World};
use crate::effect::{Measure, Place, TableRows};
use crate::error::Result;
use crate::inspect::RowHash;
use crate::plan::StepId;
use crate::postgres::full_name;
use crate::selection::{Patterns, RelationName};

/// Relations that are asked for with what they belong to.
#[derive(Debug, Clone, Copy)]
pub(in crate::effect) enum Kind {
    /// Sequences, with the tables that own them.
    Sequence,
    /// Materialized views that hold rows.
    MaterializedView,
}

/// What is asked of both sides: relations in the order in which they were made, so that a view comes
/// after what it reads.
pub(in crate::effect) fn relations_question(kind: Kind) -> String {
    let letter = match kind {
        Kind::Sequence => 'S',
        Kind::MaterializedView => 'm',
    };
    format!(
        "select n.nspname::text, c.relname::text, tn.nspname::text, t.relname::text \
         from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid \
         and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0 \
         and d.deptype in ('a', 'i') and c.relkind = 'S' \
         left join pg_class t on t.oid = d.refobjid \
         left join pg_namespace tn on tn.oid = t.relnamespace \
         where c.relkind = '{letter}' and c.relpersistence <> 't' and c.relispopulated \
         and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' \
         and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass \
         and e.objid = c.oid and e.deptype = 'e') order by c.oid"
    )
}

/// What is asked of both sides: the columns of tables, and of those the ones that are not computed.
pub(in crate::effect) fn columns_question(tables: &[TableRows]) -> String {
    let columns = |which: &str| {
        format!(
            "array(select a.attname::text from pg_attribute a where a.attrelid = c.oid \
             and a.attnum > 0 and not a.attisdropped{which} order by a.attname collate \"C\")"
        )
    };
    format!(
        "select n.nspname::text, c.relname::text, {}, {} from {} as wanted (schema, name) \
         join pg_namespace n on n.nspname = wanted.schema \
         join pg_class c on c.relnamespace = n.oid and c.relname = wanted.name \
         and c.relkind in ('r', 'm')",
        columns(""),
        columns(" and a.attgenerated = ''"),
        list(&names(tables))
    )
}

fn names(tables: &[TableRows]) -> Vec<RelationName> {
    let names = tables.iter();
    names
        .map(|table| (table.schema.clone(), table.name.clone()))
        .collect()
}

/// Those that were planned, without what is on neither side any more; then those that came to both
/// since, and that the plan does not leave behind.
///
/// # Errors
/// What a server says.
pub(in crate::effect) async fn relations(
    (here, there): (&Client, &Client),
    kind: Kind,
    (planned, patterns): (&[RelationName], &Patterns),
) -> Result<Vec<RelationName>> {
    let (here, there) = tokio::try_join!(ask(here, kind), ask(there, kind))?;
    let names = |found: &[Found]| -> BTreeSet<RelationName> {
        found.iter().map(|one| one.names[0].clone()).collect()
    };
    let (is_here, is_there) = (names(&here), names(&there));
    let rules = patterns.read();
    let known: BTreeSet<&RelationName> = planned.iter().collect();
    let came = |found: &&Found| {
        let name = &found.names[0];
        !known.contains(name) && is_there.contains(name) && !rules.leave(&found.names)
    };
    let stays = |name: &&RelationName| is_here.contains(*name) || is_there.contains(*name);
    let later = here.iter().filter(came).map(|found| &found.names[0]);
    Ok(planned.iter().filter(stays).chain(later).cloned().collect())
}

/// A relation's name, and then that of the table that owns it.
struct Found {
    names: Vec<RelationName>,
}

async fn ask(client: &Client, kind: Kind) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for row in client.query(&relations_question(kind), &[]).await? {
        let owner: (Option<String>, Option<String>) = (row.try_get(2)?, row.try_get(3)?);
        let mut names = vec![(row.try_get(0)?, row.try_get(1)?)];
        names.extend(owner.0.zip(owner.1));
        found.push(Found { names });
    }
    Ok(found)
}

/// Which columns count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::effect) enum Columns {
    /// Every one.
    All,
    /// Those that are not computed.
    Stored,
}

/// The tables that were planned, with the columns that both sides have by now, and without those
/// tables that are on neither. Rows with other columns than planned are hashed as text, for which any
/// type will do.
///
/// # Errors
/// What a server says.
pub(in crate::effect) async fn tables(
    (here, there): (&Client, &Client),
    which: Columns,
    planned: &[TableRows],
) -> Result<Vec<TableRows>> {
    let question = columns_question(planned);
    let (here, there) = tokio::try_join!(
        columns(here, &question, which),
        columns(there, &question, which)
    )?;
    let by_now = |table: &TableRows| {
        let name = (table.schema.clone(), table.name.clone());
        match (here.get(&name), there.get(&name)) {
            (None, None) => None,
            (Some(here), Some(there)) => Some(with_columns(table, here, there)),
            // The server's own words for what is missing are the best.
            (None, Some(_)) | (Some(_), None) => Some(table.clone()),
        }
    };
    Ok(planned.iter().filter_map(by_now).collect())
}

type ByTable = BTreeMap<RelationName, Vec<String>>;

async fn columns(client: &Client, question: &str, which: Columns) -> Result<ByTable> {
    let column = match which {
        Columns::All => 2,
        Columns::Stored => 3,
    };
    let mut found = ByTable::new();
    for row in client.query(question, &[]).await? {
        let name = (row.try_get(0)?, row.try_get(1)?);
        found.insert(name, row.try_get(column)?);
    }
    Ok(found)
}

/// Where no columns were planned, as for a count, none are needed.
fn with_columns(table: &TableRows, here: &[String], there: &[String]) -> TableRows {
    let both = here.iter().filter(|name| there.contains(name));
    let both: Vec<String> = both.cloned().collect();
    let counted_only = table.hash.is_none() && table.columns.is_empty();
    if counted_only || both == table.columns {
        return table.clone();
    }
    TableRows {
        hash: table.hash.map(|_| RowHash::Text),
        columns: both,
        ..table.clone()
    }
}

/// What there is by now of what was to be measured; of sequences, what the step named carried.
///
/// # Errors
/// What a server says.
pub(in crate::effect) async fn measured(
    world: &World,
    act: Act<'_>,
    (measure, patterns, carried_by): (&Measure, &Patterns, Option<&StepId>),
) -> Result<Measure> {
    let source = world.session_for(act, Place::Source).await?;
    let target = world.session_for(act, Place::Target).await?;
    let sides = (&*source, &*target);
    let mut sequences = Vec::new();
    if let Some(step) = carried_by {
        let not_carried = not_carried(world, step)?;
        let planned = (measure.sequences.as_slice(), patterns);
        sequences = relations(sides, Kind::Sequence, planned).await?;
        sequences.retain(|(schema, name)| !not_carried.contains(&full_name(schema, name)));
    }
    Ok(Measure {
        tables: tables(sides, Columns::All, &measure.tables).await?,
        sequences,
        ..measure.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(hash: Option<RowHash>, columns: &[&str]) -> TableRows {
        TableRows {
            schema: "public".to_owned(),
            name: "t".to_owned(),
            hash,
            columns: texts(columns),
            bytes: 0,
            refreshed: false,
        }
    }

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_table_has_the_columns_that_both_sides_have_and_is_hashed_as_text_where_they_are_new() {
        let planned = table(Some(RowHash::Record), &["a", "b"]);
        let (here, there) = (texts(&["a", "c", "d"]), texts(&["a", "c"]));
        let by_now = with_columns(&planned, &here, &there);
        assert_eq!(by_now, table(Some(RowHash::Text), &["a", "c"]));
        let (here, there) = (texts(&["a", "b", "c"]), texts(&["a", "b"]));
        assert_eq!(with_columns(&planned, &here, &there), planned);
        let counted = table(None, &[]);
        assert_eq!(with_columns(&counted, &here, &there), counted);
        let copied = table(None, &["b"]);
        assert_eq!(with_columns(&copied, &here, &there).columns, ["a", "b"]);
    }
}
