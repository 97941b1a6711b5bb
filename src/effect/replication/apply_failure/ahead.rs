//! Which tables the next changes in a slot are to, from the publisher, where the subscriber's log
//! cannot be read. It moves no slot, and reads no value of a row.

use std::time::Duration;

use crate::effect::Side;
use crate::effect::world::World;
use crate::error::Result;
use crate::postgres::quote_literal;

/// The walsender of a worker that ended is gone within so many tries.
const TRIES: u32 = 20;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// More tables are no help.
const SHOWN: usize = 5;

/// `public.orders (key id), …`; nothing where that cannot be found out.
pub(super) async fn tables(
    world: &World,
    publisher: Side,
    (slot, publications): (&str, &[String]),
) -> String {
    for _ in 0..TRIES {
        if let Ok(messages) = peek(world, publisher, (slot, publications)).await {
            return described(&messages);
        }
        tokio::time::sleep(PAUSE).await;
    }
    String::new()
}

/// The descriptions of tables (`R`, 82) in the next transaction that changed something, in a
/// session of its own: a large one may take longer than is worth waiting for.
async fn peek(
    world: &World,
    publisher: Side,
    (slot, publications): (&str, &[String]),
) -> Result<Vec<Vec<u8>>> {
    let names: Vec<String> = publications.iter().map(|name| quoted(name)).collect();
    let sql = format!(
        "select data from pg_logical_slot_peek_binary_changes({}, null, 100, \
         'proto_version', '1', 'publication_names', {}) where get_byte(data, 0) = 82",
        quote_literal(slot),
        quote_literal(&names.join(","))
    );
    let client = world.open(publisher.into()).await?;
    client
        .batch_execute("set statement_timeout = '10s'")
        .await?;
    let rows = client.query(&sql, &[]).await?;
    let messages: Result<Vec<Vec<u8>>, _> = rows.iter().map(|row| row.try_get(0)).collect();
    Ok(messages?)
}

/// `publication_names` is a list of identifiers.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn described(messages: &[Vec<u8>]) -> String {
    let mut tables: Vec<String> = Vec::new();
    for table in messages.iter().filter_map(|message| table(message)) {
        if !tables.contains(&table) {
            tables.push(table);
        }
    }
    let more = tables.len() > SHOWN;
    tables.truncate(SHOWN);
    if more {
        tables.push("others".to_owned());
    }
    tables.join(", ")
}

/// A table and its key columns, from a message of type Relation (manual, "Logical Replication
/// Message Formats"): its type, oid, schema, name, replica identity, and every column with flags,
/// name, type and modifier.
fn table(message: &[u8]) -> Option<String> {
    let rest = message.get(5..)?;
    let (schema, rest) = text(rest)?;
    let (name, rest) = text(rest)?;
    let columns = u16::from_be_bytes(*rest.get(1..)?.first_chunk()?);
    let mut rest = rest.get(3..)?;
    let mut key = Vec::new();
    for _ in 0..columns {
        let is_key = *rest.first()? == 1;
        let (column, after) = text(&rest[1..])?;
        if is_key {
            key.push(column);
        }
        rest = after.get(8..)?;
    }
    Some(format!("{schema}.{name} (key {})", key.join(", ")))
}

/// A text up to its NUL, and what follows.
fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
    Some((text, &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_and_its_key_are_read_from_their_description() {
        let message = b"R\0\0\x40\x01public\0t\0d\0\x02\x01id\0\0\0\0\x17\xff\xff\xff\xff\
                        \0note\0\0\0\0\x19\xff\xff\xff\xff";
        assert_eq!(described(&[message.to_vec()]), "public.t (key id)");
        for cut in 0..message.len() {
            assert_eq!(table(&message[..cut]), None);
        }
    }
}
