//! What a cutover refuses, takes back, carries and tells, without an application in its way.
//! Never looks at the code: the servers and the program's own words say.

use serde_json::Value;

use crate::support::tool::{PlanFolder, Ran};
use crate::support::{Cluster, wait_until};

/// Everything that takes a step of its own.
const SHOP: &str = "
    create table kettles (id bigserial primary key, name text not null);
    insert into kettles (name) select 'kettle ' || i from generate_series(1, 500) i;
    create table prices (kettle bigint references kettles, was int, at date default current_date)
        partition by list (kettle);
    create table prices_all partition of prices default;
    insert into prices select i, i from generate_series(1, 100) i;
    create unlogged table baskets (id int, made int generated always as (id * 2) stored);
    insert into baskets select generate_series(1, 50);
    create materialized view dear as select * from kettles where id > 400;
    create sequence fresh;
    create sequence downwards increment -1 maxvalue 1000 start 1000;
    select nextval('downwards'), nextval('downwards');
    grant all on all tables in schema public to app;
    grant all on all sequences in schema public to app;";

const PLAN: &str = "
mode: online
online:
  replica_identity: {public.prices: full}
thresholds: {poll_secs: 1, write_outage: WAIT}
cutover:
  fence: {roles: [app], terminate: TERMINATE}
";

/// Two servers and a plan between them.
pub(super) struct Move {
    pub(super) source: Cluster,
    pub(super) target: Cluster,
    pub(super) folder: PlanFolder,
}

impl Move {
    pub(super) fn new(wait: &str, terminate: bool) -> Self {
        let (source, target) = (Cluster::start(15), Cluster::start(15));
        source.psql("postgres", "create role app login");
        source.psql("postgres", "create database shop");
        source.psql("shop", SHOP);
        let plan = PLAN
            .replace("WAIT", wait)
            .replace("TERMINATE", &terminate.to_string());
        let plan = format!(
            "version: 1\nsource:\n  url: \"{}\"\ntarget:\n  url: \"{}\"\n{plan}",
            source.url("shop"),
            target.url("moved")
        );
        let folder = PlanFolder::new(&plan);
        Self {
            source,
            target,
            folder,
        }
    }

    pub(super) fn streaming(wait: &str, terminate: bool) -> Self {
        let all = Self::new(wait, terminate);
        let streams = all.run(&["apply", "--yes", "--until", "caught-up"]);
        streams.must_end(0, &[]);
        all
    }

    /// Has the plan say something more.
    pub(super) fn say(&self, lines: &str) {
        let plan = std::fs::read_to_string(self.folder.plan()).expect("ours");
        self.folder.write(&format!("{plan}{lines}"));
    }

    /// Applies until the target has caught up, or to this crash point.
    pub(super) fn die_at(&self, point: u64) {
        let mut apply = self
            .folder
            .command(&["apply", "--yes", "--until", "caught-up"]);
        apply.env("PG_DBMIGRATOR_DIE_AT", point.to_string());
        let ended = apply.output().expect("the program is built");
        assert_eq!(ended.status.code(), None, "it came to its end: {ended:?}");
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        self.folder.run(arguments)
    }

    pub(super) fn cut_over(&self, more: &[&str]) -> Ran {
        self.run(&[&["cutover", "--yes"], more].concat())
    }

    fn status(&self) -> Value {
        let status = self.run(&["status", "--json"]);
        serde_json::from_str(&status.stdout).expect("status prints JSON")
    }

    pub(super) fn both(&self, sql: &str) -> [String; 2] {
        [
            self.source.psql("shop", sql),
            self.target.psql("moved", sql),
        ]
    }

    /// As the application: whether it may write to the source.
    pub(super) fn source_serves(&self) -> bool {
        let write = "insert into kettles (name) values ('after all') returning 1";
        let url = self.source.url_as("app", "shop");
        let mut psql = crate::support::programs::client(&crate::support::tools(15), "psql");
        let asked = psql.args(["-qtAX", &url, "-c", write]).output();
        asked.expect("psql starts").status.success()
    }
}

