//! The ground that tests of throwaway servers stand on: starting them from other processes, asking
//! them, watching their processes. It never starts one in this process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use pg_dbmigrator::embedded::{self, Listed, Server, Side, Wanted};
use rustix::process::Pid;

use crate::support::{programs, tools};

/// How long a test waits for something that takes a fraction of it.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// The variable that tells a process which server to start, and for which state directory.
pub(super) const CALL: &str = "EMBEDDED_CALL";
/// Begins the line with the server that a process started.
pub(super) const STARTED: &str = "started ";

/// A state directory, whose servers go with it.
pub(super) struct State(tempfile::TempDir);

impl State {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).expect("the folder is ours");
        path
    }

    pub(super) fn list(&self) -> Vec<Listed> {
        embedded::list(self.path()).expect("the records can be read")
    }

    pub(super) fn stop(&self) -> Vec<String> {
        block_on(embedded::stop_and_remove(self.path())).expect("the servers can be removed")
    }

    /// A process that starts a server and prints it.
    pub(super) fn starter(&self, wanted: &Wanted) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this test program"));
        let call = serde_json::to_string(&(wanted, self.path())).expect("JSON");
        command
            .args([
                "--exact",
                "--nocapture",
                "embedded::a_process_that_starts_a_server",
            ])
            .env(CALL, call)
            .env("PG_DBMIGRATOR_POSTGRES", installations())
            .env("A_SECRET", "hunter2hunter2")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(super) fn start(&self, wanted: &Wanted) -> Server {
        server(
            &self
                .starter(wanted)
                .output()
                .expect("this test program starts"),
        )
    }

    /// What a start that must fail says.
    pub(super) fn refusal(&self, wanted: &Wanted) -> String {
        let output = self
            .starter(wanted)
            .output()
            .expect("this test program starts");
        assert!(!output.status.success(), "it started: {}", shown(&output));
        shown(&output)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        block_on(embedded::stop_and_remove(self.path())).ok();
    }
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(future)
}

pub(super) fn installations() -> String {
    let folders = [16, 18].map(|major| programs::server(major).display().to_string());
    folders.join(":")
}

pub(super) fn wanted(side: Side, major: u32) -> Wanted {
    Wanted {
        side,
        major: Some(major),
        database: "shop".to_owned(),
        sql: Vec::new(),
        create_database: true,
    }
}

pub(super) fn shown(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

pub(super) fn server(output: &Output) -> Server {
    assert!(output.status.success(), "{}", shown(output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let server = text.lines().find_map(|line| line.strip_prefix(STARTED));
    serde_json::from_str(server.expect("a server")).expect("JSON")
}

pub(super) fn ask(server: &Server, sql: &str) -> String {
    let mut psql = Command::new(tools(18).join("psql"));
    psql.args([
        "-XqAt",
        "-v",
        "ON_ERROR_STOP=1",
        "-d",
        &server.url(),
        "-c",
        sql,
    ]);
    programs::must(&mut psql).trim().to_owned()
}

pub(super) fn main_process(server: &Server) -> Pid {
    let text = fs::read_to_string(server.data_directory.join("postmaster.pid")).expect("it runs");
    let pid = text
        .lines()
        .next()
        .expect("a line")
        .trim()
        .parse()
        .expect("a number");
    Pid::from_raw(pid).expect("not zero")
}

/// Processes that work in a folder, whatever they are.
pub(super) fn processes_in(folder: &Path) -> Vec<u32> {
    let all = fs::read_dir("/proc")
        .expect("these tests need /proc")
        .flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
    })
    .collect()
}

pub(super) fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !happened() {
        assert!(begin.elapsed() < PATIENCE, "it did not happen: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(super) fn kill(mut child: Child) {
    child.kill().expect("it is ours");
    child.wait().expect("it is ours");
}

pub(super) fn path_text(path: &Path) -> &str {
    path.to_str().expect("these tests use plain names")
}
