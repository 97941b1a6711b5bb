//! How much room there is for a dump.
//! It never makes the folder that it asks about.

use std::path::Path;

use crate::error::{Error, Result};

/// Bytes free for this user on the file system that holds `folder`, or will: a folder that does
/// not exist yet is where its nearest existing parent is.
///
/// # Errors
///
/// When no parent can be asked.
pub fn free_bytes(folder: &Path) -> Result<u64> {
    let full = std::path::absolute(folder).map_err(|error| unknown(folder, &error))?;
    let existing = full
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(&full);
    let stat = rustix::fs::statvfs(existing).map_err(|error| unknown(folder, &error.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

fn unknown(folder: &Path, error: &std::io::Error) -> Error {
    Error::failed(
        format!("cannot see how much room there is in {}", folder.display()),
        "Make the folder readable, or choose another one.",
    )
    .because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_has_the_room_of_its_parent() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(free_bytes(folder.path()).expect("it exists") > 0);
        assert!(free_bytes(&folder.path().join("a/b")).expect("its parent exists") > 0);
    }
}