#[test]
fn everything_that_is_not_in_the_stream_is_carried_at_the_cutover() {
    let all = Move::streaming("30s", true);
    assert_eq!(all.status()["stands"], "streaming");
    assert_eq!(all.status()["replication"]["enabled"], true);
    all.source.psql(
        "shop",
        "insert into baskets select generate_series(51, 60);
         insert into kettles (name) select 'late ' || i from generate_series(1, 7) i;
         update prices set was = -1 where kettle = 7; delete from prices where kettle = 8;
         refresh materialized view dear; select nextval('fresh')",
    );
    all.cut_over(&[]).must_end(0, &[]);
    for sql in [
        "select count(*), sum(id), sum(made) from baskets",
        "select count(*), sum(id), min(name) from kettles",
        "select count(*), sum(was) from prices",
        "select count(*) from dear",
        "select last_value, is_called from fresh",
        "select last_value, is_called from downwards",
        "select last_value, is_called from kettles_id_seq",
    ] {
        let [source, target] = all.both(sql);
        assert_eq!(source, target, "{sql}");
    }
    let status = all.status();
    assert_eq!(status["stands"], "switched");
    assert_eq!(status["fenced"], Value::Null);
    all.cut_over(&[]).must_end(4, &["done already"]);
    all.run(&["abort", "--yes"])
        .must_end(4, &["the switch to the target is made"]);
    all.run(&["finalize", "--yes"]).must_end(0, &[]);
    let identity = "select relreplident from pg_class where relname = 'prices_all'";
    assert_eq!(all.both(identity), ["d", "d"]);
    assert!(!all.source_serves(), "the source stays closed");
}

#[test]
fn a_sequence_that_is_ahead_on_the_target_is_not_moved_backwards() {
    let all = Move::streaming("30s", true);
    let ahead = "set default_transaction_read_only = off; select setval('fresh', 77)";
    all.target.psql("moved", ahead);
    all.cut_over(&[]).must_end(0, &[]);
    assert_eq!(all.target.psql("moved", "select nextval('fresh')"), "78");
}

#[test]
fn a_changed_schema_is_told_and_holds_up_the_cutover_until_both_sides_have_it() {
    let all = Move::streaming("30s", true);
    let change = "alter table kettles add column colour text";
    all.source.psql("shop", change);
    let told = all.cut_over(&[]);
    told.must_end(
        8,
        &[
            "column public.kettles.colour is only on the source",
            "accept_drift",
        ],
    );
    assert!(all.source_serves());
    let change = format!("set default_transaction_read_only = off; {change}");
    all.target.psql("moved", &change);
    all.cut_over(&[]).must_end(0, &[]);
}

#[test]
fn a_table_that_is_not_in_the_stream_holds_up_the_cutover_though_both_sides_have_it() {
    let all = Move::streaming("30s", true);
    let made = "create table late (id int primary key)";
    all.source.psql("shop", made);
    all.source.psql("shop", "insert into late values (1)");
    let made = format!("set default_transaction_read_only = off; {made}");
    all.target.psql("moved", &made);
    all.cut_over(&[])
        .must_end(8, &["not in the stream", "public.late"]);
    assert!(all.source_serves());
    // Dropped and made anew, a table is another one, which nobody publishes.
    let anew = "drop table late; drop table prices; create table prices (kettle bigint, was int)";
    all.source.psql("shop", anew);
    let told = all.cut_over(&["--set", "cutover.accept_drift=false"]);
    told.must_end(8, &["prices"]);
}

