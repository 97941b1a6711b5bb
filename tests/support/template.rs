//! Data directories: made once by initdb, kept under `target/`, copied for every cluster.
//! Never starts a server, and never hands one system identifier to two clusters alive in one process.

use super::programs::{as_server_user, must, server};
use super::workplace;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// How every template is made; a change of these makes new ones.
const INITDB: [&str; 6] = [
    "--auth=trust",
    "--username=postgres",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--no-sync",
    "--no-instructions",
];

/// The number from which on the servers count their objects: past 2^31, as one that has seen billions
/// of them does. (Those of a package without `pg_resetwal`, and embedded ones, begin at 16384.)
const FIRST_OID: &str = "3000000000";

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
        let mut form = DefaultHasher::new();
        (version, INITDB, FIRST_OID).hash(&mut form);
        let name = format!(
            "template-{}-{:016x}-{}",
            self.major,
            form.finish(),
            self.number
        );
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
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
                .args(INITDB)
                .arg("-D")
                .arg(&fresh),
        );
        let reset = server(self.major).join("pg_resetwal");
        if reset.exists() {
            must(
                as_server_user(&reset)
                    .args(["-o", FIRST_OID, "-D"])
                    .arg(&fresh),
            );
        }
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
