//! What the tests of interruptions stand on: a small source, a target of their own, the program,
//! and the question whether anything of a run is left. Never migrates by other means.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::support::compare::{Database, Facts, between, seen};
use crate::support::tool::{PlanFolder, Ran};
use crate::support::{Cluster, data, wait_until};

/// The name of the database on every target.
pub(crate) const TARGET: &str = "small_moved";

/// What stays in a state directory between two runs, at most.
const KEPT: [&str; 6] = [
    "events.jsonl",
    "facts.json",
    "journal.jsonl",
    "lock",
    "log",
    "report.json",
];

/// A plan between a source that tests share and a target of its own.
pub(crate) struct Lane {
    pub(crate) source: &'static Cluster,
    pub(crate) target: Cluster,
    pub(crate) folder: PlanFolder,
    database: String,
}

/// The source that nobody writes to, and what the check sees of it.
fn small() -> &'static (String, Facts) {
    static SMALL: OnceLock<(String, Facts)> = OnceLock::new();
    SMALL.get_or_init(|| {
        let cluster = Cluster::shared(15);
        let name = cluster.create_database("small");
        cluster.load(&name, &data("small.sql"));
        let facts = seen(Database::on(cluster, &name));
        (name, facts)
    })
}

/// The text of a plan in `plans/`.
pub(crate) fn plan(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("plans")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

impl Lane {
    /// The small source, an empty target server, and this plan.
    pub(crate) fn new(plan: &str) -> Self {
        Self {
            source: Cluster::shared(15),
            target: Cluster::start(15),
            folder: PlanFolder::new(plan),
            database: small().0.clone(),
        }
    }

    /// The source database's name.
    pub(crate) fn source_name(&self) -> &str {
        &self.database
    }

    /// The program, with the plan and its endpoints.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let source = format!("SOURCE={}", self.source.url(&self.database));
        let target = format!("TARGET={}", self.target.url(TARGET));
        let all = [arguments, &["--var", &source, "--var", &target]].concat();
        let mut command = self.folder.command(&all);
        command.current_dir("/");
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ran(&mut self.command(arguments))
    }

    /// `apply --yes`, to its end.
    pub(crate) fn apply(&self) -> Ran {
        self.run(&["apply", "--yes"])
    }

    /// `apply --yes`, killed at the crash point with this number, if there are that many.
    pub(crate) fn apply_until(&self, point: u64) -> Ran {
        let mut command = self.command(&["apply", "--yes"]);
        ran(command.env("PG_DBMIGRATOR_DIE_AT", point.to_string()))
    }

    /// `apply --yes`, in the background.
    pub(crate) fn start(&self) -> Child {
        let mut command = self.command(&["apply", "--yes"]);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program is built")
    }

    /// Applies again, panics unless that ends well, and unless the target is equal.
    #[track_caller]
    pub(crate) fn must_complete_equal(&self) {
        self.apply().must_end(0, &[]);
        self.must_be_equal();
        self.nothing_is_left();
    }

    /// Panics with everything in which the target differs from the source.
    #[track_caller]
    pub(crate) fn must_be_equal(&self) {
        let source = match self.database == small().0 {
            true => small().1.clone(),
            false => seen(Database::on(self.source, &self.database)),
        };
        let differences = between(&source, &self.seen());
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }

    /// What the check sees of the target.
    pub(crate) fn seen(&self) -> Facts {
        seen(Database::on(&self.target, TARGET))
    }

    /// The journal, line by line.
    pub(crate) fn journal(&self) -> Vec<String> {
        let text = std::fs::read(self.folder.state().join("journal.jsonl")).unwrap_or_default();
        String::from_utf8_lossy(&text)
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Puts another journal in place of the one that is there.
    pub(crate) fn write_journal(&self, bytes: &[u8]) {
        std::fs::write(self.folder.state().join("journal.jsonl"), bytes).expect("ours");
    }

    /// Panics when a program, a session or a file of any run is left.
    #[track_caller]
    pub(crate) fn nothing_is_left(&self) {
        let programs = || programs(&self.folder.state());
        wait_until("every program to be gone", || programs().is_empty());
        let name = application_name(&self.journal());
        let sql =
            format!("select count(*) from pg_stat_activity where application_name = '{name}'");
        for cluster in [self.source, &self.target] {
            wait_until("every session to be gone", || {
                cluster.psql("postgres", &sql) == "0"
            });
        }
        let entries = std::fs::read_dir(self.folder.state()).expect("it is there");
        let names: BTreeSet<String> = entries
            .map(|entry| {
                entry
                    .expect("it is ours")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .filter(|name| !KEPT.contains(&name.as_str()))
            .collect();
        assert!(names.is_empty(), "left in the state directory: {names:?}");
    }

    /// As before the first run: no state, no database, no roles.
    pub(crate) fn start_over(&self) {
        if self.folder.state().exists() {
            std::fs::remove_dir_all(self.folder.state()).expect("ours");
        }
        self.target.psql(
            "postgres",
            &format!(
                "drop database if exists {TARGET} with (force);
                 drop role if exists small_reader; drop role if exists small_owner;"
            ),
        );
    }
}

/// Runs a command to its end.
pub(crate) fn ran(command: &mut Command) -> Ran {
    ended(&command.output().expect("the program is built"))
}

/// How a process ended.
pub(crate) fn ended(output: &std::process::Output) -> Ran {
    Ran {
        exit: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// What every session of the migration with this journal is called.
pub(crate) fn application_name(journal: &[String]) -> String {
    let first = journal.first().map_or("", String::as_str);
    let name = first.split("\"migration\":\"").nth(1);
    let name = name.and_then(|rest| rest.split('"').next());
    format!("pg_dbmigrator {}", name.unwrap_or("that never began"))
}

/// The ids of all processes whose environment points into this state directory.
pub(crate) fn programs(state: &Path) -> Vec<i32> {
    let wanted = format!("PGSERVICEFILE={}/", state.display());
    let entries = std::fs::read_dir("/proc").expect("Linux has it");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|variable| variable.starts_with(wanted.as_bytes()))
    })
    .collect()
}

/// Structure that can hold up a restore, or make it fail: rows of `gated` pass a check that asks a
/// setting of the session.
pub(crate) const GATE: &str = "
    create function gate(a int) returns boolean language plpgsql as $$ begin
        case current_setting('small.gate', true)
            when 'fail' then raise exception 'the gate is closed';
            when 'wait' then perform pg_sleep(300);
            else null;
        end case;
        return true;
    end $$;
    create table gated (a int check (public.gate(a)));
    insert into gated values (1);
";

impl Lane {
    /// A source of its own with this in it beside the small one's, and this plan.
    pub(crate) fn of_its_own(sql: &str, plan: &str) -> Self {
        let source: &'static Cluster = Box::leak(Box::new(Cluster::start(15)));
        let database = source.create_database("own");
        source.load(&database, &data("small.sql"));
        source.psql(&database, sql);
        Self {
            source,
            database,
            ..Self::new(plan)
        }
    }

    /// The small source with a gate in it, on a server of its own, and the gate as it is to be.
    pub(crate) fn gated(gate: &str) -> Self {
        let lane = Self::of_its_own(GATE, &plan("dump.yaml"));
        lane.set_gate(gate);
        lane
    }

    /// Opens the gate, or has it wait or fail, for sessions from now on.
    pub(crate) fn set_gate(&self, gate: &str) {
        let sql = format!("alter role postgres set small.gate = '{gate}'");
        self.target.psql("postgres", &sql);
    }

    /// Waits until a session of ours on `cluster` runs something that holds these words.
    pub(crate) fn wait_for_session(cluster: &Cluster, words: &str) {
        let sql = format!(
            "select count(*) > 0 from pg_stat_activity where application_name ~ '^pg_dbmigrator '
             and state = 'active' and query like '%{words}%'"
        );
        wait_until("the migration to get there", || {
            cluster.psql("postgres", &sql) == "t"
        });
    }

    /// Waits until `pg_dump` waits for [`DUMP_LOCK`].
    pub(crate) fn wait_for_dump(&self) {
        Self::wait_for_session(self.source, "pg_init_privs");
    }

    /// Waits until rows of `gated` are being restored.
    pub(crate) fn wait_for_gate(&self) {
        Self::wait_for_session(&self.target, "COPY public.gated");
    }
}

/// What only `pg_dump` reads, of all that happens before and beside a dump: it waits there.
pub(crate) const DUMP_LOCK: &str = "lock pg_init_privs in access exclusive mode";

/// A session that holds a lock until it is told to let go.
pub(crate) struct Holder<'a> {
    cluster: &'a Cluster,
    session: Child,
}

impl<'a> Holder<'a> {
    /// Takes a lock: `lock table customers in access exclusive mode`.
    pub(crate) fn take(cluster: &'a Cluster, database: &str, lock: &str) -> Self {
        use crate::support::{newest_tools, programs::client};
        let mut psql = client(&newest_tools(), "psql");
        psql.args(["-X", "-q", "-d", &cluster.url(database)]);
        psql.env("PGAPPNAME", "holder")
            .stderr(Stdio::null())
            .stdout(Stdio::null());
        psql.args(["-c", &format!("begin; {lock}; select pg_sleep(300)")]);
        let session = psql.spawn().expect("psql is there");
        let sql = "select count(*) from pg_stat_activity
            where application_name = 'holder' and wait_event = 'PgSleep'";
        wait_until("the lock to be held", || {
            cluster.psql("postgres", sql) == "1"
        });
        Self { cluster, session }
    }

    /// Lets go.
    pub(crate) fn release(mut self) {
        let sql = "select pg_terminate_backend(pid, 10000) from pg_stat_activity
            where application_name = 'holder'";
        self.cluster.psql("postgres", sql);
        self.session.wait().expect("it is ours");
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(process: &Child, signal: rustix::process::Signal) {
    let pid = i32::try_from(process.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(pid.expect("it runs"), signal).expect("it is ours");
}

/// Waits for a process to end, and panics when that takes longer than a safe stop may.
pub(crate) fn end_of(mut process: Child) -> Ran {
    wait_until("the program to end", || {
        process.try_wait().expect("it is ours").is_some()
    });
    ended(&process.wait_with_output().expect("it is ours"))
}
