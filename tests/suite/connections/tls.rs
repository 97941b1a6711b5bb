//! Every sslmode against every kind of server, compared with psql's verdict on the same string.
//! Never looks into the handshake: only who gets in, and whether encrypted.

use super::revocation::Revocation;
use super::{Around, answer, own_answer, psql_answer};
use crate::support::certificates::{Authority, Pair};
use crate::support::{Cluster, Settings, tools};
use pg_dbmigrator::postgres::Conninfo;
use pg_dbmigrator::secret::Sealed;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const MODES: [&str; 6] = [
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];
const ENCRYPTED: &str = "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()";
const LETS_ALL_IN: &str = "local all all trust\nhost all all 127.0.0.1/32 trust\n";

/// A self-signed certificate: its own root, as many servers have.
fn self_signed(folder: &Path, stem: &str, change: impl FnOnce(&mut CertificateParams)) -> Pair {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut params = CertificateParams::new(names).expect("the names are valid");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(&mut params);
    let key = KeyPair::generate().expect("ring makes keys");
    let signed = params.self_signed(&key).expect("it is complete");
    let pair = Pair {
        certificate: folder.join(format!("{stem}.crt")),
        key: folder.join(format!("{stem}.key")),
    };
    fs::write(&pair.certificate, signed.pem()).expect("the folder takes files");
    fs::write(&pair.key, key.serialize_pem()).expect("the folder takes files");
    pair
}

/// A server, what its name in a failure is, and the root file that knows its certificate.
struct Kind {
    name: &'static str,
    cluster: Cluster,
    root: PathBuf,
}

fn start(name: &'static str, root: &Path, pair: Option<(&Pair, &Authority)>, hba: &str) -> Kind {
    let settings = Settings {
        tcp: true,
        hba: Some(hba.to_owned()),
        tls: pair.map(|(pair, clients)| pair.for_server(Some(clients))),
        ..Settings::default()
    };
    Kind {
        name,
        cluster: Cluster::start_with(15, &settings),
        root: root.to_owned(),
    }
}

