//! Tests of a fence that takes CONNECT from applications, where the migration may not alter roles.
//! Never asks the program who may connect: psql tries, and the catalog says.

use super::clerk::CLERK;
use super::small::{MOVED, SHOP, Small, kill};
use crate::support::tool::PlanFolder;
use crate::support::{Cluster, wait_until};

/// Who may do what with a database, whether or not it was ever written down.
const GRANTS: &str = "select array(select concat_ws(' ', pg_get_userbyid(a.grantor),
        case when a.grantee = 0 then 'public' else pg_get_userbyid(a.grantee) end,
        a.privilege_type, a.is_grantable) as held
    from pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
    where d.datname = current_database() order by held)";

const REFUSED: &str = "permission denied for database";

/// What psql says to a role that wants to connect.
fn comes_in(cluster: &Cluster, role: &str, database: &str) -> Result<(), String> {
    let mut psql = crate::support::programs::client(&crate::support::tools(15), "psql");
    let url = cluster.url_as(role, database);
    let asked = psql.args(["-qtAX", &url, "-c", "select 1"]).output();
    let asked = asked.expect("psql starts");
    match asked.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&asked.stderr).into_owned()),
    }
}

#[track_caller]
fn is_kept_out(cluster: &Cluster, role: &str, database: &str) {
    let said = comes_in(cluster, role, database).expect_err("the fence stands");
    assert!(said.contains(REFUSED), "{said}");
}

/// A plan that fences by CONNECT, with streams that read as a role of no rank.
fn by_connect(small: &Small) {
    let plan = std::fs::read_to_string(small.folder.plan()).expect("ours");
    let fence = plan.find("    roles: [clerk]").expect("it is there");
    let end = fence + plan[fence..].find('\n').expect("a line ends");
    let plan = format!("{}    connect: true{}", &plan[..fence], &plan[end..]);
    let links = format!(
        "\nonline:\n  subscription_source: \"{}\"\n  subscription_target: \"{}\"\n",
        small.source.url_as("reader", SHOP),
        small.target.url_as("reader", MOVED)
    );
    small.folder.write(&plan.replace("\nonline:\n", &links));
    for cluster in [&small.source, &small.target] {
        cluster.psql("postgres", "create role reader login replication");
    }
}

#[test]
fn connect_is_taken_from_all_but_the_replication_and_given_back_grant_by_grant() {
    let small = Small::new();
    by_connect(&small);
    small.source.psql(
        SHOP,
        "create role lead; create role second; create role other login;
         revoke connect on database shop from public;
         grant connect on database shop to reader, clerk;
         grant connect on database shop to lead with grant option;
         set role lead; grant connect on database shop to second with grant option;
         set role second; grant connect on database shop to other",
    );
    let before = small.source.psql(SHOP, GRANTS);
    assert!(before.contains("second other CONNECT"), "{before}");
    let clerk = small.open();
    small.replicate();

    let cutover = small.hold_up_the_cutover(&[]);
    for role in [CLERK, "other"] {
        is_kept_out(&small.source, role, SHOP);
    }
    let reads = "select active from pg_replication_slots";
    let end = "select pg_terminate_backend(active_pid) from pg_replication_slots where active";
    small.source.psql("postgres", end);
    wait_until("the stream is read again, behind the fence", || {
        small.source.psql("postgres", reads) == "t"
    });
    kill(cutover);
    is_kept_out(&small.source, CLERK, SHOP);
    small.let_go();
    small
        .run(&["apply", "--yes", "--until", "caught-up"])
        .must_end(0, &["is open again"]);
    assert_eq!(small.source.psql(SHOP, GRANTS), before);
    comes_in(&small.source, "other", SHOP).expect("as before");

    small.run(&["cutover", "--yes"]).must_end(0, &[]);
    is_kept_out(&small.source, CLERK, SHOP);
    let there = small.target.psql(MOVED, GRANTS);
    assert!(!small.target.log().contains(REFUSED));
    small.run(&["rollback", "--yes"]).must_end(0, &[]);
    assert!(small.target.log().contains(REFUSED), "nobody was kept out");
    assert_eq!(small.source.psql(SHOP, GRANTS), before);
    assert_eq!(small.target.psql(MOVED, GRANTS), there);

    small.run(&["cutover", "--yes"]).must_end(0, &[]);
    let ended = small.run(&["finalize", "--yes"]);
    ended.must_end(0, &[]);
    let says = "read-only, and CONNECT for the migration alone";
    assert!(ended.stdout.contains(says), "{}", ended.stdout);
    let differences = clerk.stop().differences(&small.target, MOVED);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// A source whose migration role owns the database, by membership, and may alter no role.
fn owned() -> (Cluster, Cluster, PlanFolder) {
    let (source, target) = (Cluster::start(15), Cluster::start(15));
    source.psql(
        "postgres",
        "create role keeper login; create role clerk login;
         create role mover login replication in role keeper, pg_signal_backend, pg_read_all_stats",
    );
    source.psql("postgres", "create database shop owner keeper");
    source.psql(
        SHOP,
        "set role keeper; create table orders (id bigserial primary key, note text);
         insert into orders (note) select 'order ' || i from generate_series(1, 100) i;
         grant all on orders to clerk",
    );
    let folder = PlanFolder::new("");
    (source, target, folder)
}

#[test]
fn a_role_that_may_not_alter_others_is_told_of_connect_and_cuts_over_with_it() {
    let (source, target, folder) = owned();
    let write = |fence: &str| {
        folder.write(&format!(
            "version: 1\nsource:\n  url: \"{}\"\ntarget:\n  url: \"{}\"\nmode: online\n\
             thresholds: {{poll_secs: 1, write_outage: 1s}}\n\
             cutover:\n  reverse: false\n  fence: {fence}\n",
            source.url_as("mover", SHOP),
            target.url(MOVED)
        ));
    };
    write("{roles: [clerk]}");
    folder.run(&["plan"]).must_end(4, &[]);
    let words = [
        "may not bar clerk from logging in",
        "cutover.fence.connect: true",
    ];
    folder.apply().must_end(4, &words);

    write("{connect: true}");
    let planned = folder.run(&["plan", "--show-sql"]);
    planned.must_end(0, &[]);
    let statement = "grant connect on database \"shop\" to \"mover\"";
    assert!(planned.stdout.contains(statement), "{}", planned.stdout);
    let until = ["apply", "--yes", "--until", "caught-up"];
    folder.run(&until).must_end(0, &[]);
    let before = source.psql(SHOP, GRANTS);
    let held = "begin; insert into orders (note) values ('held'); prepare transaction 'held'";
    source.psql(SHOP, held);
    let cutover = ["cutover", "--yes"];
    folder.run(&cutover).must_end(8, &["write_outage", "held"]);
    assert_eq!(source.psql(SHOP, GRANTS), before);
    comes_in(&source, CLERK, SHOP).expect("the source serves");

    source.psql(SHOP, "rollback prepared 'held'");
    folder.run(&cutover).must_end(0, &[]);
    // The owner is an application too.
    for role in [CLERK, "keeper"] {
        is_kept_out(&source, role, SHOP);
        comes_in(&target, role, MOVED).expect("the target serves");
    }
    comes_in(&source, "mover", SHOP).expect("the migration keeps it");
    let count = "select count(*) from orders";
    assert_eq!(target.psql(MOVED, count), source.psql(SHOP, count));
}
