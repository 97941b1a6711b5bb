//! The built program, run on a plan file in a folder of its own.
//! It never uses the library, and the program sees none of the caller's PG* settings.

use super::programs::{client, run, tools};
use super::workplace;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder with one plan file, which is also where its state directory comes to be. Removed with
/// the workplace.
pub(crate) struct PlanFolder {
    folder: PathBuf,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit code; `None` when a signal ended it.
    pub(crate) exit: Option<i32>,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it said on standard error.
    pub(crate) stderr: String,
}

impl PlanFolder {
    /// A new folder with `migrate.yaml` in it.
    pub(crate) fn new(plan: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = workplace::folder().join(format!("plan-{number}"));
        std::fs::create_dir(&folder).expect("the number is new");
        let new = Self { folder };
        new.write(plan);
        new
    }

    /// Writes the plan file anew.
    pub(crate) fn write(&self, plan: &str) {
        std::fs::write(self.plan(), plan).expect("the folder is ours");
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// The plan file.
    pub(crate) fn plan(&self) -> PathBuf {
        self.folder.join("migrate.yaml")
    }

    /// The state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join("migrate.state")
    }

    /// The program, with its arguments and the plan file after them; not started yet. It finds the
    /// client programs of every major on its PATH.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_pg_dbmigrator"));
        let folder = program.parent().expect("a program lies in a folder");
        let name = program.file_name().expect("a program has a name");
        let mut command = client(folder, &name.to_string_lossy());
        let known = [15, 16, 18].map(tools);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = known.into_iter().chain(std::env::split_paths(&path));
        let path = std::env::join_paths(path).expect("no folder has a colon in its name");
        command.args(arguments).arg(self.plan()).env("PATH", path);
        command
    }

    /// Runs the program to its end: `run(&["apply", "--yes"])`.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let output = run(&mut self.command(arguments));
        Ran {
            exit: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs `apply --yes` to its end.
    pub(crate) fn apply(&self) -> Ran {
        self.run(&["apply", "--yes"])
    }
}

impl Ran {
    /// Panics with all that was said unless the run ended with `exit` and its standard error holds
    /// every one of `words`.
    #[track_caller]
    pub(crate) fn must_end(&self, exit: i32, words: &[&str]) {
        let missing: Vec<_> = words
            .iter()
            .filter(|w| !self.stderr.contains(**w))
            .collect();
        assert!(
            self.exit == Some(exit) && missing.is_empty(),
            "expected exit {exit}, got {:?}; not said: {missing:?}\n{}\n{}",
            self.exit,
            self.stdout,
            self.stderr
        );
    }

    /// Panics with standard output unless it holds `words`.
    #[track_caller]
    pub(crate) fn must_tell(&self, words: &str) {
        assert!(self.stdout.contains(words), "{words}?\n{}", self.stdout);
    }
}
