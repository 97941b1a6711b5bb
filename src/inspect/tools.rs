//! The PostgreSQL client programs that are installed on this machine.
//! It never runs more of them than `--version`, and never installs any.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::facts::Toolset;
use crate::error::{Error, Result};

/// Where distributions keep one folder for each major version, and what is below that folder:
/// Debian, PGDG's RPMs, Homebrew on ARM, on Intel and on Linux, MacPorts, Postgres.app.
const VERSIONED: [(&str, &str, &str); 7] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
    ("/opt/local/lib", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// A program that does not print its version in this time will not do better work.
const VERSION_TIMEOUT: Duration = Duration::from_secs(20);

/// Every folder with both `pg_dump` and `pg_restore`, newest first: the configured one alone where
/// there is one, else those of `path` (the value of `PATH`) and of the distributions.
///
/// # Errors
///
/// When the configured folder does not hold both programs.
pub async fn tools(configured: Option<&Path>, path: Option<&OsStr>) -> Result<Vec<Toolset>> {
    if let Some(folder) = configured {
        let found = toolset(folder).await;
        return found
            .map(|tools| vec![tools])
            .ok_or_else(|| no_tools(folder));
    }
    let on_path = path.map(|path| std::env::split_paths(path).collect::<Vec<_>>());
    let folders: BTreeSet<PathBuf> = on_path
        .unwrap_or_default()
        .into_iter()
        .chain(versioned_folders())
        .filter_map(|folder| home_of_programs(&folder))
        .collect();
    let mut found = Vec::new();
    for folder in folders {
        found.extend(toolset(&folder).await);
    }
    found.sort_by_cached_key(|tools| (Reverse(numbers(&tools.version)), tools.directory.clone()));
    Ok(found)
}

/// The folder that a folder's `pg_dump` and `pg_restore` truly are in, following links. Debian's
/// `/usr/bin/pg_dump` is a link to a script that chooses a version by its own rules: it is left
/// out, and what it would choose from is found by itself.
fn home_of_programs(folder: &Path) -> Option<PathBuf> {
    let home = |program: &str| {
        let file = folder.join(program).canonicalize().ok()?;
        let home = file.parent()?.to_path_buf();
        (file.is_file() && file.file_name()? == program).then_some(home)
    };
    let found = home("pg_dump")?;
    (home("pg_restore")? == found).then_some(found)
}

/// The folders of programs that distributions keep for each major version, sorted within each
/// distribution's.
pub(crate) fn versioned_folders() -> Vec<PathBuf> {
    let below = |&(parent, prefix, bin): &(&str, &str, &str)| {
        let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
        let mut folders: Vec<PathBuf> = entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .map(|entry| entry.path().join(bin))
            .collect();
        folders.sort();
        folders
    };
    VERSIONED.iter().flat_map(below).collect()
}

async fn toolset(folder: &Path) -> Option<Toolset> {
    let dump = version(&folder.join("pg_dump")).await?;
    let restore = version(&folder.join("pg_restore")).await?;
    // Two majors in one folder are no set: one's dump may be too new for the other.
    (major(&dump)? == major(&restore)?).then_some(())?;
    Some(Toolset {
        major: major(&dump)?,
        version: dump,
        directory: folder.to_path_buf(),
    })
}

/// Asks a program for its version. It sees none of our environment, which may hold secrets, but
/// for where the system's linker finds libpq.
async fn version(program: &Path) -> Option<String> {
    let mut command = Command::new(program);
    command.arg("--version").env_clear().env("LC_ALL", "C");
    for name in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let output = timeout(VERSION_TIMEOUT, command.output())
        .await
        .ok()?
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    version_in(&text).filter(|_| output.status.success())
}

/// `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` → `15.18`; also `18beta1`.
fn version_in(text: &str) -> Option<String> {
    let rest = text.split_once("(PostgreSQL)")?.1;
    let version = rest.split_whitespace().next()?;
    major(version).map(|_| version.to_owned())
}

fn major(version: &str) -> Option<u32> {
    numbers(version).first().copied()
}

/// The numbers in a version, for comparing: 18.4 is before 18.10.
fn numbers(version: &str) -> Vec<u32> {
    let parts = version.split(|c: char| !c.is_ascii_digit());
    parts.map_while(|part| part.parse().ok()).collect()
}

fn no_tools(folder: &Path) -> Error {
    Error::refused(
        format!(
            "{} does not hold pg_dump and pg_restore of one version",
            folder.display()
        ),
        "Correct copy.tools, or leave it out: the programs are then found by version.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_programs_print() {
        let debian = "pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n";
        assert_eq!(version_in(debian).as_deref(), Some("15.18"));
        assert_eq!(
            version_in("pg_dump (PostgreSQL) 19beta1\n").as_deref(),
            Some("19beta1")
        );
        assert_eq!(version_in("pg_dump: unknown"), None);
        assert_eq!(major("19beta1"), Some(19));
        assert!(numbers("18.10") > numbers("18.4"));
    }
}
