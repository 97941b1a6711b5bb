//! Running the programs that make, start and fill a server.
//! It never passes on this process's environment, where secrets may be.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::account::Account;
use crate::error::{Error, Result};

/// For programs that only answer a question.
pub(super) const QUICK: Duration = Duration::from_secs(30);

/// A program to run, with its arguments.
pub(super) struct Program {
    name: String,
    command: Command,
}

impl Program {
    /// Prepares a program to run as `account`, or as this process's user. It gets `PATH` and the C
    /// locale, no input, and a process group of its own, because Ctrl+C is for the runner alone.
    pub(super) fn new(path: impl AsRef<Path>, account: Option<&Account>) -> Self {
        let path = path.as_ref();
        let mut command = Command::new(path);
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(account) = account {
            command.uid(account.uid).gid(account.gid);
        }
        let name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned();
        Self { name, command }
    }

    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(super) fn args(mut self, args: impl IntoIterator<Item: AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    pub(super) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(super) fn current_dir(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    pub(super) fn stdin(mut self, stdin: Stdio) -> Self {
        self.command.stdin(stdin);
        self
    }

    pub(super) fn stdout(mut self, stdout: Stdio) -> Self {
        self.command.stdout(stdout);
        self
    }

    /// Runs it to its end, whatever that is.
    pub(super) async fn output(mut self, limit: Duration) -> Result<Output> {
        let next = "Mend the cause, then run the same command again.";
        match timeout(limit, self.command.output()).await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(error)) => {
                Err(Error::failed(format!("cannot run {}", self.name), next).because_of(&error))
            }
            Err(_) => Err(Error::failed(
                format!(
                    "{} did not end within {} s and was stopped",
                    self.name,
                    limit.as_secs()
                ),
                next,
            )),
        }
    }
}

/// What a program printed, for an error.
pub(super) fn said(output: &Output) -> String {
    let text = [&output.stderr[..], &output.stdout[..]].concat();
    String::from_utf8_lossy(&text).trim().to_owned()
}
