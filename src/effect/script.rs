//! Performs a part of a dump: the script that `pg_restore` writes of it, many entries in a transaction,
//! which leaves a mark where a later run has to know. An entry is never made twice.

use std::collections::BTreeSet;
use std::path::PathBuf;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio_postgres::Client;

use super::child::{Invocation, run};
use super::copy_rows::MARKS;
use super::script_order::{Piece, in_order, side_by_side};
use super::script_parts::{Entry, ScriptPart, pieces};
use super::world::{Act, LetThrough, Output, World};
use super::{Place, Tool};
use crate::error::{Error, Result};
use crate::postgres::quote_literal;

/// A part of a dump, less what was made already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The part.
    pub part: ScriptPart,
    /// The folder of `pg_restore`.
    pub directory: PathBuf,
    /// What it is told to leave out.
    pub flags: Vec<String>,
    /// OIDs of indexes and constraints that were made already.
    pub made: Vec<u32>,
    /// Whether known-harmless errors are warnings (`restore.allow_errors`).
    pub allow_errors: bool,
    /// How many connections make entries side by side, of those that can be.
    pub jobs: u32,
}

/// How often a transaction is tried that another one of the same script shut out.
const TRIES: usize = 5;

/// The SQLSTATE of two that wait for each other.
const DEADLOCK: &str = "40P01";

/// The lines that are printed: the script itself is known only once there is a dump.
pub(super) fn lines(script: &Script) -> Vec<String> {
    let Script {
        part,
        directory,
        flags,
        made,
        allow_errors: _,
        jobs: _,
    } = script;
    let program = directory.join(Tool::PgRestore.name());
    let mut line = format!("run: {} --verbose", program.display());
    for flag in flags {
        line.push_str(&format!(" {flag}"));
    }
    let but = match made.len() {
        0 => String::new(),
        made => format!(" but {made} that are made"),
    };
    line.push_str(&format!(
        " --use-list=<{}{but}> --file=<script> <dump>",
        part.shown()
    ));
    vec![line, "target: <script>".to_owned()]
}

/// Makes it all.
///
/// # Errors
/// What `pg_restore` or the server says, then with the entry that it is about, or that it was
/// stopped.
pub(super) async fn make(world: &World, act: Act<'_>, script: &Script) -> Result<Output> {
    world.performed(act, lines(script));
    let Some((text, list)) = written(world, script).await? else {
        return Ok(Output::default());
    };
    let pieces = pieces(&text, &list);
    let ordered = ordered(script, &pieces.entries);
    let making = Making {
        world,
        act,
        script,
        head: &pieces.head,
    };
    world.unless_stopped(making.all(&ordered)).await
}

/// Before rows there are as many entries as objects, and nothing yet that another one could lock.
fn ordered<'a>(script: &Script, entries: &'a [Entry<'a>]) -> Vec<Piece<'a>> {
    match script.part {
        ScriptPart::BeforeData if script.jobs > 1 => side_by_side(entries),
        // Event triggers are made all at once: one alone would wake for the others.
        part => in_order(entries, part == ScriptPart::EventTriggers),
    }
}

/// A script on its way.
struct Making<'a> {
    world: &'a World,
    act: Act<'a>,
    script: &'a Script,
    head: &'a [&'a str],
}

impl Making<'_> {
    /// Makes every piece as soon as those are made that it stands on, and a connection is free.
    async fn all(&self, pieces: &[Piece<'_>]) -> Result<Output> {
        let mut idle = vec![self.lane().await?];
        let mut lanes = 1;
        let marks = idle[0].marks().await?;
        let mut waiting: Vec<usize> = (0..pieces.len()).collect();
        let mut done = BTreeSet::new();
        let mut warnings = vec![Vec::new(); pieces.len()];
        let mut running = FuturesUnordered::new();
        let mut failure = None;
        loop {
            while failure.is_none() && (!idle.is_empty() || lanes < self.script.jobs) {
                let ready = |number: &usize| pieces[*number].after.is_subset(&done);
                let Some(at) = waiting.iter().position(ready) else {
                    break;
                };
                let number = waiting.remove(at);
                let lane = idle.pop();
                lanes += u32::from(lane.is_none());
                running.push(self.made((number, &pieces[number]), lane, &marks));
            }
            match running.next().await {
                Some(Ok((number, lane, told))) => {
                    done.insert(number);
                    warnings[number] = told;
                    idle.push(lane);
                }
                Some(Err(error)) => failure = failure.or(Some(error)),
                None => break,
            }
        }
        if let Some(error) = failure {
            return Err(error);
        }
        let warnings = warnings.concat();
        let mut output = match warnings.is_empty() {
            true => Output::default(),
            false => Output::of(&LetThrough::SomeErrors),
        };
        output.warnings = warnings;
        Ok(output)
    }

    async fn lane(&self) -> Result<Lane<'_>> {
        let lane = Lane {
            client: self.world.open_for(self.act, Place::Target).await?,
            step: self.act.step.id.as_str(),
            script: self.script,
        };
        lane.set(self.head).await?;
        Ok(lane)
    }

    /// Makes one piece, unless it is there, over a connection that is free, or a new one.
    async fn made<'l>(
        &'l self,
        (number, piece): (usize, &Piece<'_>),
        lane: Option<Lane<'l>>,
        marks: &[String],
    ) -> Result<(usize, Lane<'l>, Vec<String>)> {
        let lane = match lane {
            Some(lane) => lane,
            None => self.lane().await?,
        };
        let mark = format!("{}.{number}", lane.step);
        if marks.contains(&mark) {
            return Ok((number, lane, Vec::new()));
        }
        lane.set(&piece.settings).await?;
        let warnings = lane.piece(piece.entries, &lane.leave(&mark)).await?;
        Ok((number, lane, warnings))
    }
}

