//! What a failed connection says: what, why, what to do next, and never a password.
//! Never checks whole messages of the operating system.

use super::{Around, own_answer};
use crate::support::{Cluster, Settings};
use pg_dbmigrator::error::Error;
use pg_dbmigrator::postgres::Conninfo;
use pg_dbmigrator::secret::{Sealed, seal};
use std::net::TcpListener;
use std::path::Path;

fn refused(home: &Path, text: &str) -> Error {
    own_answer(&Around::home(home), text, "select ''").expect_err("it must be refused")
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "a table of cases, and what they need"
)]
fn each_refusal_names_the_side_the_cause_and_the_way_out() {
    let settings = Settings {
        tcp: true,
        hba: Some(
            "local all postgres trust\nhost all stranger 127.0.0.1/32 reject\n\
             host all all 127.0.0.1/32 scram-sha-256\n"
                .to_owned(),
        ),
        ..Settings::default()
    };
    let cluster = Cluster::start_with(15, &settings);
    for role in ["app", "stranger", "crowded"] {
        cluster.psql(
            "postgres",
            &format!("create role {role} login password 'a-fine-password'"),
        );
    }
    cluster.psql("postgres", "alter role crowded connection limit 0");
    cluster.psql(
        "postgres",
        "create database closed connection limit 5 allow_connections false",
    );
    cluster.psql("postgres", "create database private");
    cluster.psql("postgres", "revoke connect on database private from public");
    let silent = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let silent = silent.local_addr().expect("it is bound").port();
    let at = |user: &str, database: &str, rest: &str| {
        let port = cluster.port();
        format!("host=127.0.0.1 port={port} user={user} dbname={database} {rest}")
    };
    let fine = "password=a-fine-password";
    let closed = "host=127.0.0.1 port=1 user=app";
    let cases = [
        (
            at("app", "postgres", "password=a-wrong-password"),
            "SQLSTATE 28P01",
            "role app",
        ),
        (at("app", "postgres", ""), "password missing", "env('…')"),
        (
            at("stranger", "postgres", fine),
            "SQLSTATE 28000",
            "pg_hba.conf",
        ),
        (
            at("app", "missing", fine),
            "SQLSTATE 3D000",
            "create missing",
        ),
        (
            at("app", "closed", fine),
            "SQLSTATE 55000",
            "accepts connections",
        ),
        (
            at("app", "private", fine),
            "SQLSTATE 42501",
            "grant connect",
        ),
        (
            at("crowded", "postgres", fine),
            "SQLSTATE 53300",
            "limit of role crowded",
        ),
        (
            at("app", "postgres", "sslmode=require"),
            "does not support TLS",
            "ssl = on",
        ),
        (closed.to_owned(), "refused", "listen_addresses"),
        (
            "host=nowhere.invalid user=app".to_owned(),
            "cannot be resolved",
            "source.url",
        ),
        (
            format!("host=127.0.0.1 port={silent} user=app connect_timeout=1 sslmode=disable"),
            "within 1 s",
            "connect_timeout",
        ),
        (
            format!("{closed} sslmodes=a"),
            "sslmodes",
            "Did you mean `sslmode`?",
        ),
        (format!("{closed} sslmode=full"), "sslmode", "verify-full"),
        (
            format!("{closed} sslmode=verify-ca"),
            "sslmode",
            "sslrootcert=system",
        ),
        (
            format!("{closed} sslrootcert=/missing.crt"),
            "/missing.crt",
            "Correct the path",
        ),
        (
            format!("{closed} sslmode=require sslrootcert=system"),
            "weaker",
            "verify-full",
        ),
        (
            format!("{closed} sslnegotiation=direct"),
            "optional",
            "sslmode=require",
        ),
        (
            format!("{closed} require_auth=scram-sha-256"),
            "require_auth",
            "channel_binding",
        ),
        (
            format!("{closed} gssencmode=require"),
            "GSSAPI",
            "verify-full",
        ),
        (
            format!("{closed} load_balance_hosts=random"),
            "random",
            "which server",
        ),
        ("jdbc:postgresql://a/b".to_owned(), "JDBC", "postgresql://"),
        ("shop".to_owned(), "without a `=`", "dbname=…"),
    ];
    let home = tempfile::tempdir().expect("a temporary folder");
    for (text, cause, next) in cases {
        let error = refused(home.path(), &text);
        let shown = error.to_string();
        assert!(shown.contains(cause), "{text}: {shown}");
        assert!(error.causes().len() <= 1, "tried more than once: {shown}");
        assert!(error.next().contains(next), "{text}: {shown}");
        assert!(
            shown.contains("source") || shown.contains("/missing.crt") || cause == "require_auth",
            "{text}: {shown}"
        );
        assert!(
            !shown.contains("a-wrong-password") && !shown.contains("a-fine-"),
            "{text}: {shown}"
        );
    }
}

