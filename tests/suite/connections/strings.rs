//! Connection strings of every shape, compared with where psql ends up on the same string.
//! Never parses one itself.

use super::{Around, own_answer, psql_answer, system_user};
use crate::support::port::Port;
use crate::support::{Cluster, Settings};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const WHO: &str = "select format('%s|%s|%s|%s', current_user, current_database(), \
                   inet_server_port(), current_setting('work_mem'))";

const ODD: &str = "o'd:d \\d@b/%";

fn start() -> Cluster {
    let settings = Settings {
        tcp: true,
        hba: Some("local all all trust\nhost all all 127.0.0.1/32 trust\n".to_owned()),
        ..Settings::default()
    };
    let cluster = Cluster::start_with(15, &settings);
    cluster.psql(
        "postgres",
        &format!("create role \"{ODD}\" login superuser"),
    );
    cluster.psql("postgres", &format!("create database \"{ODD}\""));
    let user = system_user();
    if user != "postgres" {
        cluster.psql(
            "postgres",
            &format!("create role \"{user}\" login superuser"),
        );
        cluster.psql("postgres", &format!("create database \"{user}\""));
    }
    cluster
}

/// Fills `{dir}`, `{enc}`, `{port}` and `{closed}`, and compares; says whether psql got in.
fn compare(cluster: &Cluster, around: &Around<'_>, text: &str) -> bool {
    let closed = Port::free();
    let directory = cluster.socket_folder().display().to_string();
    let text = text
        .replace("{dir}", &directory)
        .replace("{enc}", &directory.replace('/', "%2F"))
        .replace("{port}", &cluster.port().to_string())
        .replace("{closed}", &closed.number().to_string());
    let psql = psql_answer(around, &text, WHO);
    let here = own_answer(around, &text, WHO);
    assert_eq!(
        here.as_ref().ok().cloned().flatten(),
        psql,
        "{text}: {here:?}"
    );
    psql.is_some()
}

#[test]
fn every_well_formed_string_leads_where_psql_goes() {
    let cluster = start();
    let home = tempfile::tempdir().expect("a temporary folder");
    let around = Around::home(home.path());
    for text in [
        "postgresql://postgres@{enc}:{port}/postgres",
        "postgres://{enc}:{port}",
        "postgres:///postgres?host={dir}&port={port}&user=postgres",
        "postgres:///?host={dir}&port={port}&dbname=o'd%3Ad%20%5Cd%40b%2F%25",
        "postgres://o'd%3ad%20%5cd%40b%2f%25@{enc}:{port}/template1",
        "postgres://o'd%3ad%20%5cd%40b%2f%25:pass%20word@127.0.0.1:{port}/o'd:d%20%5Cd@b/%25",
        "postgres://postgres:a:b@127.0.0.1:{port}/postgres",
        "postgres://postgres@127.0.0.1:{port}/postgres?options=-c%20work_mem%3D3MB",
        "postgres://127.0.0.1:{closed},127.0.0.1:{port}/postgres",
        "postgres://127.0.0.1,localhost:{port}/postgres?hostaddr=127.0.0.1,127.0.0.1&port={closed},{port}",
        "postgres://[::1]:{closed},127.0.0.1:{port}/postgres",
        "postgres://nowhere.invalid:{closed},127.0.0.1:{port}/postgres",
        "postgres://127.0.0.1:{port}/postgres?application_name=a&connect_timeout=5&",
        "postgres://127.0.0.1:{port}/postgres?",
        "postgres://{enc}:{port}/postgres?ssl=true",
        "postgres://127.0.0.1:{port}?user=postgres&dbname=postgres&sslmode=disable",
        "postgres://template1@127.0.0.1:{port}/?user=postgres",
        "host={dir} port={port} dbname=postgres",
        "  host = {dir}\tport= {port}\n dbname ='postgres' ",
        "host={dir} port={port} dbname='o\\'d:d \\\\d@b/%'",
        "host={dir} port={port} dbname=o\\'d:d\\ \\\\d@b/% user=postgres",
        "host={dir} port={port} dbname=template1 dbname=postgres",
        "host={dir} port={port} dbname = ",
        "host='' hostaddr=127.0.0.1 port={port} dbname=postgres",
        "host=127.0.0.1,127.0.0.1 port={closed},{port} dbname=postgres",
        "host=127.0.0.1,{dir} port={port} dbname=postgres",
        "host={dir},127.0.0.1 port={closed},{port} dbname=postgres",
        "host=unheard.invalid hostaddr=127.0.0.1 port={port} dbname=postgres",
        "host={dir} hostaddr=127.0.0.1 port={port} dbname=postgres",
        "host=127.0.0.1 port={port} options='-c work_mem=3MB -c application_name=a\\\\ b' dbname=postgres",
        "host=127.0.0.1 port={port} options=''",
        "host=127.0.0.1 port={port} target_session_attrs=read-write",
        "host=127.0.0.1 port={port} target_session_attrs=primary",
        "host=127.0.0.1 port={port} target_session_attrs=prefer-standby",
        "host=127.0.0.1 port={port} target_session_attrs=read-only options='-c default_transaction_read_only=on'",
        "host=127.0.0.1 port={port} connect_timeout=0 keepalives=0",
        "host=127.0.0.1 port={port} connect_timeout=-1 keepalives_idle=5 keepalives_interval=5 keepalives_count=3 tcp_user_timeout=5000",
        "host={dir} port={port} sslmode=require",
        "host={dir} port={port} sslmode=verify-full sslrootcert=",
    ] {
        let gets_in = compare(&cluster, &around, text);
        assert!(gets_in, "psql should get in: {text}");
    }
}

