//! A change that cannot be applied on the target: said in the server's own words, with the way out.
//! Never mends it but by the statements that were printed.

use super::stream::Stream;
use crate::support::{Settings, tools};

/// The ways between majors that are tested.
const WAYS: [(u32, u32); 2] = [(15, 15), (16, 18)];

/// What the plans say besides.
const SOON: &str = "thresholds: { poll_secs: 1, lag_bytes: 1048576 }\n";

/// A server that writes its log where a superuser can read it.
fn with_log() -> Settings {
    Settings::default()
        .with("logging_collector", "on")
        .with("log_line_prefix", "%m [%p] %q%u@%d ")
}

/// The statements that were printed to be copied, the first of them.
fn repair(said: &str) -> String {
    let first = |line: &&str| {
        !line
            .trim_start()
            .starts_with("set default_transaction_read_only")
    };
    let from = said.lines().skip_while(first);
    let lines: Vec<&str> = from.take_while(|line| line.starts_with("  ")).collect();
    lines.join("\n")
}

/// What was said, its lines joined.
fn joined(said: &str) -> String {
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn must_say(said: &str, words: &[&str]) {
    let text = joined(said);
    for word in words {
        assert!(text.contains(word), "{word} is not in\n{said}");
    }
}

#[test]
fn a_conflict_is_said_with_the_servers_error_table_and_key_and_mended_as_printed() {
    for way in WAYS {
        let stream = Stream::between(way, (&Settings::default(), &with_log()), SOON);
        stream.replicate();
        let watching = stream.watch();
        stream.on_target("insert into orders values (11, 'ours', 'a secret note')");
        stream.on_source("insert into orders values (11, 'theirs', 'a secret note')");
        let (exit, said) = stream.end_of(watching);
        assert_eq!(exit, Some(5), "{said}");
        must_say(
            &said,
            &[
                "a change cannot be applied on the target",
                "Key (id)=(11)",
                "public.orders",
                "delete from \"public\".\"orders\" where id = '11'",
                "skip (lsn = '",
            ],
        );
        assert!(!said.contains("a secret note"), "{said}");
        assert!(!said.contains("theirs"), "{said}");
        let again = stream.folder.apply();
        again.must_end(5, &["Key (id)=(11)"]);
        stream.target.psql("shop", &repair(&said));
        stream.replicate();
        stream.target_says("select email from orders where id = 11", "theirs");
        stream.must_abort();
    }
}

#[test]
fn a_conflict_of_a_key_that_is_text_keeps_its_value_to_the_log() {
    let stream = Stream::between((15, 15), (&Settings::default(), &with_log()), SOON);
    stream.replicate();
    stream.on_target("insert into orders values (100, 'ann@x.example', '')");
    stream.on_source("insert into orders values (11, 'ann@x.example', '')");
    let ran = stream.folder.apply();
    ran.must_end(5, &["Key (email)=(…) already exists", "(email)"]);
    assert!(!ran.stderr.contains("ann@x.example"), "{}", ran.stderr);
}

#[test]
fn a_column_that_the_target_lacks_is_said_and_mended_as_printed() {
    for way in WAYS {
        let stream = Stream::between(way, (&Settings::default(), &with_log()), SOON);
        stream.replicate();
        let watching = stream.watch();
        stream.on_source("alter table orders add column \"The Price\" numeric(8, 2)");
        stream.on_source("insert into orders values (11, 'x', 'y', 1.25)");
        let (exit, said) = stream.end_of(watching);
        assert_eq!(exit, Some(5), "{said}");
        let alter = "alter table \"public\".\"orders\" add column \"The Price\" numeric(8,2);";
        must_say(&said, &["missing replicated column", alter]);
        stream.target.psql("shop", &repair(&said));
        stream.replicate();
        let price = "select \"The Price\" from orders where id = 11";
        stream.target_says(price, "1.25");
    }
}

#[test]
fn a_conflict_just_before_the_cutover_has_it_taken_back_with_this_reason() {
    for way in WAYS {
        let stream = Stream::between(way, (&Settings::default(), &with_log()), SOON);
        let hook = stream.folder.path().join("hook");
        let hooks = format!(
            "cutover: {{ hooks: {{ before_fence: [[/bin/sh, \"{}\"]] }} }}\n",
            hook.display()
        );
        stream.say_besides(&hooks);
        let psql = |url: &str, sql: &str| {
            let psql = tools(way.1).join("psql");
            format!("{} -d '{url}' -qc \"{sql}\" || exit 1\n", psql.display())
        };
        let ours = "begin read write; insert into orders values (11, 'ours', ''); commit";
        let theirs = "insert into orders values (11, 'theirs', '')";
        let both =
            psql(&stream.target.url("shop"), ours) + &psql(&stream.source.url("shop"), theirs);
        std::fs::write(&hook, both).expect("the folder is ours");
        stream.replicate();
        let ran = stream.folder.run(&["cutover", "--yes"]);
        ran.must_end(8, &[]);
        must_say(
            &ran.stderr,
            &[
                "Key (id)=(11)",
                "public.orders",
                "The source serves as before",
            ],
        );
        assert!(
            !ran.stderr.contains("Replication goes on"),
            "{}",
            ran.stderr
        );
        stream.on_source("insert into orders values (12, 'still', 'served')");
        stream.target.psql("shop", &repair(&ran.stderr));
        std::fs::write(&hook, "").expect("the folder is ours");
        stream.folder.run(&["cutover", "--yes"]).must_end(0, &[]);
        stream.target_says("select count(*) from orders", "12");
    }
}

#[test]
fn a_log_that_cannot_be_read_is_named_with_the_tables_that_come_next() {
    for way in WAYS {
        let quiet = Settings::default();
        let stream = Stream::between(way, (&quiet, &quiet), SOON);
        stream.replicate();
        let watching = stream.watch();
        stream.on_target("insert into orders values (11, 'ours', '')");
        stream.on_source("insert into orders values (11, 'theirs', '')");
        let (exit, said) = stream.end_of(watching);
        assert_eq!(exit, Some(5), "{said}");
        must_say(
            &said,
            &[
                "failed 3 times at the same place",
                "the next changes in the slot are to public.orders (key id)",
                "standard error",
            ],
        );
    }
}

#[test]
fn a_subscription_that_somebody_disabled_is_said_to_be() {
    let stream = Stream::between((15, 15), (&Settings::default(), &with_log()), SOON);
    stream.replicate();
    let watching = stream.watch();
    stream.on_target("alter subscription pg_dbmigrator_shop disable");
    let (exit, said) = stream.end_of(watching);
    assert_eq!(exit, Some(5), "{said}");
    must_say(&said, &["subscription pg_dbmigrator_shop is disabled"]);
    stream.target.psql("shop", &repair(&said));
    stream.replicate();
}
