//! What an online plan is refused for, by real servers, before anything is changed.
//! Never cuts over: that a refused plan leaves nothing behind is part of every test.

use crate::support::tool::{PlanFolder, Ran};
use crate::support::{Cluster, Settings};

/// Two databases on shared servers, and a plan of a name of its own.
struct Online {
    source: (&'static Cluster, String),
    target: (&'static Cluster, String),
    folder: PlanFolder,
}

/// The ways between majors that are tested.
const WAYS: [(u32, u32); 2] = [(15, 16), (16, 18)];

impl Online {
    fn new((from, to): (u32, u32), sql: &str) -> Self {
        let (from, to) = (Cluster::shared(from), Cluster::shared(to));
        let (source, target) = (from.create_database("online"), to.create_database("online"));
        from.psql(&source, sql);
        Self {
            source: (from, source),
            target: (to, target),
            folder: PlanFolder::new(""),
        }
    }

    fn name(&self) -> &str {
        &self.source.1
    }

    /// What `plan` and `apply` say, which must be the same.
    #[track_caller]
    fn refused(&self, keys: &str, exit: i32, words: &[&str]) -> Ran {
        self.write(keys);
        let planned = self.folder.run(&["plan"]);
        let said = format!("{}{}", planned.stdout, planned.stderr);
        for word in words {
            assert!(said.contains(word), "{word} is not in\n{said}");
        }
        assert_eq!(planned.exit, Some(exit), "{said}");
        let applied = self.folder.apply();
        applied.must_end(exit, &[]);
        self.nothing_is_left();
        planned
    }

    fn write(&self, keys: &str) {
        let (from, source) = &self.source;
        let (to, target) = &self.target;
        self.folder.write(&format!(
            "version: 1\nname: {}\nsource: {{ url: \"{}\" }}\ntarget: {{ url: \"{}\" }}\n\
             mode: online\n{keys}",
            self.name(),
            from.url(source),
            to.url(target),
        ));
    }

    #[track_caller]
    fn nothing_is_left(&self) {
        let ours = "select count(*) from (
            select slot_name::text as name from pg_replication_slots
            union all select pubname from pg_publication
            union all select subname from pg_subscription
        ) made where name like '%probe%' or name like 'pg_dbmigrator_%'";
        for (cluster, database) in [&self.source, &self.target] {
            let ours = format!("{ours} and name like '%{}%'", self.name());
            assert_eq!(cluster.psql(database, &ours), "0");
            let probes = "select count(*) from pg_subscription where subname like '%probe%'
                and subdbid = (select oid from pg_database where datname = current_database())";
            assert_eq!(cluster.psql(database, probes), "0");
        }
    }
}

#[test]
fn a_source_that_logs_too_little_is_refused_with_the_setting_to_change() {
    let quiet = Settings::default().with("wal_level", "replica");
    let source = Cluster::start_with(15, &quiet);
    let database = source.create_database("quiet");
    let target = Cluster::shared(18);
    let folder = PlanFolder::new(&format!(
        "version: 1\nname: {database}\nsource: {{ url: \"{}\" }}\ntarget: {{ url: \"{}\" }}\n\
         mode: online\n",
        source.url(&database),
        target.url(&target.create_database("loud")),
    ));
    folder.run(&["plan"]).must_end(4, &[]);
    let words = [
        "wal_level of the source is replica",
        "alter system set wal_level = logical",
    ];
    folder.apply().must_end(4, &words);
}

#[test]
fn tables_without_an_identity_are_refused_and_the_lines_it_prints_settle_them() {
    for way in WAYS {
        let online = Online::new(
            way,
            "create table keyed (id int primary key);
             create table codes (code text not null unique);
             create table \"Free Text\" (note text);
             create table places (at point);
             create table events (at date) partition by range (at);
             create table events_2026 partition of events
                 for values from ('2026-01-01') to ('2027-01-01')",
        );
        let words = [
            "4 tables without a usable replica identity",
            "public.\"Free Text\", public.codes, public.events_2026, public.places",
            "    'public.Free Text': full\n",
            "    public.codes: { index: \"codes_code_key\" }\n",
            "    public.events: full\n",
            "    public.places: copy_at_cutover\n",
        ];
        let said = online.refused("", 4, &words);
        let text = format!("{}{}", said.stdout, said.stderr);
        online.write(&lines(&text));
        let planned = online.folder.run(&["plan"]);
        planned.must_end(0, &[]);
        online.nothing_is_left();
    }
}

/// The lines of YAML that were printed, with the indentation that they start with taken off.
fn lines(said: &str) -> String {
    let start = said.find("online:\n").expect("the lines are printed");
    let line = said[..start].rfind('\n').map_or(0, |at| at + 1);
    let indent = start - line;
    let mut text = String::new();
    for line in said[line..].lines() {
        let line = line.get(indent..).unwrap_or_default();
        if !(line.starts_with("online:") || line.starts_with("  ")) {
            break;
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[test]
fn a_wrong_entry_is_refused_where_it_is_written() {
    let online = Online::new(
        (15, 18),
        "create table codes (code text not null unique, note text unique)",
    );
    let keys = "online:\n  replica_identity:\n    public.code: full\n    public.codes: { index: \
                codes_note_key }\n";
    let words = [
        "this names no table whose rows are migrated",
        "migrate.yaml:8:5",
        "public.codes has no unique index codes_note_key",
        "those that serve are codes_code_key",
    ];
    online.refused(keys, 3, &words);
}

#[test]
fn a_slot_of_our_name_is_refused_with_the_way_out_and_left_alone() {
    for way in WAYS {
        let online = Online::new(way, "create table keyed (id int primary key)");
        let (cluster, database) = &online.source;
        let slot = format!("taken_{}", online.name());
        let sql = format!("select pg_create_logical_replication_slot('{slot}', 'pgoutput')");
        cluster.psql(database, &sql);
        let drop = format!("select pg_drop_replication_slot('{slot}')");
        let words = ["already", &drop, "online.slot"];
        online.refused(&format!("online: {{ slot: {slot} }}\n"), 4, &words);
        cluster.psql(database, &drop);
        online.write(&format!("online: {{ slot: {slot} }}\n"));
        online.folder.run(&["plan"]).must_end(0, &[]);
    }
}

#[test]
fn a_target_that_does_not_reach_the_source_is_refused_with_its_own_words() {
    for way in WAYS {
        let online = Online::new(way, "create table keyed (id int primary key)");
        let keys = "online:\n  subscription_source: \"host=127.0.0.1 port=1 dbname=x user=x\"\n";
        let words = [
            "the server of the target cannot replicate from the source",
            "Connection refused",
            "online.subscription_source",
        ];
        online.refused(keys, 4, &words);
        let keys = "online:\n  subscription_target: \"host=127.0.0.1 port=1 dbname=x user=x\"\n";
        let words = [
            "the server of the source cannot replicate from the target",
            "online.subscription_target",
        ];
        online.refused(keys, 4, &words);
        online.write(&format!("{keys}cutover: {{ reverse: false }}\n"));
        online.folder.run(&["plan"]).must_end(0, &[]);
    }
}

#[test]
fn a_target_role_of_no_rank_is_refused_for_what_it_lacks() {
    for (way, granted, password, words) in [
        (
            (15, 15),
            "",
            "",
            [
                "may not make a subscription on the target",
                "takes a superuser",
            ],
        ),
        (
            (15, 18),
            "",
            "",
            [
                "may not make a subscription on the target",
                "grant pg_create_subscription to",
            ],
        ),
        (
            (15, 18),
            "in role pg_create_subscription",
            "",
            [
                "cannot replicate from the source: password is required",
                "subscription_source",
            ],
        ),
        (
            (15, 18),
            "in role pg_create_subscription",
            ":given",
            [
                "cannot replicate from the source: it is not asked for a password",
                "pg_hba.conf of the source",
            ],
        ),
    ] {
        let online = Online::new(way, "create table keyed (id int primary key)");
        let (cluster, database) = &online.target;
        let mover = format!("{database}_mover");
        cluster.psql(
            "postgres",
            &format!(
                "create role {mover} login createdb createrole {granted};
                 alter database {database} owner to {mover}"
            ),
        );
        online.write("cutover: { reverse: false }\n");
        let plan = std::fs::read_to_string(online.folder.plan()).expect("it is there");
        let target = cluster.url(database);
        let by_mover = target.replacen("//postgres@", &format!("//{mover}@"), 1);
        let source = online.source.0.url(&online.source.1);
        let with_password = source.replacen("//postgres@", &format!("//postgres{password}@"), 1);
        let plan = plan.replace(&source, &with_password);
        online.folder.write(&plan.replace(&target, &by_mover));
        online.folder.apply().must_end(4, &words);
        online.nothing_is_left();
    }
}

#[test]
fn no_password_reaches_a_log_or_the_terminal() {
    for (from, to) in WAYS {
        let telling = || {
            let settings = Settings::default().with("log_statement", "all");
            settings.with("log_min_duration_statement", "0")
        };
        let (source, target) = (
            Cluster::start_with(from, &telling()),
            Cluster::start_with(to, &telling()),
        );
        let (own, moved) = (source.create_database("a"), target.create_database("b"));
        let folder = PlanFolder::new("");
        let plan = |port: u16| {
            let reach = format!("{} password='tr0ub it''s'", key_value(&source, &own, port));
            format!(
                "version: 1\nname: {own}\nsource: {{ url: \"{}\" }}\ntarget: {{ url: \"{}\" }}\n\
                 mode: online\nonline:\n  subscription_source: \"{}\"\n",
                source.url(&own),
                target.url(&moved),
                reach.replace("it''s", "it\\\\'s"),
            )
        };
        for (port, exit, arguments) in [
            (1, 4, &["plan"][..]),
            (source.port(), 0, &["plan", "--show-sql"]),
            (
                source.port(),
                0,
                &["apply", "--yes", "--until", "caught-up"],
            ),
            (source.port(), 0, &["abort", "--yes"]),
        ] {
            folder.write(&plan(port));
            let ran = folder.run(arguments);
            ran.must_end(exit, &[]);
            let all = [ran.stdout, ran.stderr, source.log(), target.log()];
            for text in all {
                let line = text.lines().find(|line| line.contains("tr0ub"));
                assert_eq!(line, None, "{arguments:?}");
            }
        }
        assert!(target.log().contains("begin read write"), "the log is on");
    }
}

fn key_value(cluster: &Cluster, database: &str, port: u16) -> String {
    let folder = cluster.socket_folder().display();
    format!("host={folder} port={port} dbname={database} user=postgres")
}
