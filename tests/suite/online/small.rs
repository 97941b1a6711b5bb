//! What tests of interrupted online migrations stand on: a small source that is made anew in a
//! moment, a target server, the plan `plans/online.yaml`, and questions about what is left.
//! Never touches the two databases but as the program and its application do.

use std::process::Child;

use super::clerk::{CLERK, Clerk};
use crate::resume::ground::{ended, plan, ran};
use crate::support::compare::{Database, Facts, between, seen};
use crate::support::tool::{PlanFolder, Ran};
use crate::support::{Cluster, data, wait_until};

/// The source database.
pub(super) const SHOP: &str = "shop";
/// What it is made from.
const TEMPLATE: &str = "shop_template";
/// The target database, which the migration makes.
pub(super) const MOVED: &str = "shop_moved";

/// Everything that a migration may leave on a server, but for the target database.
const LEFT: &str = "select 'publication ' || pubname from pg_publication
    union all select 'slot ' || slot_name from pg_replication_slots
    union all select 'subscription ' || subname from pg_subscription
    union all select 'origin ' || roname from pg_replication_origin
    union all select 'session ' || application_name from pg_stat_activity
        where application_name ~ '^pg_dbmigrator'
    union all select 'identity of ' || relname from pg_class
        where relname = 'readings' and relreplident <> 'd' order by 1";

/// The fence of the plan: the application may not log in.
pub(super) const ROLES: &str = "roles: [clerk]";
/// Another one: nobody but the migration may connect.
pub(super) const CONNECT: &str = "connect: true";

/// What keeps the application out of the source.
const CLOSED: &str =
    "select 'setting ' || setting from pg_db_role_setting, unnest(setconfig) setting
        where setdatabase = (select oid from pg_database where datname = 'shop')
    union all select 'no login ' || rolname from pg_roles
        where rolname = 'clerk' and not rolcanlogin
    union all select 'no connect' where not has_database_privilege('clerk', 'shop', 'connect')";

/// A source and a target server of its own, and the plan between them.
pub(super) struct Small {
    pub(super) source: Cluster,
    pub(super) target: Cluster,
    pub(super) folder: PlanFolder,
}

impl Small {
    /// Two servers, and the source database.
    pub(super) fn new() -> Self {
        Self::fenced_by(ROLES)
    }

    /// The same, with another fence around the source.
    pub(super) fn fenced_by(fence: &str) -> Self {
        let text = plan("online.yaml");
        assert!(text.contains(ROLES), "{text}");
        let text = text.replace(ROLES, fence);
        let identity = "online:\n  replica_identity:\n    public.readings: full\n";
        let small = Self {
            source: Cluster::start(15),
            target: Cluster::start(15),
            folder: PlanFolder::new(&format!("{text}\n{identity}")),
        };
        for cluster in [&small.source, &small.target] {
            cluster.psql("postgres", &format!("create role {CLERK} login"));
        }
        small
            .source
            .psql("postgres", &format!("create database {TEMPLATE}"));
        small.source.load(TEMPLATE, &data("online_small.sql"));
        small.start_over();
        small
    }

    /// As before the first run: the source as it was made, no state, no target database.
    pub(super) fn start_over(&self) {
        if self.folder.state().exists() {
            std::fs::remove_dir_all(self.folder.state()).expect("ours");
        }
        let databases = [(&self.source, SHOP), (&self.target, MOVED)];
        for (cluster, name) in databases {
            let there = format!("select count(*) from pg_database where datname = '{name}'");
            if cluster.psql("postgres", &there) == "1" {
                let open = format!("alter database {name} reset default_transaction_read_only");
                cluster.psql("postgres", &open);
                cluster.drop_database(name);
            }
        }
        let drop_slots = "select pg_drop_replication_slot(slot_name) from pg_replication_slots";
        self.source.psql("postgres", drop_slots);
        self.target.psql("postgres", drop_slots);
        let sql = format!("alter role {CLERK} login; create database {SHOP} template {TEMPLATE}");
        for statement in sql.split("; ") {
            self.source.psql("postgres", statement);
        }
        self.target
            .psql("postgres", &format!("alter role {CLERK} login"));
    }

    /// The application, on the source.
    pub(super) fn open(&self) -> Clerk {
        let clerk = Clerk::start([
            self.source.url_as(CLERK, SHOP),
            self.target.url_as(CLERK, MOVED),
        ]);
        wait_until("the first commits", || clerk.acknowledged(0) > 10);
        clerk
    }

    /// Runs the program to its end, or to this crash point.
    pub(super) fn run_until(&self, arguments: &[&str], point: Option<u64>) -> Ran {
        let mut command = self.command(arguments);
        if let Some(point) = point {
            command.env("PG_DBMIGRATOR_DIE_AT", point.to_string());
        }
        ran(&mut command)
    }

