//! The one temporary folder of a test process, and the watchdog that removes it with all its servers.
//! Never relies on destructors: a killed process and a static cluster have none.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Waits until the test process is gone, however it went, then stops its servers and cleans up.
/// The `read` ends when the last writing end of the pipe is closed, which the kernel does.
const WATCHDOG: &str = r#"
read -r folder
read -r never
for pid in "$folder"/*/data/postmaster.pid; do
    [ -f "$pid" ] && kill -QUIT "$(head -n 1 "$pid")"
done
for pid in "$folder"/*/pgbouncer.pid; do
    [ -f "$pid" ] && kill -KILL "$(head -n 1 "$pid")"
done
for turn in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf "$folder" && break
    sleep 0.2
done
"#;

struct Workplace {
    folder: PathBuf,
    /// Holds the pipe whose end the watchdog waits for.
    _watchdog: Child,
}

/// The folder of this process. Its path is short, because a socket's may have 107 bytes at most,
/// and open to the user that servers run as.
pub(crate) fn folder() -> &'static Path {
    static WORKPLACE: OnceLock<Workplace> = OnceLock::new();
    &WORKPLACE.get_or_init(open).folder
}

fn open() -> Workplace {
    let folder = tempfile::Builder::new()
        .prefix("pgt-")
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir_in("/tmp")
        .expect("/tmp takes a new folder")
        .keep();
    // A process group of its own, so that Ctrl+C in the terminal leaves it to its work.
    let mut watchdog = Command::new("sh")
        .args(["-c", WATCHDOG])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        .process_group(0)
        .spawn()
        .expect("every machine has sh");
    let stdin = watchdog.stdin.as_mut().expect("stdin is a pipe");
    writeln!(stdin, "{}", folder.display()).expect("the watchdog reads");
    Workplace {
        folder,
        _watchdog: watchdog,
    }
}
