//! Performs what a dump makes after rows and keys: the script that `pg_restore` writes of it, piece by
//! piece, each in a transaction that leaves a mark. A piece is never made twice.

use std::path::PathBuf;

use tokio_postgres::Client;

use super::child::{Invocation, run};
use super::copy_rows::MARKS;
use super::world::{Output, Scene, World};
use super::{Place, Tool};
use crate::error::{Error, Result};
use crate::postgres::quote_literal;

/// What comes after rows, less what was made already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The folder of `pg_restore`.
    pub directory: PathBuf,
    /// What it is told to leave out.
    pub flags: Vec<String>,
    /// OIDs of indexes and constraints that were made already.
    pub made: Vec<u32>,
}

/// How many entries of the script go into one transaction: each may lock a few tables.
const ENTRIES_PER_PIECE: usize = 100;

/// How an entry of the script begins.
const HEADER: &str = "\n--\n-- Name: ";

/// The lines that are printed: the script itself is known only once there is a dump.
pub(super) fn lines(script: &Script) -> Vec<String> {
    let Script {
        directory,
        flags,
        made,
    } = script;
    let mut line = format!(
        "run: {} --section=post-data",
        directory.join(Tool::PgRestore.name()).display()
    );
    for flag in flags {
        line.push_str(&format!(" {flag}"));
    }
    line.push_str(&format!(
        " --use-list=<all but {} that were made> --file=<script> <dump>",
        made.len()
    ));
    vec![line, "target: <script>".to_owned()]
}

/// Makes everything.
///
/// # Errors
/// What `pg_restore` or the server says, or that it was stopped.
pub(super) async fn make(world: &World, scene: Scene<'_>, script: &Script) -> Result<Output> {
    for line in lines(script) {
        world.performed(scene, line);
    }
    let text = written(world, script).await?;
    let step = scene.step.id.as_str();
    let work = async {
        let client = world.open(Place::Target).await?;
        let done: Vec<String> = marks(&client, step).await?;
        for (number, piece) in pieces(&text).into_iter().enumerate() {
            let mark = format!("{step}.{number}");
            if done.contains(&mark) {
                // What it set for the session holds for the pieces after it.
                client.batch_execute(&settings(&piece)).await?;
                continue;
            }
            let leave = format!("insert into {MARKS}.done values ({})", quote_literal(&mark));
            client
                .batch_execute(&format!("begin;\n{piece}\n;{leave}; commit"))
                .await?;
        }
        Ok(Output::default())
    };
    world.unless_stopped(work).await
}

async fn marks(client: &Client, step: &str) -> Result<Vec<String>> {
    let sql = format!("select step from {MARKS}.done where starts_with(step, $1)");
    let rows = client.query(&sql, &[&step]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The script, as `pg_restore` writes it.
async fn written(world: &World, script: &Script) -> Result<String> {
    let list = say(world, script, Vec::new(), "--list").await?;
    let kept = tempfile::NamedTempFile::new_in(world.state.path())
        .map_err(|error| world.state.trouble("cannot write files", &error))?;
    std::fs::write(kept.path(), without(&list, &script.made))
        .map_err(|error| world.state.trouble("cannot write files", &error))?;
    let list = format!("--use-list={}", kept.path().display());
    let flags = script.flags.clone();
    say(world, script, flags, &list).await
}

/// Runs `pg_restore` without a connection, and returns what it writes.
async fn say(
    world: &World,
    script: &Script,
    mut arguments: Vec<String>,
    how: &str,
) -> Result<String> {
    let trouble = |error: &std::io::Error| world.state.trouble("cannot write files", error);
    let file = tempfile::NamedTempFile::new_in(world.state.path()).map_err(|e| trouble(&e))?;
    arguments.extend([
        how.to_owned(),
        "--section=post-data".to_owned(),
        format!("--file={}", file.path().display()),
        world.state.dump().display().to_string(),
    ]);
    let invocation = Invocation {
        program: &script.directory.join(Tool::PgRestore.name()),
        arguments,
        environment: vec![("LC_ALL".into(), "C".into())],
    };
    let mut said = Vec::new();
    let ended = run(invocation, &world.stop, |line| said.push(line.to_owned())).await?;
    if !ended.success() {
        let what = format!("pg_restore could not read the dump ({ended})");
        let next = "Run `pg_dbmigrator abort`, then `pg_dbmigrator apply`.";
        return Err(said
            .into_iter()
            .fold(Error::failed(what, next), Error::because));
    }
    std::fs::read_to_string(file.path()).map_err(|e| trouble(&e))
}

/// The list without the entries of what was made: `3456; 1259 16400 INDEX public name owner` is the
/// index with OID 16400.
fn without(list: &str, made: &[u32]) -> String {
    let is_made = |line: &&str| {
        let mut words = line.split(' ').skip(1);
        let catalog = words.next();
        let oid = words.next().and_then(|oid| oid.parse().ok());
        matches!(catalog, Some("1259" | "2606")) && oid.is_some_and(|oid| made.contains(&oid))
    };
    let lines = list.lines().filter(|line| !is_made(line));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The script in pieces. `psql` alone knows `\restrict`, which newer versions write; anything else
/// may be in the middle of a text, and stays as it is to the last carriage return.
fn pieces(script: &str) -> Vec<String> {
    let for_psql =
        |line: &&str| line.starts_with("\\restrict ") || line.starts_with("\\unrestrict ");
    let lines = script.split_inclusive('\n');
    let sql: String = lines.filter(|line| !for_psql(line)).collect();
    let mut entries = sql.split(HEADER);
    let head = entries.next().unwrap_or_default().to_owned();
    let entries: Vec<String> = entries.map(|entry| format!("{HEADER}{entry}")).collect();
    let mut pieces = vec![head];
    pieces.extend(entries.chunks(ENTRIES_PER_PIECE).map(<[String]>::concat));
    pieces
}

/// What a piece sets for the session.
fn settings(piece: &str) -> String {
    let sets = |line: &&str| line.starts_with("SET ") || line.starts_with("SELECT pg_catalog.set_");
    let lines = piece.lines().filter(sets);
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_left_out_by_its_oid_alone() {
        let list = ";\n1; 1259 10 INDEX public a me\n2; 2606 11 CONSTRAINT public t 10 me\n\
                    3; 0 0 COMMENT public INDEX a me\n4; 2620 10 TRIGGER public t x me\n";
        let kept = ";\n2; 2606 11 CONSTRAINT public t 10 me\n\
                    3; 0 0 COMMENT public INDEX a me\n4; 2620 10 TRIGGER public t x me\n";
        assert_eq!(without(list, &[10]), kept);
    }

    #[test]
    fn a_script_is_cut_between_entries_and_changed_nowhere() {
        let entry =
            |n: usize| format!("\n--\n-- Name: t{n}; Type: TRIGGER\n--\n\nselect 'a\r\n\\b';\n");
        let entries: String = (0..ENTRIES_PER_PIECE + 1).map(entry).collect();
        let script = format!("\\restrict abc\nSET a = 1;\n{entries}\\unrestrict abc\n");
        let pieces = pieces(&script);
        assert_eq!(pieces.len(), 3);
        assert_eq!(pieces.concat(), format!("SET a = 1;\n{entries}"));
        assert_eq!(settings(&pieces[0]), "SET a = 1;");
    }
}
