//! Every way in which a password may be given, each through every command.
//! Never checks what a migration brings about, beyond its exit code.

use super::{
    CORE, PASSWORD, filled, must_not_be_logged_by_servers, must_not_show, servers, watched,
};
use crate::support::Cluster;
use crate::support::tool::PlanFolder;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// Every command, every form of output.
const ALL: &[&[&str]] = &[
    &["plan", "-vv"],
    &["plan", "--json", "--show-sql"],
    &["apply", "--yes", "-vv"],
    &["status", "--json"],
    &["finalize", "--yes"],
    &["apply", "--yes", "--json"],
];

/// Enough for a way that differs only in where the password comes from.
const FEW: &[&[&str]] = &[
    &["plan", "--json", "--show-sql", "-vv"],
    &["apply", "--yes", "--json", "-vv"],
];

/// A way to give a password.
struct Way {
    /// A connection string for a server and a database.
    url: fn(&Cluster, &str) -> String,
    /// Files to put beside the plan, readable by their owner alone.
    files: Vec<(&'static str, String)>,
    /// Variables of the program's environment.
    variables: Vec<(&'static str, String)>,
    /// Whether whole URLs are in the environment.
    whole: bool,
}

impl Way {
    fn new(url: fn(&Cluster, &str) -> String) -> Self {
        Self {
            url,
            files: Vec::new(),
            variables: Vec::new(),
            whole: false,
        }
    }

    fn with_file(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.files.push((name, text.into()));
        self
    }

    fn with_variable(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// Migrates, with every command on the way, and panics if the password shows anywhere.
    fn must_keep_the_secret(&self, commands: &[&[&str]]) {
        let [source, target] = servers();
        let database = filled(source);
        let moved = format!("{database}_moved");
        let folder = PlanFolder::new("");
        for (name, text) in &self.files {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("the folder is ours");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
        }
        folder.write(&format!(
            "version: 1\nsource: {{ url: {:?} }}\ntarget: {{ url: {:?} }}\nmode: offline\n\
             copy: {{ jobs: 2 }}\nrestore: {{ existing: replace }}\n",
            (self.url)(source, &database),
            (self.url)(target, &moved),
        ));
        let whole = |server: &Cluster, database: &str| {
            format!(
                "postgres://app:{}@127.0.0.1:{}/{database}",
                encoded(PASSWORD),
                server.port()
            )
        };
        for arguments in commands {
            let mut command = folder.command(arguments);
            command.current_dir(folder.path());
            command.envs(self.variables.iter().map(|(name, value)| (name, value)));
            if self.whole {
                command.env("OUR_SOURCE", whole(source, &database));
                command.env("OUR_TARGET", whole(target, &moved));
            }
            let (ran, seen) = watched(&folder, &mut command);
            ran.must_end(0, &[]);
            must_not_show(&arguments.join(" "), &folder.state(), &ran, &seen);
            if arguments.contains(&"apply") {
                assert!(seen.programs.contains("pg_dump"), "{seen:?}");
                assert!(seen.programs.contains("pg_restore"), "{seen:?}");
                assert!(seen.core_dumpers.is_empty(), "{seen:?}");
                let modes: Vec<_> = seen.password_file_modes.into_iter().collect();
                assert_eq!(
                    modes,
                    [(0o700, 0o600)],
                    "a private file in a private directory"
                );
            }
        }
        must_not_be_logged_by_servers();
        target.drop_database(&moved);
    }
}

/// As a URL needs it.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// As a password file needs it.
fn in_password_file() -> String {
    format!(
        "*:*:*:app:{}\n",
        PASSWORD.replace('\\', "\\\\").replace(':', "\\:")
    )
}

#[test]
fn a_password_from_the_environment_shows_nowhere() {
    Way::new(|server, database| {
        format!(
            "postgres://app:{{{{ env('OUR_SECRET') }}}}@127.0.0.1:{}/{database}",
            server.port()
        )
    })
    .with_variable("OUR_SECRET", PASSWORD)
    .must_keep_the_secret(ALL);
}

#[test]
fn a_password_from_a_file_shows_nowhere() {
    Way::new(|server, database| {
        format!(
            "postgres://app:{{{{ file('word') }}}}@127.0.0.1:{}/{database}",
            server.port()
        )
    })
    .with_file("word", format!("{PASSWORD}\n"))
    .must_keep_the_secret(FEW);
}

#[test]
fn a_password_from_a_command_shows_nowhere() {
    Way::new(|server, database| {
        format!(
            "host=127.0.0.1 port={} dbname={database} user=app \
             password={{{{ command(['cat', 'word']) }}}}",
            server.port()
        )
    })
    .with_file("word", PASSWORD)
    .must_keep_the_secret(FEW);
}

#[test]
fn a_password_written_into_the_url_shows_nowhere() {
    Way::new(|server, database| {
        let start = PASSWORD.strip_suffix(CORE).expect("it ends in its core");
        format!(
            "postgres://app:{}{CORE}@127.0.0.1:{}/{database}",
            encoded(start),
            server.port()
        )
    })
    .must_keep_the_secret(FEW);
}

#[test]
fn a_whole_url_from_the_environment_shows_nowhere() {
    let way = Way::new(|_, database| {
        let side = if database.ends_with("_moved") {
            "TARGET"
        } else {
            "SOURCE"
        };
        format!("{{{{ env('OUR_{side}') }}}}")
    });
    Way { whole: true, ..way }.must_keep_the_secret(FEW);
}

#[test]
fn a_password_from_pgpassword_shows_nowhere() {
    Way::new(|server, database| format!("postgres://app@127.0.0.1:{}/{database}", server.port()))
        .with_variable("PGPASSWORD", PASSWORD)
        .must_keep_the_secret(FEW);
}

#[test]
fn a_password_from_a_passfile_shows_nowhere() {
    Way::new(|server, database| {
        format!(
            "postgres://app@127.0.0.1:{}/{database}?passfile=words",
            server.port()
        )
    })
    .with_file("words", in_password_file())
    .must_keep_the_secret(FEW);
}

#[test]
fn a_password_from_a_service_file_shows_nowhere() {
    Way::new(|server, database| format!("service=kept port={} dbname={database}", server.port()))
        .with_file(
            "services",
            format!("[kept]\nhost=127.0.0.1\nuser=app\npassword={PASSWORD}\n"),
        )
        .with_variable("PGSERVICEFILE", "services")
        .must_keep_the_secret(FEW);
}