#[test]
fn every_string_that_psql_refuses_is_refused() {
    let cluster = start();
    let home = tempfile::tempdir().expect("a temporary folder");
    let around = Around::home(home.path());
    for text in [
        "postgres://[::1/postgres",
        "postgres://[]:{port}/postgres",
        "postgres://[::1]x/postgres",
        "postgres://127.0.0.1:{port}/postgres?sslmode",
        "postgres://127.0.0.1:{port}/postgres?sslmode=a=b",
        "postgres://127.0.0.1:{port}/postgres?application_name=a&&connect_timeout=5",
        "postgres://127.0.0.1:{port}/postgres?&",
        "postgres://127.0.0.1:{port}/postgres?ssl=true",
        "postgres://127.0.0.1:{port}/postgres?sslmodes=disable",
        "postgres://postgres@127.0.0.1:{port}/postgres?options=-cwork_mem=3MB",
        "postgres://127.0.0.1:{port}/post%gres",
        "postgres://127.0.0.1:{port}/postgres%00",
        "postgres://127.0.0.1:{port}/postgres%2",
        "postgres://127.0.0.1:0/postgres",
        "postgres://127.0.0.1:65536/postgres",
        "postgres://127.0.0.1:x/postgres",
        "postgres://127.0.0.1:{closed}/postgres",
        "postgres://nowhere.invalid:{port}/postgres",
        "host=127.0.0.1 port={port} dbname='postgres",
        "host=127.0.0.1 port={port} dbname",
        "host=127.0.0.1 port={port} sslmode=REQUIRE",
        "host=127.0.0.1 port={port} sslmode=verify_full",
        "host=127.0.0.1 port={port} channel_binding=yes",
        "host=127.0.0.1 port={port} channel_binding=require",
        "host=127.0.0.1 port={port} target_session_attrs=writable",
        "host=127.0.0.1 port={port} target_session_attrs=standby",
        "host=127.0.0.1 port={port} target_session_attrs=read-only",
        "host=127.0.0.1 port={port} connect_timeout=soon",
        "host=127.0.0.1 port={port} keepalives=on",
        "host=127.0.0.1 port={port} service=missing",
        "host=a,b hostaddr=127.0.0.1 port={port}",
        "host=127.0.0.1 port={port},{port}",
        "host=127.0.0.1 hostaddr=localhost port={port}",
        "host=127.0.0.1 port={port} dbname=missing",
        "host=127.0.0.1 port={port} user=missing",
    ] {
        assert!(
            !compare(&cluster, &around, text),
            "psql should not get in: {text}"
        );
    }
}