fn kinds(folder: &Path, authority: &Authority) -> Vec<Kind> {
    let good = authority.sign("good", &["localhost", "127.0.0.1"]);
    let name_only = authority.sign("name", &["localhost"]);
    let other_name = authority.sign("other", &["db.example"]);
    let alone = self_signed(folder, "alone", |_| {});
    let expired = self_signed(folder, "expired", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let ca = authority.certificate.as_path();
    let tcp = |kind: &str, method: &str| format!("{kind} all all 127.0.0.1/32 {method}\n");
    vec![
        start("without TLS", ca, None, LETS_ALL_IN),
        start("with TLS", ca, Some((&good, authority)), LETS_ALL_IN),
        start(
            "TLS demanded",
            ca,
            Some((&good, authority)),
            &tcp("hostssl", "trust"),
        ),
        start(
            "TLS shut out",
            ca,
            Some((&good, authority)),
            &tcp("hostnossl", "trust"),
        ),
        start(
            "no address in it",
            ca,
            Some((&name_only, authority)),
            LETS_ALL_IN,
        ),
        start(
            "another name",
            ca,
            Some((&other_name, authority)),
            LETS_ALL_IN,
        ),
        start(
            "client certificate",
            ca,
            Some((&good, authority)),
            &tcp("hostssl", "cert"),
        ),
        start(
            "self-signed",
            &alone.certificate,
            Some((&alone, authority)),
            LETS_ALL_IN,
        ),
        start(
            "expired",
            &expired.certificate,
            Some((&expired, authority)),
            LETS_ALL_IN,
        ),
    ]
}

/// The connection string's variable parts, for every combination.
fn strings(kind: &Kind, wrong: &Authority, own: &Pair) -> Vec<String> {
    let port = kind.cluster.port();
    let root = |path: &Path| format!(" sslrootcert={}", path.display());
    let roots = [String::new(), root(&kind.root), root(&wrong.certificate)];
    let hosts = [
        "host=localhost",
        "host=127.0.0.1",
        "host=db.example hostaddr=127.0.0.1",
        "hostaddr=127.0.0.1",
    ];
    let certificate = own.certificate.display();
    let client = format!(" sslcert={certificate} sslkey={}", own.key.display());
    let mut strings = Vec::new();
    for mode in MODES {
        for host in hosts {
            for root in &roots {
                let text = format!(
                    "{host} port={port} dbname=postgres user=postgres sslmode={mode}{root}"
                );
                if kind.name == "client certificate" {
                    strings.push(format!("{text}{client}"));
                }
                strings.push(text);
            }
        }
    }
    strings
}

/// What a child psql with the program's files answers; `None` when there is no connection.
fn child_answer(around: &Around<'_>, text: &str, folder: &Path) -> Option<String> {
    let conninfo = Conninfo::resolve("source", &Sealed::new(text), &around.environment()).ok()?;
    let files = conninfo
        .child_files(folder, "source")
        .expect("it can be written");
    let output = Command::new(tools(15).join("psql"))
        .args(["-XAtw", "-d", &files.argument(), "-c", ENCRYPTED])
        .env_clear()
        .envs(files.environment())
        .output()
        .expect("psql starts");
    let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(answer)
}

#[test]
fn every_sslmode_comes_to_psqls_verdict_here_and_in_child_programs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let authority = Authority::new(folder.path(), "authority");
    let wrong = Authority::new(folder.path(), "wrong");
    let own = authority.sign("postgres", &[]);
    let around = Around::home(folder.path());
    let (mut differences, mut verdicts) = (Vec::new(), [0; 3]);
    for kind in kinds(folder.path(), &authority) {
        for text in strings(&kind, &wrong, &own) {
            let psql = psql_answer(&around, &text, ENCRYPTED);
            let here = own_answer(&around, &text, ENCRYPTED);
            let child = child_answer(&around, &text, folder.path());
            verdicts[match psql.as_deref() {
                None => 0,
                Some("false") => 1,
                Some(_) => 2,
            }] += 1;
            if here.as_ref().ok().cloned().flatten() != psql || child != psql {
                let name = kind.name;
                differences.push(format!(
                    "{name}: {text}\n  psql {psql:?}, here {here:?}, child {child:?}"
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(
        verdicts.iter().all(|count| *count > 50),
        "the table is lopsided: {verdicts:?}"
    );
}

#[test]
fn a_certificate_with_a_common_name_only_is_refused_by_name_under_verify_full() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let authority = Authority::new(folder.path(), "authority");
    let server = authority.sign("localhost", &[]);
    let kind = start(
        "CN",
        &authority.certificate,
        Some((&server, &authority)),
        LETS_ALL_IN,
    );
    let around = Around::home(folder.path());
    let text = |mode: &str| {
        let root = kind.root.display();
        let port = kind.cluster.port();
        format!("host=localhost port={port} user=postgres sslmode={mode} sslrootcert={root}")
    };
    let psql = psql_answer(&around, &text("verify-full"), ENCRYPTED);
    assert_eq!(
        psql.as_deref(),
        Some("true"),
        "libpq still takes the common name"
    );
    let error = own_answer(&around, &text("verify-full"), ENCRYPTED).expect_err("refused");
    assert!(
        error.to_string().contains("common name (CN) alone"),
        "{error}"
    );
    assert!(error.next().contains("subjectAltName"), "{error}");
    let weaker = own_answer(&around, &text("verify-ca"), ENCRYPTED);
    assert_eq!(weaker, Ok(Some("true".to_owned())));
}

#[test]
fn the_files_below_dot_postgresql_and_the_ssl_variables_count_as_for_psql() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let authority = Authority::new(folder.path(), "authority");
    let wrong = Authority::new(folder.path(), "wrong");
    let server = authority.sign("localhost", &["localhost"]);
    let own = authority.sign("postgres", &[]);
    let hba = "hostssl all all 127.0.0.1/32 cert\n";
    let kind = start("", &authority.certificate, Some((&server, &authority)), hba);
    let home = folder.path().join(".postgresql");
    fs::create_dir(&home).expect("the name is new");
    let port = kind.cluster.port().to_string();
    let certificate = |authority: &Authority| authority.certificate.display().to_string();
    let (right, other) = (certificate(&authority), certificate(&wrong));
    let mut compared = Vec::new();
    let mut compare = |step: &str| {
        for (root, mode) in [
            (&right, "verify-full"),
            (&other, "require"),
            (&String::new(), "require"),
        ] {
            let mut variables = vec![
                ("PGPORT", port.as_str()),
                ("PGSSLMODE", mode),
                ("PGUSER", "postgres"),
            ];
            variables.extend((!root.is_empty()).then_some(("PGSSLROOTCERT", root.as_str())));
            let around = Around {
                home: folder.path(),
                variables: &variables,
            };
            let psql = psql_answer(&around, "host=localhost", ENCRYPTED);
            let here = own_answer(&around, "host=localhost", ENCRYPTED);
            assert_eq!(
                here.as_ref().ok().cloned().flatten(),
                psql,
                "{step}, {mode}, {root}: {here:?}"
            );
            compared.push(psql.is_some());
        }
    };
    compare("nothing at home");
    fs::copy(&own.certificate, home.join("postgresql.crt")).expect("a file");
    fs::copy(&own.key, home.join("postgresql.key")).expect("a file");
    compare("a client certificate at home");
    fs::copy(&wrong.certificate, home.join("root.crt")).expect("a file");
    compare("the wrong root at home");
    assert_eq!(
        compared,
        [false, false, false, true, false, true, true, false, false]
    );
}

#[test]
fn pg_dump_gets_in_exactly_where_the_program_does() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let authority = Authority::new(folder.path(), "authority");
    let around = Around::home(folder.path());
    let mut verdicts = [0; 2];
    for kind in kinds(folder.path(), &authority) {
        for mode in MODES {
            let (port, root) = (kind.cluster.port(), kind.root.display());
            let url = format!(
                "postgres://postgres@127.0.0.1:{port}/postgres?sslmode={mode}&sslrootcert={root}"
            );
            let conninfo = Conninfo::resolve("source", &Sealed::new(url), &around.environment());
            let conninfo = conninfo.expect("it is well-formed");
            let here = answer(&conninfo, ENCRYPTED);
            let files = conninfo
                .child_files(folder.path(), "source")
                .expect("it can be written");
            let dump = Command::new(tools(15).join("pg_dump"))
                .args(["-w", "-s", "-d", &files.argument()])
                .env_clear()
                .envs(files.environment())
                .output()
                .expect("pg_dump starts");
            assert_eq!(
                dump.status.success(),
                here.is_ok(),
                "{}, {mode}: {here:?}, {dump:?}",
                kind.name
            );
            verdicts[usize::from(here.is_ok())] += 1;
        }
    }
    assert!(
        verdicts.iter().all(|count| *count > 5),
        "the table is lopsided: {verdicts:?}"
    );
}

#[test]
fn a_revoked_certificate_is_refused_and_a_current_list_is_demanded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let revocation = Revocation::new(folder.path());
    let kind = start(
        "",
        &revocation.root,
        Some((&revocation.server, &revocation.clients)),
        LETS_ALL_IN,
    );
    let around = Around::home(folder.path());
    let text = |list: &Path| {
        let (port, root, list) = (kind.cluster.port(), kind.root.display(), list.display());
        format!(
            "host=localhost port={port} user=postgres sslmode=verify-full sslrootcert={root} sslcrl={list}"
        )
    };
    for (list, passes) in [
        (&revocation.without, true),
        (&revocation.with, false),
        (&revocation.old, false),
    ] {
        let text = text(list);
        let psql = psql_answer(&around, &text, ENCRYPTED);
        let here = own_answer(&around, &text, ENCRYPTED);
        assert_eq!(
            (psql.is_some(), here.is_ok()),
            (passes, passes),
            "{text}: {here:?}"
        );
        assert_eq!(
            child_answer(&around, &text, folder.path()).is_some(),
            passes,
            "{text}"
        );
    }
}