/// A connection that makes pieces.
struct Lane<'a> {
    client: Client,
    step: &'a str,
    script: &'a Script,
}

impl Lane<'_> {
    /// Before rows there is no room for marks yet, and after the last step none any more.
    fn leaves_marks(&self) -> bool {
        match self.script.part {
            ScriptPart::BeforeForeignKeys | ScriptPart::AfterForeignKeys => true,
            ScriptPart::BeforeData | ScriptPart::EventTriggers => false,
        }
    }

    fn leave(&self, mark: &str) -> String {
        match self.leaves_marks() {
            true => format!("insert into {MARKS}.done values ({});", quote_literal(mark)),
            false => String::new(),
        }
    }

    async fn marks(&self) -> Result<Vec<String>> {
        if !self.leaves_marks() {
            return Ok(Vec::new());
        }
        let sql = format!("select step from {MARKS}.done where starts_with(step, $1)");
        let rows = self
            .client
            .query(&sql, &[&format!("{}.", self.step)])
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// A server that is older than `pg_restore` may not know a setting, and needs none of those.
    async fn set(&self, settings: &[&str]) -> Result<()> {
        for sql in settings {
            match self.client.batch_execute(sql).await.map_err(Error::from) {
                Err(error) if !error.has_sqlstate("42704") => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// All of it at once, as a rule; entry by entry where that fails, to see which one it is.
    async fn piece(&self, piece: &[Entry<'_>], leave: &str) -> Result<Vec<String>> {
        let text: String = piece.iter().map(|entry| entry.text).collect();
        let whole = format!("begin;\n{text}\n;{leave} commit");
        for _ in 0..TRIES {
            match self.client.batch_execute(&whole).await.map_err(Error::from) {
                Err(error) if self.client.is_closed() => return Err(error),
                Err(error) => {
                    self.client.batch_execute("rollback").await?;
                    if !error.has_sqlstate(DEADLOCK) {
                        break;
                    }
                }
                Ok(()) => return Ok(Vec::new()),
            }
        }
        self.client.batch_execute("begin").await?;
        let mut warnings = Vec::new();
        for entry in piece {
            warnings.extend(self.entry(entry).await?);
        }
        self.client
            .batch_execute(&format!("{leave} commit"))
            .await?;
        Ok(warnings)
    }

    async fn entry(&self, entry: &Entry<'_>) -> Result<Vec<String>> {
        let mut warnings = Vec::new();
        for (sql, may_fail) in entry.statements() {
            self.client.batch_execute("savepoint entry").await?;
            let Err(error) = self.client.batch_execute(sql).await.map_err(Error::from) else {
                continue;
            };
            if !(may_fail && self.script.allow_errors) || self.client.is_closed() {
                return Err(error.at(format!("step {}: {}", self.step, entry.name())));
            }
            self.client
                .batch_execute("rollback to savepoint entry")
                .await?;
            self.set(&entry.settings()).await?;
            let (name, why) = (entry.name(), error.causes().join("\n"));
            let command = sql.split("\n\nSET ").next().unwrap_or(sql).trim();
            warnings.push(format!("{name}: {why}\nCommand was: {command}"));
        }
        Ok(warnings)
    }
}

/// The script as `pg_restore` writes it, and the list of its entries; `None` where there are none.
async fn written(world: &World, script: &Script) -> Result<Option<(String, String)>> {
    let section = format!("--section={}", script.part.section());
    let list = say(world, script, vec![section, "--list".to_owned()]).await?;
    let list = script.part.of(&list, &script.made);
    if list.is_empty() {
        return Ok(None);
    }
    let kept = world.state.passing_file()?;
    std::fs::write(kept.path(), &list)
        .map_err(|error| world.state.trouble("cannot write files", &error))?;
    // Without the section: of a list, comments and privileges that come first would be taken for
    // those of another one.
    let mut flags = script.flags.clone();
    flags.push("--verbose".to_owned());
    flags.push(format!("--use-list={}", kept.path().display()));
    Ok(Some((say(world, script, flags).await?, list)))
}

/// Runs `pg_restore` without a connection, and returns what it writes.
async fn say(world: &World, script: &Script, mut arguments: Vec<String>) -> Result<String> {
    let trouble = |error: &std::io::Error| world.state.trouble("cannot write files", error);
    let file = world.state.passing_file()?;
    arguments.extend([
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
