//! Performs the copying of tables that are not in the stream, while nobody writes.
//! It copies whole tables through this process; for few and small ones, at the cutover.

use futures_util::{SinkExt, StreamExt, pin_mut};
use tokio_postgres::Client;

use super::by_now;
use crate::effect::world::{Act, Output, World};
use crate::effect::{Side, TableRows};
use crate::error::Result;
use crate::measure::begin;
use crate::postgres::{full_name, qualified, quote_identifier, quote_literal};

/// Triggers and foreign keys have done their work where the rows come from. Superusers may say so, and
/// since 15 whoever was granted it.
const AS_REPLICA: &str = "do $$ begin set local session_replication_role = replica; \
    exception when insufficient_privilege then null; end $$";

/// For who may not say so, a foreign key would remove the rows of other tables that refer to those
/// that are removed here, and triggers would do their work twice. A deferrable key, which is a
/// trigger too, does nothing of the kind.
fn must_set_nothing_off(name: &str) -> String {
    let body = format!(
        "begin if current_setting('session_replication_role') <> 'replica' and exists (\
         select from pg_trigger where tgrelid = {}::regclass and tgenabled in ('O', 'A') \
         and tgfoid <> 'unique_key_recheck'::regproc) then raise exception \
         'this role may not set session_replication_role, and its triggers and foreign keys would \
         act on every row' using errcode = 'insufficient_privilege'; end if; end",
        quote_literal(name)
    );
    format!("do {}", quote_literal(&body))
}

/// What is sent to both sides for a table.
pub(super) fn lines(from: Side, table: &TableRows) -> Vec<String> {
    let [guard, delete, copy_in, copy_out] = statements(table);
    let to = from.other();
    vec![
        format!("{from}: {}", begin()),
        format!("{to}: {}", begin()),
        format!("{to}: {AS_REPLICA}"),
        format!("{to}: {guard}"),
        format!("{to}: {delete}"),
        format!("{from}: {copy_out}"),
        format!("{to}: {copy_in}"),
        format!("{to}: commit"),
        format!("{from}: commit"),
    ]
}

fn statements(table: &TableRows) -> [String; 4] {
    let name = qualified(&table.schema, &table.name);
    let columns: Vec<String> = table.columns.iter().map(|c| quote_identifier(c)).collect();
    let columns = columns.join(", ");
    // Of a table without columns there is no list.
    let listed = match columns.as_str() {
        "" => name.clone(),
        columns => format!("{name} ({columns})"),
    };
    [
        must_set_nothing_off(&name),
        format!("delete from only {name}"),
        format!("copy {listed} from stdin"),
        format!("copy (select {columns} from only {name}) to stdout"),
    ]
}

/// Replaces the rows of every table.
///
/// # Errors
/// What a server says, or that it was stopped.
pub(super) async fn copy(
    world: &World,
    act: Act<'_>,
    (from, tables): (Side, &[TableRows]),
) -> Result<Output> {
    let source = world.session_for(act, from.into()).await?;
    let target = world.session_for(act, from.other().into()).await?;
    let work = async {
        let sides = (&*source, &*target);
        for table in &by_now::tables(sides, by_now::Columns::Stored, tables).await? {
            source.batch_execute(&begin()).await?;
            target.batch_execute(&begin()).await?;
            target.batch_execute(AS_REPLICA).await?;
            let [guard, delete, copy_in, copy_out] = statements(table);
            let emptied = format!("{guard}; {delete}");
            let copied = replace((&source, &copy_out), (&target, [&emptied, &copy_in])).await;
            let name = full_name(&table.schema, &table.name);
            copied.map_err(|error| {
                error.about(format!("the rows of {name} could not be carried over"))
            })?;
        }
        Ok(Output::default())
    };
    world.unless_stopped(work).await
}

async fn replace(
    (source, copy_out): (&Client, &str),
    (target, [empty, copy_in]): (&Client, [&str; 2]),
) -> Result<()> {
    target.batch_execute(empty).await?;
    let rows = source.copy_out(copy_out).await?;
    let sink = target.copy_in(copy_in).await?;
    pin_mut!(rows, sink);
    while let Some(some) = rows.next().await {
        sink.feed(some?).await?;
    }
    sink.finish().await?;
    target.batch_execute("commit").await?;
    Ok(source.batch_execute("commit").await?)
}
