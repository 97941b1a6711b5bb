//! A copy of the checkout's plans in a folder of its own, to run the built program in as a user
//! would. It never leaves a throwaway server of a plan behind, unless the test process is killed.

use super::programs::{client, tools};
use super::tool::Ran;
use super::workplace;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The copy.
pub(crate) struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// Copies these files and folders of the checkout.
    pub(crate) fn with(parts: &[&str]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = workplace::folder().join(format!("scratch-{number}"));
        std::fs::create_dir(&folder).expect("the number is new");
        let new = Self { folder };
        for part in parts {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(part);
            copy(&from, &new.folder.join(part));
        }
        new
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// A command in the copy, with the built program and the client programs of every major on its
    /// PATH, and nothing of the caller's PG* settings.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let built = Path::new(env!("CARGO_BIN_EXE_pg_dbmigrator"));
        let folder = built.parent().expect("a program lies in a folder");
        let mut command = client(Path::new(""), program);
        let known = std::iter::once(folder.to_owned()).chain([15, 16, 18].map(tools));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(known.chain(std::env::split_paths(&path)));
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("PATH", path.expect("no folder has a colon in its name"))
            // The watchdog stops what it finds there.
            .env("TMPDIR", workplace::folder());
        command
    }

    /// Runs the built program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command("pg_dbmigrator", arguments);
        ran(&mut command)
    }

    /// Every state directory in the copy, with its plan.
    fn states(&self) -> Vec<(PathBuf, PathBuf)> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path
                    .extension()
                    .is_some_and(|extension| extension == "state")
                {
                    found.push((path.with_extension("yaml"), path));
                } else if path.is_dir() {
                    folders.push(path);
                }
            }
        }
        found
    }
}

/// Runs a command to its end.
pub(crate) fn ran(command: &mut Command) -> Ran {
    let output = command.output().expect("the program starts");
    Ran {
        exit: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for (plan, _) in self.states() {
            let plan = plan.display().to_string();
            if self.run(&["finalize", "--yes", &plan]).exit != Some(0) {
                self.run(&["abort", "--yes", &plan]);
            }
        }
        std::fs::remove_dir_all(&self.folder).unwrap_or_default();
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().expect("it lies in the copy")).expect("the copy is ours");
    if from.is_file() {
        std::fs::copy(from, to).unwrap_or_else(|e| panic!("{}: {e}", from.display()));
        return;
    }
    std::fs::create_dir_all(to).expect("the copy is ours");
    let entries = std::fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display()));
    for entry in entries {
        let path = entry.expect("it can be listed").path();
        if path
            .extension()
            .is_none_or(|extension| extension != "state")
        {
            copy(
                &path,
                &to.join(path.file_name().expect("an entry has a name")),
            );
        }
    }
}
