//! The ground that tests of throwaway servers stand on: having the program start
//! them, asking them, watching their processes. It never starts one in this process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use pg_dbmigrator::embedded::{self, Listed, Server};
use rustix::process::Pid;

use crate::support::tool::PlanFolder;
use crate::support::{Cluster, programs, tools};

/// How long a test waits for something that takes a fraction of it.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// A plan with a throwaway source, and its state directory, whose servers go with it.
pub(super) struct State(PlanFolder);

impl State {
    pub(super) fn new() -> Self {
        Self(PlanFolder::new(""))
    }

    pub(super) fn path(&self) -> PathBuf {
        self.0.state()
    }

    pub(super) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("the folder is ours");
        path
    }

    pub(super) fn list(&self) -> Vec<Listed> {
        embedded::list(&self.path()).expect("the records can be read")
    }

    pub(super) fn stop(&self) -> Vec<String> {
        block_on(embedded::stop_and_remove(&self.path())).expect("the servers can be removed")
    }

    /// The program, about to plan a migration from a throwaway server of `major` with these files,
    /// to a server that is there already.
    pub(super) fn starter(&self, major: u32, sql: &[PathBuf]) -> Command {
        let target = Cluster::shared(18).url("not_there");
        let sql: Vec<&str> = sql.iter().map(|file| path_text(file)).collect();
        self.0.write(&format!(
            "version: 1\nsource:\n  embedded: {{ major: {major}, database: shop, sql: {sql:?} }}\n\
             target:\n  url: \"{target}\"\n"
        ));
        let mut command = self.0.command(&["plan"]);
        command
            .env("PG_DBMIGRATOR_POSTGRES", installations())
            .env("A_SECRET", "hunter2hunter2")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(super) fn start(&self, major: u32) -> Server {
        self.start_with(major, &[])
    }

    pub(super) fn start_with(&self, major: u32, sql: &[PathBuf]) -> Server {
        let output = self.starter(major, sql).output().expect("it starts");
        assert!(output.status.success(), "{}", shown(&output));
        self.server()
    }

    /// The one server there is.
    pub(super) fn server(&self) -> Server {
        let mut all = self.list();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0).server
    }

    /// What a start that must fail says.
    pub(super) fn refusal(&self, major: u32, sql: &[PathBuf]) -> String {
        let output = self.starter(major, sql).output().expect("it starts");
        assert!(!output.status.success(), "it started: {}", shown(&output));
        shown(&output)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        block_on(embedded::stop_and_remove(&self.path())).ok();
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

pub(super) fn shown(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
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
