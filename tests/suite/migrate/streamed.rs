//! Streamed copies of tables that are hard to cut and values that are hard to send: they end equal,
//! however many jobs there are. Never filters, and never kills anything.

use super::ground::{Migration, other};
use crate::support::Cluster;

/// What the plans have in common.
const REST: &str = "verify: rows\nrestore: { existing: replace }\n";

/// `pg_dump` puts columns that are inherited first, wherever they stood.
fn reordered((from, to): (u32, u32)) -> &'static [&'static str] {
    // Across majors the check compares with what that source's dump makes.
    if from == to {
        &["heir; Type: TABLE"]
    } else {
        &[]
    }
}

const SPLIT: &str = "method: stream, split_larger_than: 32KiB";

fn odd_tables(majors: (u32, u32), copy: &str) -> Migration {
    let keys = format!("copy: {{ {copy} }}\n{REST}");
    Migration::new(majors, "odd", &keys).load("odd_tables.sql")
}

/// The steps that copied something, as the journal has them.
fn copied(migration: &Migration) -> String {
    let journal = migration.folder.state().join("journal.jsonl");
    std::fs::read_to_string(journal).expect("apply wrote it")
}

fn end_equal(majors: (u32, u32)) {
    for copy in [
        SPLIT.to_owned(),
        format!("{SPLIT}, format: text"),
        "method: stream".to_owned(),
    ] {
        let migration = odd_tables(majors, &copy);
        migration.folder.apply().must_end(0, &[]);
        migration.must_differ_only_in(reordered(majors));
        let (journal, split) = (copied(&migration), copy.contains("split"));
        for table in ["dead_space", "no_columns_at_all", "parted_turned", "heir"] {
            let part = format!("copy.public.{table}.2");
            assert_eq!(journal.contains(&part), split, "{part}");
        }
        let binary = "\\\"sent_in_binary\\\" (\\\"a\\\"";
        assert!(journal.contains(binary), "{journal}");
        assert_eq!(journal.contains("format binary"), !copy.contains("text"));
    }
}

#[test]
fn odd_tables_streamed_end_equal_from_15_to_15() {
    end_equal((15, 15));
}

#[test]
fn odd_tables_streamed_end_equal_from_15_to_18() {
    end_equal((15, 18));
}

#[test]
fn odd_tables_streamed_end_equal_from_16_to_18() {
    end_equal((16, 18));
}

#[test]
fn tables_streamed_in_parts_end_equal_whatever_the_number_of_jobs() {
    let migration = Migration::new((15, 15), "jobs", "").fill(
        "create table one (id int primary key, text text);
         insert into one select n, repeat('o', 100) from generate_series(1, 2000) n;
         create table two as select * from one where id % 3 > 0; create index on two (text, id);
         create table three (one int references one);
         insert into three select n from generate_series(1, 2000) n",
    );
    for jobs in 1..=8 {
        migration.plan(&format!("copy: {{ {SPLIT}, jobs: {jobs} }}\n{REST}"));
        migration.folder.apply().must_end(0, &[]);
        migration.must_be_equal();
        std::fs::remove_dir_all(migration.folder.state()).expect("ours");
    }
}

/// As `pg_dump` does: bytes that are no text in any encoding travel as they are.
/// A database of the encoding, with rows that hold what is not UTF-8.
fn in_encoding(
    encoding: &str,
    text: &str,
    (from, to): (&'static Cluster, &'static Cluster),
) -> Migration {
    let migration = Migration::between(from, to, "bytes", &format!("copy: {{ {SPLIT} }}\n"));
    let name = &migration.source;
    migration.from.drop_database(name);
    let create =
        format!("create database \"{name}\" template template0 encoding '{encoding}' locale 'C'");
    migration.from.psql("postgres", &create);
    migration.fill(&format!(
        "set client_encoding = {encoding};
         create type mood as enum ('sad');
         create table with_types as select n, {text} || repeat('x', 90) as t, 'sad'::mood as m
         from generate_series(1, 300) n;
         create table without_types as select n, t, t::bytea as b from with_types"
    ))
}

#[test]
fn a_database_whose_encoding_is_not_utf_8_is_streamed_byte_by_byte() {
    // Without the roles of other tests, whose names not every encoding has.
    let clusters = [(); 2].map(|()| &*Box::leak(Box::new(Cluster::start(15))));
    let clusters = (clusters[0], clusters[1]);
    for (encoding, text) in [
        ("SQL_ASCII", r"E'\xe9\xff\x80'"),
        ("LATIN1", r"E'\xe9\xff'"),
        ("EUC_JP", r"E'\xa4\xa2\x8e\xb1\x8f\xb0\xa1'"),
    ] {
        let migration = in_encoding(encoding, text, clusters);
        let ran = migration.folder.apply();
        assert_eq!(ran.exit, Some(0), "{encoding}: {ran:?}");
        let sum = "select sum(hashtext(encode(t::bytea, 'hex'))) from with_types
            union all select sum(hashtext(encode(t::bytea, 'hex'))) from without_types";
        assert_eq!(migration.ask_source(sum), migration.ask_target(sum));
    }
}

/// PostgreSQL reads a role's name in the encoding of whatever database asks.
#[test]
fn a_role_whose_name_makes_no_sense_in_the_encoding_of_the_database_is_told_of() {
    let clusters = (Cluster::shared(15), other(15));
    let migration = in_encoding("EUC_JP", r"E'\xa4\xa2'", clusters).with_role("señor ß");
    let ran = migration.folder.apply();
    ran.must_end(4, &["cannot be told in UTF-8", "EUC_JP", "Rename it"]);
}

/// The most memory that a process had at once, in KiB, as far as it is seen.
fn weighed(mut program: std::process::Child) -> (Option<i32>, u64) {
    let status = format!("/proc/{}/status", program.id());
    let mut most = 0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("VmHWM"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
        most = most.max(kib.unwrap_or(0));
        if let Some(ended) = program.try_wait().expect("it is ours") {
            return (ended.code(), most);
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Neither side needs more than a piece of it at a time.
#[test]
fn a_row_of_200_mb_passes_through_little_memory_in_either_format() {
    let migration = Migration::new((15, 15), "heavy", "copy: { method: stream }\n").fill(
        "create type mood as enum ('sad');
         create table in_binary (id int, text text);
         create table as_text (id int, text text, mood mood);
         alter table in_binary alter text set storage external;
         alter table as_text alter text set storage external;
         insert into in_binary values (1, repeat('x', 200000000));
         insert into as_text values (1, repeat('x', 200000000), 'sad')",
    );
    let mut apply = migration.folder.command(&["apply", "--yes"]);
    let apply = apply.stdout(std::process::Stdio::null());
    let (exit, most) = weighed(apply.spawn().expect("it is built"));
    assert_eq!(exit, Some(0));
    assert!(most < 100 * 1024, "{most} KiB");
    for table in ["in_binary", "as_text"] {
        let sum = format!("select md5(text) from {table}");
        assert_eq!(migration.ask_source(&sum), migration.ask_target(&sum));
        migration
            .to
            .psql(&migration.target, &format!("drop table {table}"));
        migration
            .from
            .psql(&migration.source, &format!("drop table {table}"));
    }
}
