//! Tests of the throwaway servers that a plan may ask for.
//! Every start happens in a process of its own, as it does for a user: that process can be killed.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use pg_dbmigrator::embedded::{self, Listed, Server, Side, Wanted};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::support::{programs, tools};

/// How long a test waits for something that takes a fraction of it.
const PATIENCE: Duration = Duration::from_secs(60);
const CALL: &str = "EMBEDDED_CALL";

/// A state directory, whose servers go with it.
struct State(tempfile::TempDir);

impl State {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).expect("the folder is ours");
        path
    }

    fn list(&self) -> Vec<Listed> {
        embedded::list(self.path()).expect("the records can be read")
    }

    fn stop(&self) -> Vec<String> {
        block_on(embedded::stop_and_remove(self.path())).expect("the servers can be removed")
    }

    /// A process that starts a server and prints it.
    fn starter(&self, wanted: &Wanted) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this test program"));
        let call = serde_json::to_string(&(wanted, self.path())).expect("JSON");
        command
            .args([
                "--ignored",
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

    fn start(&self, wanted: &Wanted) -> Server {
        server(
            &self
                .starter(wanted)
                .output()
                .expect("this test program starts"),
        )
    }

    /// What a start that must fail says.
    fn refusal(&self, wanted: &Wanted) -> String {
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

#[test]
#[ignore = "the other tests run it, in a process of its own"]
fn a_process_that_starts_a_server() {
    let call = std::env::var(CALL).expect("set by the test that runs this");
    let (wanted, state): (Wanted, PathBuf) = serde_json::from_str(&call).expect("JSON");
    match block_on(embedded::start(&wanted, &state)) {
        Ok(server) => {
            let path = state.join("started.json");
            fs::write(&path, serde_json::to_vec(&server).expect("JSON")).expect("it is ours");
            println!("\nstarted {}", path.display());
        }
        Err(error) => panic!("{error}"),
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(future)
}

fn installations() -> String {
    let folders = [16, 18].map(|major| programs::server(major).display().to_string());
    folders.join(":")
}

fn wanted(side: Side, major: u32) -> Wanted {
    Wanted {
        side,
        major: Some(major),
        database: "shop".to_owned(),
        sql: Vec::new(),
        create_database: true,
    }
}

fn shown(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

fn server(output: &Output) -> Server {
    assert!(output.status.success(), "{}", shown(output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let path = text
        .lines()
        .find_map(|line| line.strip_prefix("started "))
        .expect("a server");
    serde_json::from_slice(&fs::read(path).expect("written before")).expect("JSON")
}

fn ask(server: &Server, sql: &str) -> String {
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

fn main_process(server: &Server) -> Pid {
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
fn processes_in(folder: &Path) -> Vec<u32> {
    let all = fs::read_dir("/proc")
        .expect("these tests need /proc")
        .flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
    })
    .collect()
}

fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !happened() {
        assert!(begin.elapsed() < PATIENCE, "it did not happen: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn kill(mut child: Child) {
    child.kill().expect("it is ours");
    child.wait().expect("it is ours");
}

#[test]
fn a_server_starts_answers_and_leaves_nothing_behind() {
    let state = State::new();
    let server = state.start(&wanted(Side::Source, 15));
    assert_eq!(
        ask(&server, "select current_database(), current_user"),
        "shop|postgres"
    );
    assert_eq!(ask(&server, "show wal_level"), "logical");
    assert_eq!(ask(&server, "show listen_addresses"), "");
    assert!(state.list()[0].running);

    let removed = state.stop();
    assert_eq!(removed, ["the embedded source server, PostgreSQL 15"]);
    assert!(!server.socket_directory.exists());
    assert_eq!(processes_in(&server.socket_directory), Vec::<u32>::new());
    assert_eq!(
        fs::read_dir(state.path().join("embedded"))
            .ok()
            .map(Iterator::count),
        None
    );
    assert_eq!(state.stop(), Vec::<String>::new());
}

#[test]
fn a_server_killed_with_its_data_starts_again() {
    let state = State::new();
    let wanted = wanted(Side::Target, 18);
    let server = state.start(&wanted);
    ask(
        &server,
        "create table kept (a int); insert into kept select generate_series(1, 1000)",
    );
    kill_process(main_process(&server), Signal::KILL).expect("it runs");
    wait_until("the server is seen as stopped", || !state.list()[0].running);
    assert_eq!(state.start(&wanted), server);
    assert_eq!(ask(&server, "select count(*) from kept"), "1000");
}

#[test]
fn a_second_start_finds_the_first_server_running() {
    let state = State::new();
    let wanted = wanted(Side::Source, 16);
    let server = state.start(&wanted);
    let pid = main_process(&server);
    assert_eq!(state.start(&wanted), server);
    assert_eq!(main_process(&server), pid);
}

#[test]
fn concurrent_starts_yield_one_server() {
    let state = State::new();
    let wanted = wanted(Side::Source, 15);
    let starters: Vec<Child> = (0..4)
        .map(|_| state.starter(&wanted).spawn().expect("it starts"))
        .collect();
    let outputs = starters
        .into_iter()
        .map(|child| child.wait_with_output().expect("it ends"));
    let servers: Vec<Server> = outputs.map(|output| server(&output)).collect();
    assert!(servers.iter().all(|server| *server == servers[0]));
}

#[test]
fn a_server_runs_as_an_unprivileged_user_with_nothing_of_the_environment() {
    let state = State::new();
    let server = state.start(&wanted(Side::Source, 15));
    let process = format!("/proc/{}", main_process(&server).as_raw_nonzero());
    let status = fs::read_to_string(format!("{process}/status")).expect("it runs");
    let uid = status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .expect("a line");
    assert_ne!(uid.split_whitespace().next(), Some("0"));
    let environment = fs::read(format!("{process}/environ")).expect("it runs");
    assert!(!String::from_utf8_lossy(&environment).contains("hunter2hunter2"));
}

#[test]
fn a_server_outlives_the_process_group_that_started_it() {
    let state = State::new();
    let mut starter = state.starter(&wanted(Side::Source, 15));
    let mut starter = starter.process_group(0).spawn().expect("it starts");
    wait_until("the server is complete", || {
        state.list().first().is_some_and(|one| one.loaded)
    });
    let group = Pid::from_raw(starter.id().try_into().expect("a process id")).expect("not zero");
    // The group may have ended by itself already.
    kill_process_group(group, Signal::KILL).ok();
    starter.wait().expect("it is ours");
    assert_eq!(ask(&state.list()[0].server, "select 1"), "1");
}

#[test]
fn a_failing_sql_file_gives_its_place_and_leaves_nothing_behind() {
    let state = State::new();
    let sql = state.file(
        "broken.sql",
        "select 1;\n\ninsert into nowhere values (1);\n",
    );
    let said = state.refusal(&Wanted {
        sql: vec![sql.clone()],
        ..wanted(Side::Source, 15)
    });
    assert!(said.contains(&format!("at: {}:3", sql.display())), "{said}");
    assert!(
        said.contains("relation \"nowhere\" does not exist"),
        "{said}"
    );
    assert!(state.list().is_empty());
    fs::write(&sql, "create table somewhere (a int);").expect("it is ours");
    let server = state.start(&Wanted {
        sql: vec![sql],
        ..wanted(Side::Source, 15)
    });
    assert_eq!(ask(&server, "select count(*) from somewhere"), "0");
}

#[test]
fn a_load_that_was_killed_is_done_again_from_scratch() {
    let state = State::new();
    let sql = state.file(
        "half.sql",
        "create table t (a int);\nselect pg_sleep(3600);\n",
    );
    let wanted = Wanted {
        sql: vec![sql.clone()],
        ..wanted(Side::Source, 15)
    };
    let starter = state.starter(&wanted).spawn().expect("it starts");
    let mut half = None;
    wait_until("half of the file has run", || {
        half = state.list().pop().filter(|listed| listed.running);
        let Some(Listed { server, .. }) = &half else {
            return false;
        };
        let sleeping = "select 1 from pg_stat_activity where query like '%pg_sleep(3600)%' \
                        and pid <> pg_backend_pid()";
        let url = server.url().replace("/shop?", "/postgres?");
        let mut psql = Command::new(tools(18).join("psql"));
        let output = programs::run(psql.args(["-XqAt", "-d", &url, "-c", sleeping]));
        output.stdout == b"1\n"
    });
    kill(starter);
    let half = half.expect("seen above");
    assert!(!half.loaded);

    fs::write(&sql, "create table t (a int);\n").expect("it is ours");
    let server = state.start(&wanted);
    assert_eq!(ask(&server, "select count(*) from t"), "0");
    assert_ne!(server.socket_directory, half.server.socket_directory);
    assert!(!half.server.socket_directory.exists());
    assert_eq!(
        processes_in(&half.server.socket_directory),
        Vec::<u32>::new()
    );
}

#[test]
fn a_start_killed_at_any_moment_leaks_nothing() {
    let state = State::new();
    let wanted = wanted(Side::Source, 15);
    for entries in [0, 1, 5, 15, 22, 24] {
        let starter = state.starter(&wanted).spawn().expect("it starts");
        let mut seen = None;
        wait_until("the directory fills", || {
            seen = state.list().pop().or(seen.take());
            let Some(Listed { server, .. }) = &seen else {
                return false;
            };
            let data = fs::read_dir(&server.data_directory);
            data.map_or(0, Iterator::count) >= entries
        });
        kill(starter);
        state.stop();
        let directory = seen.expect("seen above").server.socket_directory;
        assert!(!directory.exists(), "left behind after {entries} entries");
        assert_eq!(processes_in(&directory), Vec::<u32>::new());
    }
}

#[test]
fn a_missing_major_says_what_to_install_and_what_there_is() {
    let said = State::new().refusal(&wanted(Side::Source, 14));
    assert!(
        said.contains("needs PostgreSQL 14; found here: 15, 16, 18"),
        "{said}"
    );
    assert!(said.contains("apt-get install postgresql-14"), "{said}");
}

#[test]
fn an_edited_wish_is_refused_with_was_and_now() {
    let state = State::new();
    state.start(&wanted(Side::Source, 15));
    let said = state.refusal(&wanted(Side::Source, 16));
    assert!(said.contains("major: was 15, now 16"), "{said}");
}

#[test]
fn the_demo_shop_is_the_same_on_the_oldest_and_the_newest_major() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/demo");
    let sql = ["shop.sql", "trade.sql", "house_rules.sql"]
        .map(|name| demo.join(name))
        .to_vec();
    let state = State::new();
    let sums = [(Side::Source, 15), (Side::Target, 18)].map(|(side, major)| {
        let server = state.start(&Wanted {
            sql: sql.clone(),
            ..wanted(side, major)
        });
        ask(
            &server,
            "set timezone = 'UTC'; \
             select count(*), sum(hashtextextended(o::text, 0)) from orders o \
             union all select count(*), sum(hashtextextended(l::text, 0)) from order_lines l \
             union all select count(*), sum(hashtextextended(c::text, 0)) from customers c \
             union all select count(*), sum(hashtextextended(p::text, 0)) from products p \
             union all select count(*), sum(hashtextextended(m::text, 0)) from monthly_sales m \
             order by 1 desc",
        )
    });
    assert!(sums[0].contains("\n60000|"), "{}", sums[0]);
    assert_eq!(sums[0], sums[1]);
}
