//! Data directories: made once by initdb, kept under `target/`, copied for every cluster.
//! Never starts a server, and never hands one system identifier to two clusters alive in one process.

use super::programs::{as_server_user, must, server};
use super::workplace;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

static IN_USE: Mutex<BTreeSet<(u32, usize)>> = Mutex::new(BTreeSet::new());

/// The right to one template of a major: copies of one template share their system identifier, by
/// which PostgreSQL (and this project) tells servers apart.
pub(crate) struct Identity {
    major: u32,
    number: usize,
}

impl Identity {
    /// Takes the first template of `major` that no living cluster of this process was copied from.
    pub(crate) fn take(major: u32) -> Self {
        let mut in_use = IN_USE
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let number = (0..)
            .find(|n| !in_use.contains(&(major, *n)))
            .expect("numbers do not end");
        in_use.insert((major, number));
        Self { major, number }
    }

    /// Copies the template to `data`, making it first when this checkout has none yet.
    pub(crate) fn copy_to(&self, data: &Path) {
        let version = must(Command::new(server(self.major).join("postgres")).arg("--version"));
        let version = version
            .split_whitespace()
            .nth(2)
            .expect("postgres (PostgreSQL) 15.18");
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("template-{version}-{}", self.number));
        if !kept.join("PG_VERSION").exists() {
            self.make(&kept, data);
        }
        must(
            Command::new("cp")
                .args(["-a", "--reflink=auto"])
                .arg(&kept)
                .arg(data),
        );
    }

    /// Several processes may do this at once: the rename lets exactly one of them win.
    fn make(&self, kept: &Path, data: &Path) {
        let fresh = data.with_extension("template");
        must(
            as_server_user(&server(self.major).join("initdb"))
                .args(["--auth=trust", "--username=postgres", "--encoding=UTF8"])
                .args(["--locale=C.UTF-8", "--no-sync", "--no-instructions", "-D"])
                .arg(&fresh),
        );
        let copy = unique_beside(kept);
        must(Command::new("cp").arg("-a").arg(&fresh).arg(&copy));
        std::fs::remove_dir_all(&fresh).expect("the folder is ours");
        if std::fs::rename(&copy, kept).is_err() {
            std::fs::remove_dir_all(&copy).expect("the folder is ours");
        }
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        let mut in_use = IN_USE
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        in_use.remove(&(self.major, self.number));
    }
}

fn unique_beside(kept: &Path) -> PathBuf {
    let process = workplace::folder()
        .file_name()
        .expect("the folder has a name");
    let name = kept.file_name().expect("the template has a name");
    kept.with_file_name(format!(
        "{}.{}",
        name.to_string_lossy(),
        process.to_string_lossy()
    ))
}