#[test]
fn past_the_deadline_everything_is_taken_back_and_the_source_serves() {
    let all = Move::streaming("1s", false);
    let sleeper = all.source.url_as("app", "shop");
    let mut psql = crate::support::programs::client(&crate::support::tools(15), "psql");
    let sleeps = psql.args(["-qtAX", &sleeper, "-c", "select pg_sleep(600)"]);
    let mut sleeper = sleeps.spawn().expect("psql starts");
    wait_until("the session to sleep", || {
        let asleep = "select count(*) from pg_stat_activity where query like '%pg_sleep(600)%' \
                      and usename = 'app'";
        all.source.psql("postgres", asleep) == "1"
    });
    let told = all.cut_over(&[]);
    told.must_end(
        8,
        &["write_outage", "client backend of app", "The source serves"],
    );
    assert!(all.source_serves());
    let left = "select setconfig from pg_db_role_setting";
    assert_eq!(all.source.psql("shop", left), "");
    let status = all.status();
    assert_eq!(status["stands"], "streaming");
    let failure = status["failure"].as_str().expect("it is told why");
    assert!(failure.contains("write_outage"), "{failure}");
    all.source.psql(
        "postgres",
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'",
    );
    sleeper.wait().expect("it is a child");
    all.cut_over(&[]).must_end(0, &[]);
    let [source, target] = all.both("select count(*) from kettles where name = 'after all'");
    assert_eq!(source, target);
}

#[test]
fn a_session_that_came_to_the_target_too_early_is_ended_once_it_is_open() {
    let all = Move::streaming("30s", true);
    let url = all.target.url_as("app", "moved");
    let mut psql = crate::support::programs::client(&crate::support::tools(15), "psql");
    let mut early = psql
        .args(["-qtAX", &url, "-c", "select pg_sleep(600)"])
        .spawn()
        .expect("psql starts");
    wait_until("the session to sleep", || {
        let asleep = "select count(*) from pg_stat_activity where usename = 'app'";
        all.target.psql("postgres", asleep) == "1"
    });
    all.cut_over(&[]).must_end(0, &[]);
    assert!(!early.wait().expect("it is a child").success());
}

#[test]
fn when_the_plan_says_so_the_cutover_begins_by_itself() {
    let all = Move::new("30s", true);
    let trigger = ["--set", "cutover.trigger=when_caught_up"];
    let ran = all.run(&[&["apply", "--yes"], &trigger[..]].concat());
    ran.must_end(0, &[]);
    ran.must_tell("outage");
    assert_eq!(all.status()["stands"], "switched");
}

#[test]
fn hooks_run_at_the_turning_points_and_a_failing_one_takes_the_cutover_back() {
    let all = Move::streaming("30s", true);
    let log = all.folder.path().join("hooks");
    let plan = std::fs::read_to_string(all.folder.plan()).expect("ours");
    let say = |word: &str, end: &str| {
        format!(
            "[\"sh\", \"-c\", \"echo {word} >> {}; {end}\"]",
            log.display()
        )
    };
    let with = |before: &str| {
        format!(
            "{plan}  hooks:\n    before_fence: [{}]\n    after_switch: [{}]\n    \
             on_rollback: [{}]\n",
            say("before", before),
            say("after", "true"),
            say("back", "true")
        )
    };
    all.folder.write(&with("echo no luck >&2; false"));
    all.cut_over(&[])
        .must_end(8, &["the hook sh failed", "no luck"]);
    assert!(all.source_serves());
    all.folder.write(&with("true"));
    all.cut_over(&[]).must_end(0, &[]);
    let said = std::fs::read_to_string(log).expect("the hooks wrote it");
    assert_eq!(said, "before\nback\nbefore\nafter\n");
}

#[test]
fn there_is_nothing_to_switch_before_the_copy_and_offline() {
    let all = Move::new("30s", true);
    all.cut_over(&[])
        .must_end(4, &["nothing is replicated yet"]);
    all.run(&["rollback", "--yes"]).must_end(4, &["no cutover"]);
    let plan = std::fs::read_to_string(all.folder.plan()).expect("ours");
    let offline = &plan[..plan.find("mode:").expect("it is there")];
    all.folder.write(offline);
    all.cut_over(&[]).must_end(4, &["offline"]);
    let until = all.run(&["apply", "--yes", "--until", "caught-up"]);
    until.must_end(2, &["--until"]);
}
