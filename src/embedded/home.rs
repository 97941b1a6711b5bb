//! A server's directory: its name, its owner, its removal.
//! It never adopts, changes or removes a directory that it did not make.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::account::Account;
use super::cluster::PORT;
use super::program::{self, Program};
use super::record::Record;
use crate::error::{Error, Result};

const PREFIX: &str = "pg_dbmigrator-";
/// `sun_path` holds 104 bytes on macOS and the BSDs and 108 on Linux, with the NUL at the end.
const LONGEST_SOCKET: usize = 103;

const AGAIN: &str = "Mend the cause, then run the same command again.";

/// A name for a new server's directory: below `TMPDIR`, else `/var/tmp`, which outlives a reboot.
pub(super) async fn choose(account: Option<&Account>) -> Result<PathBuf> {
    let mut random = [0; 6];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut random))
        .map_err(|e| {
            Error::failed("cannot make a name for the server's directory", AGAIN).because_of(&e)
        })?;
    let name = random
        .iter()
        .fold(PREFIX.to_owned(), |name, byte| format!("{name}{byte:02x}"));
    let wished = std::env::var_os("TMPDIR").map(PathBuf::from);
    for parent in wished.into_iter().chain(["/var/tmp".into(), "/tmp".into()]) {
        if let Ok(parent) = fs::canonicalize(parent)
            && fits(&parent.join(&name))
            && can_use(&parent, account).await
        {
            return Ok(parent.join(name));
        }
    }
    Err(Error::refused(
        "neither TMPDIR nor /var/tmp nor /tmp can hold an embedded server",
        "Set TMPDIR to a folder with a short path that the user postgres can reach.",
    ))
}

/// Whether the path can stand in `postgresql.conf` and the socket's path is short enough.
fn fits(home: &Path) -> bool {
    let socket = home.join(format!(".s.PGSQL.{PORT}"));
    home.to_str()
        .is_some_and(|path| !path.contains(['\'', '"', ',', '\\', '\n']))
        && socket.as_os_str().len() <= LONGEST_SOCKET
}

async fn can_use(parent: &Path, account: Option<&Account>) -> bool {
    if rustix::fs::access(parent, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return false;
    }
    // A program started in that folder is refused by the system when its user cannot get there.
    let reach = Program::new("true", account).current_dir(parent);
    reach
        .output(program::QUICK)
        .await
        .is_ok_and(|output| output.status.success())
}

/// Makes the server's directory. One that is there already is not ours.
pub(super) fn make(record: &Record) -> Result<()> {
    let home = &record.server.socket_directory;
    let made = DirBuilder::new().mode(0o700).create(home);
    made.map_err(|error| {
        Error::failed("cannot make the embedded server's directory", AGAIN).because_of(&error)
    })
}

/// Gives the directory to the user that the server runs as.
pub(super) fn hand_over(record: &Record) -> std::io::Result<()> {
    let home = &record.server.socket_directory;
    fs::set_permissions(home, fs::Permissions::from_mode(0o700))?;
    match &record.account {
        Some(Account { uid, gid, name: _ }) => chown(home, Some(*uid), Some(*gid)),
        None => Ok(()),
    }
}

/// Whether the directory is there. One that is not what this process or an earlier one made, by its
/// name, its shape or its owner, is an error: nothing in it may be stopped or removed.
pub(super) fn exists(record: &Record) -> Result<bool> {
    let server = &record.server;
    let home = &server.socket_directory;
    let named = home
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
    let foreign = || {
        let what = format!(
            "the embedded {} server's directory is not the one made",
            server.side
        );
        let next = format!(
            "Look at {}; remove it and its record by hand.",
            home.display()
        );
        Err(Error::refused(what, next))
    };
    if !named || server.data_directory != home.join("data") {
        return foreign();
    }
    let metadata = match fs::symlink_metadata(home) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => {
            return Err(
                Error::failed(format!("cannot look at {}", home.display()), AGAIN)
                    .because_of(&error),
            );
        }
    };
    // Between being made and being handed over it is this process's own.
    let owner = metadata.uid();
    let known = owner == rustix::process::geteuid().as_raw()
        || record
            .account
            .as_ref()
            .is_some_and(|account| account.uid == owner);
    if metadata.is_dir() && known {
        Ok(true)
    } else {
        foreign()
    }
}

/// Removes the directory and everything in it.
pub(super) fn remove(record: &Record) -> Result<()> {
    fs::remove_dir_all(&record.server.socket_directory).map_err(|error| {
        let what = format!(
            "cannot remove the embedded {} server's directory",
            record.server.side
        );
        Error::failed(what, AGAIN).because_of(&error)
    })
}
