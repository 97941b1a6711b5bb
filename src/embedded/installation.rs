//! Finding the PostgreSQL installations of this machine, by major version.
//! It never installs anything.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::account::Account;
use super::program::{self, Program};
use crate::error::{Error, Result};
use crate::inspect::versioned_folders;

/// Names more folders to look in, separated by colons. They come first.
const VARIABLE: &str = "PG_DBMIGRATOR_POSTGRES";

const SERVER_PROGRAMS: [&str; 3] = ["postgres", "initdb", "pg_ctl"];
const CLIENT_PROGRAMS: [&str; 2] = ["psql", "createdb"];

/// Server programs of one major version.
pub(super) struct Installation {
    pub(super) major: u32,
    pub(super) bin: PathBuf,
}

/// The first installation of this major version, or of the newest one there is, that `account` can
/// run.
pub(super) async fn choose(major: Option<u32>, account: Option<&Account>) -> Result<Installation> {
    let mut usable = Vec::new();
    let mut unusable = Vec::new();
    for bin in folders() {
        if !has(&bin, &SERVER_PROGRAMS) {
            continue;
        }
        match version(&bin, account).await {
            Ok(major) => usable.push(Installation { major, bin }),
            Err(error) => unusable.push((bin, error)),
        }
    }
    let found: BTreeSet<u32> = usable
        .iter()
        .map(|installation| installation.major)
        .collect();
    let wanted = major.or(found.last().copied());
    usable
        .into_iter()
        .find(|installation| Some(installation.major) == wanted)
        .ok_or_else(|| missing(major, &found, &unusable))
}

/// The folder of `psql` and `createdb`: beside the server's programs, else the first there is.
pub(super) fn client_folder(beside: &Path) -> Result<PathBuf> {
    std::iter::once(beside.to_owned())
        .chain(folders())
        .chain(search_path())
        .find(|folder| has(folder, &CLIENT_PROGRAMS))
        .ok_or_else(|| {
            Error::refused(
                "psql and createdb were not found; they fill an embedded server",
                format!(
                    "Install them, for example with `apt-get install postgresql-client`, or name \
                     their folder in {VARIABLE}."
                ),
            )
        })
}

/// Every folder that may hold server programs, in order of preference.
fn folders() -> Vec<PathBuf> {
    let named = env::var_os(VARIABLE).map(|list| env::split_paths(&list).collect::<Vec<_>>());
    // A link on PATH, as Homebrew makes, leads to the folder where the programs are all together.
    let on_path = search_path().into_iter().filter_map(|folder| {
        let initdb = fs::canonicalize(folder.join("initdb")).ok()?;
        Some(initdb.parent()?.to_owned())
    });
    let installed = versioned_folders();
    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in named.into_iter().flatten().chain(on_path).chain(installed) {
        if let Ok(folder) = fs::canonicalize(folder)
            && !folders.contains(&folder)
        {
            folders.push(folder);
        }
    }
    folders
}

fn search_path() -> Vec<PathBuf> {
    env::var_os("PATH").map_or_else(Vec::new, |path| env::split_paths(&path).collect())
}

fn has(folder: &Path, programs: &[&str]) -> bool {
    programs
        .iter()
        .all(|program| folder.join(program).is_file())
}

/// Asks the server program itself, as the user that will run it: it may be out of that user's reach.
async fn version(bin: &Path, account: Option<&Account>) -> Result<u32> {
    let postgres = Program::new(bin.join("postgres"), account).arg("--version");
    let output = postgres.output(program::QUICK).await?;
    let said = program::said(&output);
    output
        .status
        .success()
        .then(|| major(&said))
        .flatten()
        .ok_or_else(|| {
            Error::failed("`postgres --version` failed", "Install it again.").because(said)
        })
}

/// Reads `postgres (PostgreSQL) 15.20 (Debian 15.20-0)`, and `18beta1` and `19devel` in its place.
fn major(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL) ")?.1;
    number
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

fn missing(major: Option<u32>, found: &BTreeSet<u32>, unusable: &[(PathBuf, Error)]) -> Error {
    let found: Vec<String> = found.iter().map(u32::to_string).collect();
    let what = match major {
        Some(major) if !found.is_empty() => format!(
            "an embedded server needs PostgreSQL {major}; found here: {}",
            found.join(", ")
        ),
        Some(major) => format!("an embedded server needs PostgreSQL {major}; none was found here"),
        None => "an embedded server needs PostgreSQL; none was found here".to_owned(),
    };
    let (debian, homebrew) = major.map_or_else(
        || ("postgresql".to_owned(), "postgresql@18".to_owned()),
        |major| (format!("postgresql-{major}"), format!("postgresql@{major}")),
    );
    let next = format!(
        "Install it, for example with `apt-get install {debian}` (from apt.postgresql.org where the \
         distribution has another version) or `brew install {homebrew}`; or name the folder that \
         holds initdb in {VARIABLE}; or change `embedded.major`."
    );
    unusable
        .iter()
        .fold(Error::refused(what, next), |error, (bin, why)| {
            error.because(format!("{} cannot be used: {}", bin.display(), why.what()))
        })
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_is_read_from_releases_and_previews() {
        assert_eq!(
            major("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("postgres (PostgreSQL) 19devel"), Some(19));
        assert_eq!(major("something else"), None);
    }
}
