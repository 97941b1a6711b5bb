//! What really happened: statements from a server's log, arguments from a stand-in for a program.
//! Never reads what the program under test says about itself.

use crate::support::scratch::Scratch;
use crate::support::tools;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A session as a server's log tells it: its application, and its statements in order.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) application: String,
    pub(super) statements: Vec<String>,
}

/// Every session of a log that was written with `@%p|%a@` before each entry.
pub(super) fn sessions(log: &str) -> Vec<Session> {
    let mut by_pid: BTreeMap<&str, Session> = BTreeMap::new();
    for entry in entries(log) {
        let Some((prefix, message)) = entry.split_once('@') else {
            continue;
        };
        let Some((pid, application)) = prefix.split_once('|') else {
            continue;
        };
        let Some(statement) = statement(message) else {
            continue;
        };
        let session = by_pid.entry(pid).or_default();
        application.clone_into(&mut session.application);
        session.statements.push(statement);
    }
    by_pid.into_values().collect()
}

/// An entry goes on in lines that begin with a tab.
fn entries(log: &str) -> impl Iterator<Item = &str> {
    log.split("\n@").map(|entry| entry.trim_start_matches('@'))
}

fn statement(message: &str) -> Option<String> {
    let message = message.strip_prefix("LOG:  ")?;
    let text = match message.strip_prefix("statement: ") {
        Some(text) => text,
        None => message.strip_prefix("execute ")?.split_once(": ")?.1,
    };
    Some(text.replace("\n\t", "\n").trim_end().to_owned())
}

/// A folder with programs that write their arguments down, then become PostgreSQL's own.
pub(super) struct StandIns {
    folder: PathBuf,
}

impl StandIns {
    /// Makes stand-ins for the client programs of `major`, in the scratch folder.
    pub(super) fn new(scratch: &Scratch, major: u32) -> Self {
        let folder = scratch.path().join("stand-ins");
        std::fs::create_dir(&folder).expect("the folder is ours");
        for program in ["pg_dump", "pg_restore"] {
            let path = folder.join(program);
            let script = format!(
                "#!/bin/sh\n{{ printf '%s\\0' \"$@\"; printf '\\1'; }} >>'{0}.arguments'\n\
                 exec '{1}' \"$@\"\n",
                path.display(),
                tools(major).join(program).display()
            );
            std::fs::write(&path, script).expect("the folder is ours");
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&path, mode).expect("the file is ours");
        }
        Self { folder }
    }

    /// Where they are: for `--set copy.tools=…`.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The arguments of every run of a program, in order, but for those that only asked it
    /// something.
    pub(super) fn runs(&self, program: &str) -> Vec<Vec<String>> {
        let path = self.folder.join(format!("{program}.arguments"));
        let text = std::fs::read_to_string(path).expect("the program was run");
        let runs = text.split_terminator('\u{1}').map(|run| {
            let arguments = run.split_terminator('\0').map(str::to_owned);
            arguments.collect::<Vec<_>>()
        });
        runs.filter(|run| !run.iter().any(|word| QUESTIONS.contains(&&**word)))
            .collect()
    }
}

/// What only asks a program: its version, or what is in a dump.
const QUESTIONS: [&str; 2] = ["--version", "--list"];

/// The words of a printed command line, quoted as for a shell; a hole such as `<all of it>` is part
/// of a word.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quoted, mut hole) = (false, false);
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        let word = words.last_mut().expect("there is always one");
        match c {
            '<' | '>' if !quoted => {
                hole = c == '<';
                word.push(c);
            }
            c if hole => word.push(c),
            '\'' => quoted = !quoted,
            '\\' if !quoted => word.extend(characters.next()),
            ' ' if !quoted => words.push(String::new()),
            c => word.push(c),
        }
    }
    words
}
