//! A small table that is replicated between two servers, for tests of what goes wrong meanwhile.
//! Never changes a server behind the back of the test that uses it.

use std::fs::File;
use std::process::Child;
use std::time::{Duration, Instant};

use crate::support::tool::PlanFolder;
use crate::support::{Cluster, Settings, wait_until};

/// How long a program may take to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is replicated.
const ORDERS: &str = "create table orders (id int primary key, email text unique, note text);
    insert into orders select n, 'customer ' || n, 'first' from generate_series(1, 10) n";

/// Two servers with a database each, and the plan from one to the other.
pub(super) struct Stream {
    pub(super) source: Cluster,
    pub(super) target: Cluster,
    pub(super) folder: PlanFolder,
    more: String,
}

impl Stream {
    /// Starts both; `more` are the plan's further lines.
    pub(super) fn between(
        (from, to): (u32, u32),
        (source, target): (&Settings, &Settings),
        more: &str,
    ) -> Self {
        let source = Cluster::start_with(from, source);
        let target = Cluster::start_with(to, target);
        source.psql("postgres", "create database shop");
        source.psql("shop", ORDERS);
        let stream = Self {
            source,
            target,
            folder: PlanFolder::new(""),
            more: more.to_owned(),
        };
        stream.say_besides("");
        stream
    }

    /// Has the plan say something more.
    pub(super) fn say_besides(&self, lines: &str) {
        self.folder.write(&(self.plan() + lines));
    }

    fn plan(&self) -> String {
        let Self {
            source,
            target,
            folder: _,
            more,
        } = self;
        format!(
            "version: 1\nname: shop\nsource: {{ url: \"{}\" }}\ntarget: {{ url: \"{}\" }}\n\
             mode: online\n{more}",
            source.url("shop"),
            target.url("shop")
        )
    }

    /// Copies, and leaves PostgreSQL replicating.
    #[track_caller]
    pub(super) fn replicate(&self) {
        let arguments = ["apply", "--yes", "--until", "caught-up"];
        self.folder.run(&arguments).must_end(0, &[]);
    }

    /// Runs SQL on the source.
    #[track_caller]
    pub(super) fn on_source(&self, sql: &str) -> String {
        self.source.psql("shop", sql)
    }

    /// Runs SQL on the target, which is closed to those who do not ask.
    #[track_caller]
    pub(super) fn on_target(&self, sql: &str) -> String {
        let sql = format!("set default_transaction_read_only = off; {sql}");
        self.target.psql("shop", &sql)
    }

    /// Waits until a query on the target answers so.
    #[track_caller]
    pub(super) fn target_says(&self, sql: &str, answer: &str) {
        wait_until(sql, || self.target.psql("shop", sql) == answer);
    }

    /// Starts an apply that watches, and waits until it does.
    pub(super) fn watch(&self) -> Child {
        let looks = || {
            let events = std::fs::read_to_string(self.folder.state().join("events.jsonl"));
            events.unwrap_or_default().matches("\"lag\"").count()
        };
        let before = looks();
        let out = File::create(self.said()).expect("the folder takes files");
        let mut command = self.folder.command(&["apply", "--yes"]);
        let same = out.try_clone().expect("it is open");
        command.stdout(same).stderr(out);
        let child = command.spawn().expect("the program is built");
        wait_until("the stream is watched", || looks() > before);
        child
    }

    /// Waits for the end of a watching apply: its exit code, and what it said.
    #[track_caller]
    pub(super) fn end_of(&self, mut child: Child) -> (Option<i32>, String) {
        let begun = Instant::now();
        while child.try_wait().expect("it is a child").is_none() {
            if begun.elapsed() > PATIENCE {
                child.kill().expect("it is a child");
                panic!("it did not end\n{}", self.target.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let exit = child.wait().expect("it has ended").code();
        let said = std::fs::read_to_string(self.said()).expect("it was made");
        (exit, said)
    }

    /// Waits until a watching apply has said this.
    pub(super) fn has_said(&self, words: &str) {
        wait_until(words, || {
            let said = std::fs::read_to_string(self.said()).unwrap_or_default();
            said.split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .contains(words)
        });
    }

    fn said(&self) -> std::path::PathBuf {
        self.folder.path().join("stderr")
    }

    /// Aborts, and panics when anything of the migration is left on either side.
    #[track_caller]
    pub(super) fn must_abort(&self) {
        self.folder.run(&["abort", "--yes"]).must_end(0, &[]);
        let left = "select slot_name::text from pg_replication_slots \
                    union all select pubname from pg_publication \
                    union all select subname from pg_subscription \
                    union all select datname from pg_database where datname = 'shop'";
        assert_eq!(self.source.psql("shop", left), "shop");
        assert_eq!(self.target.psql("postgres", left), "");
    }
}
