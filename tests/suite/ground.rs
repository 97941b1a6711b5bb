//! Tests of the servers that all other tests stand on.
//! Never tests the project itself.

use crate::support::certificates::Authority;
use crate::support::{Cluster, Settings, data, tools, wait_until};
use std::process::Command;

#[test]
fn a_server_of_each_major_answers() {
    for major in [15, 16, 17, 18] {
        let cluster = Cluster::start(major);
        let version = cluster.psql("postgres", "show server_version_num");
        assert_eq!(version.parse::<u32>().expect("a number") / 10000, major);
    }
}

#[test]
fn two_servers_alive_at_once_have_system_identifiers_of_their_own() {
    let identifier = "select system_identifier from pg_control_system()";
    let (one, other) = (Cluster::start(15), Cluster::start(15));
    assert_ne!(
        one.psql("postgres", identifier),
        other.psql("postgres", identifier)
    );
}

#[test]
fn a_dropped_server_is_gone() {
    let cluster = Cluster::start(15);
    let (home, url) = (cluster.socket_folder().to_owned(), cluster.url("postgres"));
    drop(cluster);
    assert!(!home.exists());
    let psql = Command::new(tools(15).join("psql"))
        .arg(url)
        .args(["-c", "select 1"])
        .output();
    assert!(!psql.expect("psql starts").status.success());
}

#[test]
fn a_server_dies_with_a_test_that_panics() {
    let home = std::panic::catch_unwind(|| {
        let cluster = Cluster::start(15);
        std::panic::panic_any(cluster.socket_folder().to_owned());
    });
    let home = home
        .expect_err("it panics")
        .downcast::<std::path::PathBuf>()
        .expect("a path");
    assert!(!home.exists());
}

/// Starts this very test a second time, as a process that has a server and waits to be killed.
#[test]
fn a_server_dies_with_a_test_process_that_is_killed() {
    let variable = "PG_DBMIGRATOR_TEST_TELLS_ITS_HOME_TO";
    if let Some(told) = std::env::var_os(variable) {
        let cluster = Cluster::start(15);
        std::os::unix::fs::symlink(cluster.socket_folder(), told).expect("the name is new");
        loop {
            std::thread::park();
        }
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let told = folder.path().join("home");
    let mut process = Command::new(std::env::current_exe().expect("a test has a program"))
        .args([
            "--exact",
            "ground::a_server_dies_with_a_test_process_that_is_killed",
        ])
        .env(variable, &told)
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    wait_until("the other process has a server", || told.exists());
    let home = std::fs::read_link(&told).expect("it is a link");
    process.kill().expect("it runs");
    process.wait().expect("it is a child");
    wait_until("the server's folder is gone", || !home.exists());
}

#[test]
fn a_server_can_be_asked_to_log_and_to_listen_on_loopback() {
    let settings = Settings {
        tcp: true,
        ..Settings::default()
    }
    .with("log_statement", "all");
    let cluster = Cluster::start_with(16, &settings);
    let database = cluster.create_database("a b");
    let psql = Command::new(tools(16).join("psql"))
        .arg(cluster.tcp_url(&database))
        .args(["-XAtc", "select current_database() || inet_server_port()"])
        .output()
        .expect("psql starts");
    let answer = String::from_utf8_lossy(&psql.stdout);
    assert_eq!(answer.trim(), format!("{database}{}", cluster.port()));
    assert!(cluster.log().contains("select current_database()"));
}

#[test]
fn a_server_with_tls_shows_its_certificate_and_asks_for_the_clients() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let authority = Authority::new(folder.path(), "authority");
    let client = authority.sign("postgres", &[]);
    let server = authority.sign("localhost", &["localhost", "127.0.0.1"]);
    let settings = Settings {
        tcp: true,
        hba: Some("local all all trust\nhostssl all all 127.0.0.1/32 cert\n".to_owned()),
        tls: Some(server.for_server(Some(&authority))),
        ..Settings::default()
    };
    let cluster = Cluster::start_with(15, &settings);
    let answer = |arguments: &str| {
        let url = format!(
            "{}?sslmode=verify-full&sslrootcert={}{arguments}",
            cluster.tcp_url("postgres"),
            authority.certificate.display()
        );
        let ask = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
        Command::new(tools(15).join("psql"))
            .arg(url)
            .args(["-XAtc", ask])
            .output()
    };
    let own = format!(
        "&sslcert={}&sslkey={}",
        client.certificate.display(),
        client.key.display()
    );
    let with = answer(&own).expect("psql starts");
    assert_eq!(
        String::from_utf8_lossy(&with.stdout).trim(),
        "t",
        "{with:?}"
    );
    assert!(!answer("").expect("psql starts").status.success());
}

#[test]
fn one_of_everything_loads_on_every_major_also_beside_an_earlier_one() {
    for major in [15, 16, 17, 18] {
        let cluster = Cluster::shared(major);
        for _ in 0..2 {
            let database = cluster.create_database("everything");
            cluster.load(&database, &data("one_of_everything.sql"));
            cluster.drop_database(&database);
        }
    }
}
