//! Online migrations by roles that are no superusers and log in with a password: everything that
//! they lack is said before anything is changed, and with it they cut over, roll back and finalize.
//! Never gives them more than the program has asked for.

use std::time::Instant;

use super::night::{MOVED, Night, SHOP};
use super::serves;
use crate::support::ledger::{Side, book};
use crate::support::tool::PlanFolder;
use crate::support::{Cluster, Settings, wait_until};

/// The role that migrates, on either side; its password is in no log.
const MOVER: &str = "mover";
const PASSWORD: &str = "tr0ub4dor-3";

/// Only the tests' own superuser and the application come in without a password.
const HBA: &str = "local all postgres trust\nlocal all app trust\nlocal all all scram-sha-256\n";

/// The tables of the shop belong to a role that nobody logs in as.
const OWNED: &str = "create role shop_owner;
    alter database shop owner to shop_owner;
    select format('alter table %I owner to shop_owner', relname) from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' \\gexec";

/// Every statement is logged, and there is always an autovacuum worker: a role of no rank does not
/// see that it is one.
const SETTINGS: [(&str, &str); 6] = [
    ("log_statement", "all"),
    ("log_min_duration_statement", "0"),
    ("autovacuum_naptime", "1s"),
    ("autovacuum_vacuum_scale_factor", "0"),
    ("autovacuum_vacuum_cost_delay", "100"),
    ("autovacuum_vacuum_cost_limit", "1"),
];

/// Such a server, with the mover.
fn talkative(major: u32) -> Cluster {
    let settings = Settings {
        hba: Some(HBA.to_owned()),
        ..Settings::default()
    };
    let settings = SETTINGS.iter().fold(settings, |settings, (name, value)| {
        settings.with(name, value)
    });
    let cluster = Cluster::start_with(major, &settings);
    let role = format!(
        "set log_statement = none; set log_min_duration_statement = -1;
         create role {MOVER} login password '{PASSWORD}'"
    );
    cluster.psql("postgres", &role);
    cluster
}

/// A night of the mover's, who may nothing yet.
fn night((from, to): (u32, u32), cutover: &str) -> Night {
    let (source, target) = (talkative(from), talkative(to));
    let by = |cluster: &Cluster, database: &str| {
        let url = cluster.url_as(MOVER, database);
        url.replacen('@', &format!(":{PASSWORD}@"), 1)
    };
    let at = by(&source, SHOP);
    let (of_postgres, of_mover) = (target.url(MOVED), by(&target, MOVED));
    let night = Night::of(source, target, (&at, "{}", cutover));
    let plan = std::fs::read_to_string(night.folder.plan()).expect("it is there");
    night.folder.write(&plan.replace(&of_postgres, &of_mover));
    night.source.psql(SHOP, OWNED);
    night
}

/// What it takes, as the program asks for it: what it says, on which side that is, and what mends it.
const LACKS: [(&str, Side, &str); 10] = [
    (
        "lacks roles that role mover may not create: shop_owner",
        Side::Target,
        "alter role mover createrole",
    ),
    (
        "no database shop_moved, and role mover may not create one",
        Side::Target,
        "alter role mover createdb",
    ),
    (
        "may not replicate from the target",
        Side::Target,
        "alter role mover replication",
    ),
    (
        "may not make a subscription on the target",
        Side::Target,
        "grant pg_create_subscription to mover",
    ),
    (
        "on the target, as a rollback would",
        Side::Target,
        "grant app to mover with admin option",
    ),
    (
        "may not replicate from the source",
        Side::Source,
        "alter role mover replication",
    ),
    (
        "may not publish tables that it does not own",
        Side::Source,
        "grant shop_owner to mover",
    ),
    (
        "may not make a subscription on the source",
        Side::Source,
        "grant pg_create_subscription to mover",
    ),
    (
        "may not bar app from logging in (cutover.fence.roles)",
        Side::Source,
        "alter role mover createrole; grant app to mover with admin option",
    ),
    (
        "end sessions (cutover.fence.terminate)",
        Side::Source,
        "grant pg_signal_backend to mover",
    ),
];