#[test]
fn each_server_that_was_tried_is_listed() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let error = refused(
        home.path(),
        "postgres://app@127.0.0.1:1,nowhere.invalid:2/shop",
    );
    assert_eq!(
        error.what(),
        "cannot connect to the source: database shop at 127.0.0.1:1, nowhere.invalid:2 as user app"
    );
    let causes = error.causes();
    assert!(causes[0].starts_with("127.0.0.1:1: "), "{causes:?}");
    assert!(causes[1].starts_with("nowhere.invalid:2: "), "{causes:?}");
}

#[test]
fn a_password_file_that_others_may_read_is_named_when_the_password_is_missing() {
    let settings = Settings {
        tcp: true,
        hba: Some("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n".to_owned()),
        ..Settings::default()
    };
    let cluster = Cluster::start_with(15, &settings);
    let home = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(home.path().join(".pgpass"), "*:*:*:*:anything").expect("a file");
    let error = refused(home.path(), &cluster.tcp_url("postgres"));
    assert!(error.to_string().contains("chmod 0600"), "{error}");
}

#[test]
fn no_string_however_broken_shows_its_password() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let environment = Around::home(home.path()).environment();
    for text in [
        "postgres://u:hunter2secret@127.0.0.1:1/d",
        "postgres://u:hunter2secret@127.0.0.1:1/d?sslmode=hunter2",
        "postgres://u:hunter2secret@127.0.0.1:x/d",
        "postgres://u:hunter2secret@[::1/d",
        "postgres://u:hunter2secret?x@127.0.0.1:1/d",
        "postgres://u:hunter2secret/y@127.0.0.1:1/d",
        "postgres://u:hunter2secret?a=b@127.0.0.1:1/d",
        "postgres://u:1?hunter2secret=b@127.0.0.1:1/d/",
        "postgres://u:x%hunter2secret@127.0.0.1:1/d",
        "postgres://u@127.0.0.1:1/d?password=hunter2secret&sslmode",
        "postgres://u@127.0.0.1:1/d?passwort=hunter2secret",
        "postgres://u@127.0.0.1:1/d?sslpassword=hunter2secret",
        "host=127.0.0.1 port=1 password=hunter2secret",
        "host=127.0.0.1 port=1 password=a hunter2secret",
        "host=127.0.0.1 port=1 password=a hunter2secret=b",
        "host=127.0.0.1 port=1 password='hunter2secret",
        "host=127.0.0.1 port=1 hunter2secret",
        "jdbc:postgresql://h/d?password=hunter2secret",
        "hunter2secret",
    ] {
        for text in [text.to_owned(), seal("env URL", text)] {
            let sealed = Sealed::new(text);
            let shown = match Conninfo::resolve("source", &sealed, &environment) {
                Err(error) => format!("{error} {error:?}"),
                Ok(conninfo) => {
                    let failed = super::answer(&conninfo, "select ''").expect_err("nobody listens");
                    format!("{conninfo:?} {} {failed} {failed:?}", conninfo.place())
                }
            };
            assert!(!shown.contains("hunter2secret"), "{shown}");
        }
    }
}

#[test]
fn a_sealed_password_needs_no_encoding_and_a_sealed_url_hides_its_password() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let cluster = Cluster::start_with(
        15,
        &Settings {
            tcp: true,
            hba: Some("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n".to_owned()),
            ..Settings::default()
        },
    );
    let password = "p@ss/w:rd? 100% 'fine' \\ #&=";
    let quoted = password.replace('\'', "''");
    cluster.psql(
        "postgres",
        &format!("create role app login password '{quoted}'"),
    );
    let placeholder = seal("env APP_PASSWORD", password);
    let (port, around) = (cluster.port(), Around::home(home.path()));
    let encoded = "p%40ss%2Fw%3Ard%3F%20100%25%20'fine'%20%5C%20%23%26%3D";
    for text in [
        format!("postgres://app:{placeholder}@127.0.0.1:{port}/postgres"),
        format!("postgres://app@127.0.0.1:{port}/postgres?password={placeholder}"),
        format!("host=127.0.0.1 port={port} user=app dbname=postgres password={placeholder}"),
        format!("host=127.0.0.1 port={port} user=app dbname=postgres password='{placeholder}'"),
        seal(
            "env URL",
            format!("postgres://app:{encoded}@127.0.0.1:{port}/postgres"),
        ),
    ] {
        let answer = own_answer(&around, &text, "select current_user::text");
        assert_eq!(answer, Ok(Some("app".to_owned())));
    }
}
