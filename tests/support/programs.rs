//! Finds the PostgreSQL programs on this machine, by major version.
//! Never fetches or installs any: `tests/postgres-majors.sh` does.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Every major that tests may ask for, oldest first.
const MAJORS: [u32; 4] = [15, 16, 17, 18];

/// The folder with the client programs of `major`, or of the next newer one that has them: pg_dump
/// reads servers older than itself, never newer ones.
pub(crate) fn tools(major: u32) -> PathBuf {
    MAJORS
        .into_iter()
        .filter(|candidate| *candidate >= major)
        .find_map(|candidate| folder_with(candidate, "pg_dump"))
        .unwrap_or_else(|| missing(major))
}

/// The folder with the newest client programs.
pub(crate) fn newest_tools() -> PathBuf {
    tools(MAJORS[MAJORS.len() - 1])
}

/// The folder with the server of `major`.
pub(crate) fn server(major: u32) -> PathBuf {
    folder_with(major, "initdb").unwrap_or_else(|| missing(major))
}

/// A client program that sees nothing of the caller's own PG* settings.
pub(crate) fn client(folder: &Path, program: &str) -> Command {
    without_pg_settings(Command::new(folder.join(program)))
}

/// A program run as the user that a server may run as: PostgreSQL refuses root.
pub(crate) fn as_server_user(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return without_pg_settings(Command::new(program));
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    without_pg_settings(command)
}

/// Runs `command` to its end; panics with what it wrote when it failed.
pub(crate) fn must(command: &mut Command) -> String {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?} failed ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs `command` to its end, whatever its verdict; panics only when it cannot be started.
pub(crate) fn run(command: &mut Command) -> Output {
    command
        .current_dir("/")
        .output()
        .unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"))
}

fn without_pg_settings(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("PG")) {
        command.env_remove(name);
    }
    command
        .env("LC_ALL", "C")
        .stdin(std::process::Stdio::null());
    command
}

fn folder_with(major: u32, program: &str) -> Option<PathBuf> {
    let fetched = std::env::var_os("PG_MAJORS_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/postgres"),
        PathBuf::from,
    );
    let distribution = Path::new("/usr/lib/postgresql");
    // The distribution's own come first: they have TLS, and every extension that it contributes.
    [distribution, fetched.as_path()]
        .map(|root| root.join(major.to_string()).join("bin"))
        .into_iter()
        .filter(|folder| folder.join(program).exists())
        // The user that servers run as may be unable to follow links through the checkout.
        .find_map(|folder| folder.canonicalize().ok())
}

fn missing(major: u32) -> ! {
    panic!("this test needs PostgreSQL {major}: run tests/postgres-majors.sh, which fetches it")
}