/// What `plan` says, in one line, and how it ends.
fn planned(night: &Night) -> (Option<i32>, String) {
    let ran = night.folder.run(&["plan"]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    let words: Vec<&str> = said.split_whitespace().collect();
    (ran.exit, words.join(" "))
}

/// Mends one lack after the other, each of which is said until then.
fn mend_everything(night: &Night) {
    for (said, side, sql) in LACKS {
        let (exit, words) = planned(night);
        assert_eq!(exit, Some(4), "{words}");
        assert!(words.contains(said), "{said} is not in {words}");
        match side {
            Side::Source => night.source.psql("postgres", sql),
            Side::Target => night.target.psql("postgres", sql),
        };
        assert!(!planned(night).1.contains(said), "{sql} does not mend it");
    }
    assert_eq!(planned(night).0, Some(0));
}

/// The server's log holds what was done, and never the password.
fn must_keep_the_password(cluster: &Cluster) {
    let log = cluster.log();
    assert!(
        log.contains("pg_dbmigrator_statement"),
        "it logs statements"
    );
    let line = log.lines().find(|line| line.contains(PASSWORD));
    assert_eq!(line, None);
}

#[test]
fn roles_that_are_no_superusers_cut_over_and_roll_back_and_their_password_is_in_no_log() {
    let night = night((16, 18), "verify: counts");
    book::create_application(&night.target);
    mend_everything(&night);
    // PostgreSQL refuses a statement, and would log it with the password in it.
    let plan = std::fs::read_to_string(night.folder.plan()).expect("it is there");
    let nowhere = format!(
        "online: {{ subscription_target: \"host=127.0.0.1 port=1 user={MOVER} password={PASSWORD}\" }}"
    );
    night.folder.write(&plan.replace("online: {}", &nowhere));
    let (exit, words) = planned(&night);
    assert_eq!(exit, Some(4), "{words}");
    assert!(
        words.contains("source cannot replicate from the target"),
        "{words}"
    );
    night.folder.write(&plan);

    let ledger = night.open_the_shop();
    night.replicate();
    for (command, side) in [
        ("cutover", Side::Target),
        ("rollback", Side::Source),
        ("cutover", Side::Target),
    ] {
        let (left, database) = match side {
            Side::Target => (&night.source, SHOP),
            Side::Source => (&night.target, MOVED),
        };
        let vacuumed = format!(
            "select count(*) > 0 from pg_stat_activity
             where datname = '{database}' and backend_type = 'autovacuum worker'"
        );
        wait_until("autovacuum", || left.psql("postgres", &vacuumed) == "t");
        let begun = Instant::now();
        night.folder.run(&[command, "--yes"]).must_end(0, &[]);
        serves(&ledger, begun, side);
    }
    night.must_be_on_the_target(&ledger.stop());
    night.must_finalize();
    must_keep_the_password(&night.source);
    must_keep_the_password(&night.target);
    let acts = format!("select pg_has_role('{MOVER}', 'shop_owner', 'usage')");
    assert_eq!(night.target.psql("postgres", &acts), "f");
}

/// Tables that are no part of the stream are emptied and filled at the cutover; for a role that may not
/// hold back foreign keys, that would empty others with them.
#[test]
fn a_table_that_is_filled_at_the_cutover_takes_no_others_with_it() {
    let (source, target) = (Cluster::start(16), Cluster::start(16));
    source.psql("postgres", "create database shop");
    source.psql(
        "shop",
        "create table kinds (code int unique);
         create table things (id int primary key, code int references kinds (code) on delete cascade);
         insert into kinds values (1); insert into things values (1, 1)",
    );
    target.psql("postgres", "create role mover superuser login");
    let folder = PlanFolder::new(&format!(
        "version: 1\nsource: {{ url: \"{}\" }}\ntarget: {{ url: \"{}\" }}\nmode: online\n\
         copy: {{ owners: false }}\nonline: {{ replica_identity: {{ public.kinds: copy_at_cutover }} }}\n\
         cutover: {{ reverse: false, verify: off, fence: {{ terminate: false }} }}\n",
        source.url("shop"),
        target.url_as("mover", "moved"),
    ));
    let caught_up = ["apply", "--yes", "--until", "caught-up"];
    folder.run(&caught_up).must_end(0, &[]);
    let less = "grant pg_create_subscription, pg_read_all_stats, pg_signal_backend to mover; \
                alter role mover nosuperuser createrole createdb replication";
    for statement in less.split("; ") {
        target.psql("postgres", statement);
    }
    let ran = folder.run(&["cutover", "--yes"]);
    ran.must_end(8, &["may not set session_replication_role"]);
    assert_eq!(target.psql("moved", "select count(*) from things"), "1");
    let grant = "grant set on parameter session_replication_role to mover";
    target.psql("postgres", grant);
    folder.run(&["cutover", "--yes"]).must_end(0, &[]);
    assert_eq!(
        target.psql("moved", "select count(*) from things, kinds"),
        "1"
    );
}
