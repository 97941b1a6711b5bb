//! The target is closed to applications before the first row comes to it, and opened by the switch.
//! Never takes an empty target for one that nobody writes to.

use super::switch::Move;
use crate::support::wait_until;

const METHODS: [&str; 2] = ["copy: { method: stream }\n", "copy: { method: dump }\n"];

/// Somebody on the target who does not say whether a transaction writes.
fn write(all: &Move) -> Result<String, String> {
    all.target
        .try_psql("moved", "create table of_somebody_else (id int)")
}

/// What the target's database says of transactions that do not say whether they write.
fn setting(all: &Move) -> String {
    let sql = "select setting from pg_db_role_setting, unnest(setconfig) setting
        where setrole = 0 and setting like 'default_transaction_read_only%'";
    all.target.psql("postgres", sql)
}

/// Kills the program at every point until there are tables: from the first that can be written to on,
/// nobody may.
#[test]
fn nobody_may_write_to_a_table_of_the_target_that_is_not_filled_yet() {
    for method in METHODS {
        let all = Move::new("30s", true);
        all.say(method);
        let mut seen = 0;
        for point in 1.. {
            all.die_at(point);
            let insert = "insert into kettles (name) values ('too early') returning id";
            match all.target.try_psql("moved", insert) {
                Ok(id) => panic!("row {id} is written to the target at point {point}"),
                Err(error) if error.contains("read-only transaction") => seen += 1,
                Err(error) => assert!(error.contains("does not exist"), "{error}"),
            }
            if seen == 3 {
                break;
            }
        }
        all.run(&["abort", "--yes"]).must_end(0, &[]);
    }
}

#[test]
fn a_session_that_was_there_before_the_target_was_closed_is_ended() {
    for method in METHODS {
        let all = Move::new("30s", true);
        all.say(method);
        all.target.psql("postgres", "create database moved");
        let mut psql = crate::support::programs::client(&crate::support::tools(15), "psql");
        let before = all.target.url("moved");
        let mut before = psql
            .args(["-qtAX", &before, "-c", "select pg_sleep(600)"])
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("psql starts");
        wait_until("the session is there", || {
            let there = "select count(*) from pg_stat_activity where query like '%pg_sleep(600)%'
                and pid <> pg_backend_pid()";
            all.target.psql("postgres", there) == "1"
        });
        all.run(&["apply", "--yes", "--until", "caught-up"])
            .must_end(0, &[]);
        let ended = before.try_wait().expect("it is a child");
        assert!(ended.is_some_and(|ended| !ended.success()), "{ended:?}");
        assert!(write(&all).is_err());
        all.run(&["abort", "--yes"]).must_end(0, &[]);
        assert_eq!(write(&all), Ok(String::new()), "it was open before");
    }
}

#[test]
fn what_the_source_itself_says_of_writing_holds_on_the_target_from_the_switch_on() {
    let all = Move::new("30s", true);
    all.source.psql(
        "postgres",
        "alter database shop set default_transaction_read_only = off",
    );
    all.run(&["apply", "--yes", "--until", "caught-up"])
        .must_end(0, &[]);
    assert_eq!(setting(&all), "default_transaction_read_only=on");
    all.cut_over(&[]).must_end(0, &[]);
    assert_eq!(setting(&all), "default_transaction_read_only=off");
    write(&all).expect("the target serves");
}
