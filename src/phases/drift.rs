//! Tables of the source that came after the stream was set up, or fell out of it: no comparison of
//! schemas finds them once somebody made them on the target too. It only says how to ask.

use super::Scene;
use crate::inspect::RelationKind;
use crate::postgres::quote_literal;
use crate::resolve::Online;
use crate::streamed::Streamed;

/// SQL that fails, naming them, when there are tables that nobody knew when the plan was made, or
/// tables that should be in the publication and are not: one that was dropped and made again is
/// another table.
pub(super) fn every_table_is_streamed(
    scene: &Scene<'_>,
    online: &Online,
    streamed: &Streamed,
) -> String {
    let relations = scene.facts.source.relations.iter();
    let tables = relations.filter(|relation| relation.kind == RelationKind::Table);
    let known = list(tables.map(|relation| (&relation.schema, &relation.name)));
    let published = list(streamed.tables.iter().map(|(schema, name)| (schema, name)));
    let schemas = scene.selection.excluded_schemas().iter();
    let schemas: Vec<String> = schemas.map(|schema| quote_literal(schema)).collect();
    let excluded = schemas.join(", ");
    let publication = quote_literal(&online.publication);
    let body = format!(
        "declare missing text; begin \
         select string_agg(format('%I.%I', schema, name), ', ' order by schema, name) into missing \
         from ((select n.nspname, c.relname from pg_class c join pg_namespace n \
         on n.oid = c.relnamespace where c.relkind = 'r' and c.relpersistence <> 't' \
         and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' \
         and n.nspname <> all (array[{excluded}]::text[]) and not exists (select from pg_depend d \
         where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e') \
         except select * from {known}) \
         union (select * from {published} \
         except select schemaname, tablename from pg_publication_tables \
         where pubname = {publication})) as found (schema, name); \
         if missing is not null then raise exception \
         'not in the stream, because made or made anew since it was set up: %', missing; end if; \
         end"
    );
    format!("do {}", quote_literal(&body))
}

/// Names as a set of rows, which may be empty.
fn list<'a>(names: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let (schemas, tables): (Vec<String>, Vec<String>) = names
        .map(|(schema, name)| (quote_literal(schema), quote_literal(name)))
        .unzip();
    format!(
        "unnest(array[{}]::text[], array[{}]::text[])",
        schemas.join(", "),
        tables.join(", ")
    )
}