    /// Runs the program to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_until(arguments, None)
    }

    /// Starts the program in the background.
    pub(super) fn start(&self, arguments: &[&str]) -> Child {
        use std::process::Stdio;
        let mut command = self.command(arguments);
        let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().expect("the program is built")
    }

    /// The program with its plan, not started yet.
    pub(super) fn command(&self, arguments: &[&str]) -> std::process::Command {
        let source = format!("SOURCE={}", self.source.url(SHOP));
        let target = format!("TARGET={}", self.target.url(MOVED));
        let ours = ["--var", &source, "--var", &target];
        let often = ["--set", "thresholds.poll_secs=1"];
        self.folder.command(&[arguments, &ours, &often].concat())
    }

    /// Waits until the program has said this in its events, after so many bytes of them.
    pub(super) fn wait_for(&self, words: &str, after: usize) {
        wait_until(words, || self.events()[after..].contains(words));
    }

    /// All events so far.
    pub(super) fn events(&self) -> String {
        let file = self.folder.state().join("events.jsonl");
        std::fs::read_to_string(file).unwrap_or_default()
    }

    /// Copies, and leaves PostgreSQL replicating.
    #[track_caller]
    pub(super) fn replicate(&self) {
        self.run(&["apply", "--yes", "--until", "caught-up"])
            .must_end(0, &[]);
    }

    /// The journal.
    pub(super) fn journal(&self) -> String {
        std::fs::read_to_string(self.folder.state().join("journal.jsonl")).unwrap_or_default()
    }

    /// Starts a cutover that does not end: a prepared transaction keeps the source from being
    /// silent. It returns once the source is fenced.
    pub(super) fn hold_up_the_cutover(&self, more: &[&str]) -> Child {
        let prepare = "begin; insert into readings values ('epoch', null);
            prepare transaction 'held'";
        self.source.psql(SHOP, prepare);
        let said = self.events().len();
        let cutover = self.start(&[&["cutover", "--yes"], more].concat());
        self.wait_for("cutover.silence\"", said);
        cutover
    }

    /// The same of a rollback, once the target is fenced; killed there.
    pub(super) fn kill_a_rollback_half_way(&self) {
        let prepare = "begin; insert into readings values ('epoch', null);
            prepare transaction 'held'";
        self.target.psql(MOVED, prepare);
        let said = self.events().len();
        let rollback = self.start(&["rollback", "--yes"]);
        self.wait_for("rollback.silence\"", said);
        kill(rollback);
    }

    /// Has the prepared transaction be no more.
    pub(super) fn let_go(&self) {
        let sql = "set default_transaction_read_only = off; rollback prepared 'held'";
        // A cutover that is under way ends every session that it finds.
        wait_until("the prepared transaction to be no more", || {
            self.source.try_psql(SHOP, sql).is_ok()
        });
    }

    /// Whether the source keeps the application out.
    pub(super) fn source_is_closed(&self) -> bool {
        !self.source.psql("postgres", CLOSED).is_empty()
    }

    /// Whether the target lets the application write.
    pub(super) fn target_is_open(&self) -> bool {
        let sql = format!(
            "select count(*) from pg_db_role_setting s join pg_database d on d.oid = setdatabase
             where datname = '{MOVED}' and setconfig::text ~ 'read_only=on'"
        );
        let exists = format!("select count(*) from pg_database where datname = '{MOVED}'");
        self.target.psql("postgres", &exists) == "1" && self.target.psql("postgres", &sql) == "0"
    }

    /// Everything of a migration that is left on either side.
    pub(super) fn left(&self) -> Vec<String> {
        let there = format!("select count(*) from pg_database where datname = '{MOVED}'");
        let there = self.target.psql("postgres", &there) == "1";
        let target = if there { MOVED } else { "postgres" };
        let found = |cluster: &Cluster, database: &str, side: &str| -> Vec<String> {
            let answer = cluster.psql(database, LEFT);
            let lines = answer.lines().map(|line| format!("on the {side}: {line}"));
            lines.collect()
        };
        let mut all = found(&self.source, SHOP, "source");
        all.extend(found(&self.target, target, "target"));
        all.extend(
            crate::resume::ground::programs(&self.folder.state())
                .iter()
                .map(|pid| format!("program {pid}")),
        );
        all
    }

    /// What the check sees of the source but for what the application changes.
    pub(super) fn structure(&self) -> Facts {
        let mut facts = seen(Database::on(&self.source, SHOP));
        facts.retain(|name, _| !name.starts_with("rows of") && !name.starts_with("sequence "));
        facts
    }

    /// Everything in which the two sides differ, but for what a switch leaves behind on the source:
    /// it is closed, and what is not in the stream stands still there.
    pub(super) fn differences(&self) -> Vec<String> {
        let still = [
            "rows of public.drafts",
            "rows of public.totals",
            "settings of",
            "sequence ",
        ];
        let [source, target] = [(&self.source, SHOP), (&self.target, MOVED)].map(|(on, name)| {
            let mut facts = seen(Database::on(on, name));
            facts.retain(|name, _| !still.iter().any(|still| name.starts_with(still)));
            // Who may connect to it is a part of the fence.
            if let Some(database) = facts.get_mut("the database") {
                let grants = database.find(", acl ").unwrap_or(database.len());
                database.truncate(grants);
            }
            facts
        });
        between(&source, &target)
    }
}

/// Kills a process, and waits for its end.
pub(super) fn kill(mut process: Child) {
    process.kill().expect("it is ours");
    process.wait().expect("it is ours");
}

/// How a process in the background ended.
pub(super) fn end_of(mut process: Child) -> Ran {
    wait_until("the program to end", || {
        process.try_wait().expect("it is ours").is_some()
    });
    ended(&process.wait_with_output().expect("it is ours"))
}
