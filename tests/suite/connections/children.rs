//! The files and the environment that child programs get.
//! Never looks at what a child does beyond connecting.

use super::{Around, runtime};
use crate::support::{Cluster, Settings, tools};
use pg_dbmigrator::postgres::{ChildFiles, Conninfo};
use pg_dbmigrator::secret::{Sealed, seal};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

const PASSWORD: &str = "ho:rse \\ba%tt'ery=#";

fn server() -> Cluster {
    let settings = Settings {
        tcp: true,
        hba: Some("local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n".to_owned()),
        ..Settings::default()
    };
    let cluster = Cluster::start_with(15, &settings);
    let quoted = PASSWORD.replace('\'', "''");
    cluster.psql(
        "postgres",
        &format!("create role app login superuser password '{quoted}'"),
    );
    cluster
}

fn resolve(text: &str, home: &Path) -> Conninfo {
    let environment = Around::home(home).environment();
    Conninfo::resolve("source", &Sealed::new(text), &environment).expect("it is well-formed")
}

fn child_says(major: u32, files: &ChildFiles, query: &str) -> String {
    let output = Command::new(tools(major).join("psql"))
        .args(["-XAtw", "-d", &files.argument(), "-c", query])
        .env_clear()
        .envs(files.environment())
        .output()
        .expect("psql starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn children_of_every_major_get_the_password_and_settings_and_no_one_else_does() {
    let cluster = server();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let password = seal("env A_CHILDS_PASSWORD", PASSWORD);
    let text = format!(
        "host=127.0.0.1,127.0.0.1 port=1,{} dbname=template1 user=app password='{password}' \
         options='-c work_mem=3MB' keepalives_idle=7",
        cluster.port()
    );
    let conninfo = resolve(&text, folder.path()).with_database("postgres");
    let files = conninfo
        .child_files(folder.path(), "source")
        .expect("it can be written");
    let query = "select current_user || current_database() || current_setting('work_mem')";
    for major in [15, 16, 17, 18] {
        assert_eq!(child_says(major, &files, query), "apppostgres3MB");
    }
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    for path in &names {
        let mode = fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    let service = fs::read_to_string(&names[0]).expect("it is text");
    assert!(!service.contains("rse"), "{service}");
    let environment = format!("{:?} {}", files.environment(), files.argument());
    assert!(!environment.contains("rse"), "{environment}");
    drop(files);
    assert!(names.iter().all(|path| !path.exists()));
}

#[test]
fn a_child_gets_what_a_password_file_says_of_each_server() {
    let cluster = server();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pgpass = folder.path().join(".pgpass");
    let line = PASSWORD.replace('\\', "\\\\").replace(':', "\\:");
    let text = format!("*:1:*:*:wrong\n127.0.0.1:{}:*:app:{line}\n", cluster.port());
    fs::write(&pgpass, text).expect("a file");
    fs::set_permissions(&pgpass, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let url = format!(
        "postgres://app@127.0.0.1:1,127.0.0.1:{}/postgres",
        cluster.port()
    );
    let private = tempfile::tempdir().expect("a temporary folder");
    let conninfo = resolve(&url, folder.path());
    let files = conninfo
        .child_files(private.path(), "target")
        .expect("it can be written");
    assert_eq!(child_says(15, &files, "select current_user"), "app");
    runtime()
        .block_on(conninfo.connect())
        .expect("the program gets in as well");
}

#[test]
fn a_value_that_the_files_cannot_hold_is_refused_without_being_shown() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, value) in [
        ("password", "two\\nlines-of-secret".replace("\\n", "\n")),
        ("password", "secret\r".to_owned()),
        ("options", "secret ".to_owned()),
        ("options", "secret".repeat(300)),
    ] {
        let conninfo = resolve(&format!("host=h user=u {name}='{value}'"), folder.path());
        let error = conninfo
            .child_files(folder.path(), "source")
            .expect_err("refused");
        assert!(error.what().contains(name), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert_eq!(
            fs::read_dir(folder.path()).expect("a folder").count(),
            0,
            "nothing is left"
        );
    }
}
