//! The user that a server runs as: PostgreSQL refuses to run as root.
//! It never changes the user of this process, only that of programs it starts.

use serde::{Deserialize, Serialize};

use super::program::{self, Program};
use crate::error::{Error, Result};

/// Tried in this order. The first comes with PostgreSQL's packages, the second with every system.
const NAMES: [&str; 2] = ["postgres", "nobody"];

/// An unprivileged user of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// The user to run servers as, or `None` when this process is one already.
    pub(super) async fn unprivileged() -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        for name in NAMES {
            if let (Some(uid), Some(gid)) = (number("-u", name).await, number("-g", name).await) {
                return Ok(Some(Self {
                    name: name.to_owned(),
                    uid,
                    gid,
                }));
            }
        }
        Err(Error::refused(
            "PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as",
            "Create one, for example with `useradd --system postgres`, or run this as another user.",
        ))
    }
}

/// Asks `id`, because users may come from elsewhere than `/etc/passwd`.
async fn number(which: &str, name: &str) -> Option<u32> {
    let id = Program::new("id", None).args([which, name]);
    let output = id.output(program::QUICK).await.ok()?;
    let uid: u32 = String::from_utf8(output.stdout).ok()?.trim().parse().ok()?;
    (output.status.success() && uid != 0).then_some(uid)
}
