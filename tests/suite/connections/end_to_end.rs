//! Connections of a whole migration: what the runner connects with is what its programs get.
//! Never looks at single parameters; the other tests of connections do.

use crate::support::certificates::Authority;
use crate::support::tool::PlanFolder;
use crate::support::{Cluster, Settings};
use pg_dbmigrator::postgres::{Conninfo, Environment};
use pg_dbmigrator::secret::Sealed;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const HBA: &str = "local all postgres trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";

/// A server that lets nobody in over TCP but by TLS and a password.
fn server(authority: &Authority, name: &str) -> Cluster {
    let settings = Settings {
        tcp: true,
        hba: Some(HBA.to_owned()),
        tls: Some(authority.sign(name, &["127.0.0.1"]).for_server(None)),
        ..Settings::default()
    };
    let cluster = Cluster::start_with(15, &settings);
    cluster.psql(
        "postgres",
        "create role app login superuser password 'correct horse'",
    );
    cluster
}

fn private(path: &Path, text: &str) {
    fs::write(path, text).expect("the folder is ours");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("it is ours");
}

/// A plan whose ends are services: password file, verify-full, and a dead first host.
fn plan(servers: [&Cluster; 2], authority: &Path, database: &str) -> PlanFolder {
    let folder = PlanFolder::new("");
    let path = |name: &str| folder.path().join(name);
    private(&path("words"), "127.0.0.1:*:*:app:correct horse\n");
    let mut services = String::new();
    for (name, server, database) in [
        ("from", servers[0], database.to_owned()),
        ("to", servers[1], format!("{database}_moved")),
    ] {
        services.push_str(&format!(
            "[{name}]\nhost=127.0.0.1,127.0.0.1\nport=1,{}\nuser=app\ndbname={database}\n\
             sslmode=verify-full\nsslrootcert={}\npassfile={}\n",
            server.port(),
            authority.display(),
            path("words").display()
        ));
    }
    private(&path("services"), &services);
    folder.write(
        "version: 1\nsource: { url: 'service=from' }\ntarget: { url: 'service=to' }\n\
         mode: offline\ncopy: { jobs: 2 }\n",
    );
    folder
}

#[test]
fn services_password_file_dead_hosts_and_verify_full_carry_a_whole_migration() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let authority = Authority::new(temporary.path(), "ours");
    let stranger = Authority::new(temporary.path(), "strange");
    let source = server(&authority, "source");
    let target = server(&authority, "target");
    let database = source.create_database("tls");
    source.psql(
        &database,
        "create table t as select generate_series(1, 100) as n",
    );
    let everything = |folder: &PlanFolder| {
        let mut command = folder.command(&["apply", "--yes"]);
        command
            .env("PGSERVICEFILE", folder.path().join("services"))
            // Nonsense that must lead nobody astray, because the plan says better.
            .env("PGDATABASE", "nonsense")
            .env("PGHOST", "nonsense.invalid")
            .env("PGPORT", "7")
            .env("PGSSLMODE", "disable")
            .env("PGSERVICE", "nonsense")
            .env("PGTZ", "Asia/Tokyo")
            .env("PGOPTIONS", "-c search_path=nonsense -c datestyle=German");
        let output = command.output().expect("it starts");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let moved = format!("{database}_moved");
    let there = || {
        let sql = format!("select count(*) from pg_database where datname = '{moved}'");
        target.psql("postgres", &sql)
    };

    let folder = plan([&source, &target], &stranger.certificate, &database);
    let (exit, said) = everything(&folder);
    assert_eq!(exit, Some(1), "{said}");
    assert!(
        said.contains("certificate") && said.contains("next: "),
        "{said}"
    );
    assert_eq!(there(), "0", "nothing was changed");

    let folder = plan([&source, &target], &authority.certificate, &database);
    let (exit, said) = everything(&folder);
    assert_eq!(exit, Some(0), "{said}");
    assert_eq!(target.psql(&moved, "select sum(n) from t"), "5050");
}

#[test]
fn what_the_program_commits_outlives_a_crash_of_a_server_that_commits_asynchronously() {
    let settings = Settings::default().with("synchronous_commit", "off");
    let cluster = Cluster::start_with(15, &settings);
    let url = Sealed::new(cluster.url("postgres"));
    let conninfo = Conninfo::resolve("source", &url, &Environment::empty()).expect("a URL");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("this machine has threads and sockets");
    let shown: String = runtime.block_on(async {
        let client = conninfo.connect_untimed().await.expect("it runs");
        let row = client.query_one("show synchronous_commit", &[]).await;
        row.expect("it answers").get(0)
    });
    assert_eq!(shown, "on");
}