#[test]
fn services_variables_and_defaults_fill_in_the_order_of_psql() {
    let cluster = start();
    let home = tempfile::tempdir().expect("a temporary folder");
    let (host, port) = (
        cluster.socket_folder().display().to_string(),
        cluster.port(),
    );
    let service = |path: &Path, database: &str| {
        let text = format!(
            "# services\n[other]\ndbname=missing\n\n[mine]\nhost={host}\n port={port} \n\
             dbname={database}\noptions=-c work_mem=3MB\n[last]\ndbname=missing\n"
        );
        fs::write(path, text).expect("the folder takes files");
    };
    service(&home.path().join(".pg_service.conf"), "template1");
    let named = home.path().join("named.conf");
    service(&named, "postgres");
    let named = named.display().to_string();
    let port = port.to_string();
    let database = ("PGDATABASE", "template1");
    let cases: [(&[(&str, &str)], &str); 8] = [
        (&[], "service=mine"),
        (&[("PGSERVICE", "mine")], ""),
        (&[("PGSERVICE", "mine"), ("PGSERVICEFILE", &named)], ""),
        (
            &[("PGSERVICEFILE", &named), database, ("PGUSER", ODD)],
            "service=mine",
        ),
        (
            &[("PGSERVICEFILE", &named)],
            "postgres:///template1?service=mine&user=postgres",
        ),
        (
            &[
                ("PGHOST", &host),
                ("PGPORT", &port),
                database,
                ("PGOPTIONS", "-c work_mem=4MB"),
            ],
            "",
        ),
        (
            &[("PGHOSTADDR", "127.0.0.1"), ("PGPORT", &port)],
            "dbname=postgres",
        ),
        (
            &[("PGHOST", &host), ("PGPORT", "1"), database],
            "postgres://:{port}/postgres",
        ),
    ];
    for (variables, text) in cases {
        let around = Around {
            home: home.path(),
            variables,
        };
        assert!(
            compare(&cluster, &around, text),
            "psql should get in: {variables:?} {text}"
        );
    }
    let around = Around {
        home: home.path(),
        variables: &[("PGSERVICEFILE", "/missing")],
    };
    assert!(!compare(&cluster, &around, "service=mine"));
}

#[test]
fn passwords_come_from_where_psql_takes_them_with_every_channel_binding() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let authority = crate::support::certificates::Authority::new(folder.path(), "authority");
    let server = authority.sign("localhost", &["localhost"]);
    let settings = Settings {
        tcp: true,
        hba: Some("local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n".to_owned()),
        tls: Some(server.for_server(None)),
        ..Settings::default()
    };
    let cluster = Cluster::start_with(15, &settings);
    cluster.psql(
        "postgres",
        "create role app login password 'ho:rse \\ba%tt''ery'",
    );
    let file = folder.path().join("passes");
    let line = r"127.0.0.1:*:postgres:app:ho\:rse \\ba%tt'ery";
    fs::write(
        &file,
        format!("# mine\nelsewhere:*:*:*:wrong\n{line}\n*:*:*:*:wrong\n"),
    )
    .expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let open = folder.path().join("open");
    fs::copy(&file, &open).expect("a copy");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).expect("it is ours");
    let (file, open) = (file.display().to_string(), open.display().to_string());
    let right = ("PGPASSWORD", "ho:rse \\ba%tt'ery");
    let sources: [(&[(&str, &str)], String); 7] = [
        (&[], String::new()),
        (&[], "&password=ho:rse%20%5cba%25tt'ery".to_owned()),
        (&[right], String::new()),
        (&[right], "&password=wrong".to_owned()),
        (&[("PGPASSFILE", &file)], String::new()),
        (&[], format!("&passfile={file}")),
        (&[("PGPASSFILE", &open)], String::new()),
    ];
    let mut verdicts = Vec::new();
    for (variables, password) in &sources {
        let around = Around {
            home: folder.path(),
            variables,
        };
        for mode in ["disable", "prefer", "require"] {
            for binding in ["disable", "prefer", "require"] {
                let text = format!(
                    "postgres://app@127.0.0.1:{{port}}/postgres?sslmode={mode}\
                     &channel_binding={binding}{password}"
                );
                verdicts.push(compare(&cluster, &around, &text));
            }
        }
    }
    // Of nine, one fails for lack of TLS to bind to.
    let counts: Vec<_> = verdicts
        .chunks(9)
        .map(|nine| nine.iter().filter(|in_| **in_).count())
        .collect();
    assert_eq!(counts, [0, 8, 8, 0, 8, 8, 0]);
}
