//! What a test says to its server, by psql.
//! Never speaks through the project's own client library.

use super::cluster::Cluster;
use super::programs::{client, must, newest_tools, run};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

impl Cluster {
    /// Runs SQL and psql's own commands in `database`; the rows as text, unaligned, `|` between
    /// columns, without the last newline. Panics with the server's words on an error.
    pub(crate) fn psql(&self, database: &str, sql: &str) -> String {
        self.try_psql(database, sql)
            .unwrap_or_else(|error| panic!("{error}\nin: {sql}"))
    }

    /// The same, with the error as a value.
    pub(crate) fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let script = self.socket_folder().join(format!("sql-{}", unique()));
        std::fs::write(&script, sql).expect("the folder is ours");
        let output = run(self.psql_command(database).arg("-f").arg(&script));
        std::fs::remove_file(&script).expect("the file is ours");
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout)
                .trim_end_matches('\n')
                .to_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// Runs an SQL file in `database`; panics with the server's words on an error.
    pub(crate) fn load(&self, database: &str, path: &Path) {
        must(
            self.psql_command(database)
                .args(["-o", "/dev/null", "-f"])
                .arg(path),
        );
    }

    /// Creates an empty database that no other test uses; its name begins with `stem`.
    pub(crate) fn create_database(&self, stem: &str) -> String {
        let name = format!("{stem}_{}", unique());
        self.psql(
            "postgres",
            &format!("create database \"{name}\" template template0"),
        );
        name
    }

    /// Removes a database, with everyone who is in it. PostgreSQL refuses while it has subscriptions.
    pub(crate) fn drop_database(&self, name: &str) {
        self.psql(
            name,
            "select format('alter subscription %1$I disable', subname),
                    format('alter subscription %1$I set (slot_name = none)', subname),
                    format('drop subscription %1$I', subname)
             from pg_subscription
             where subdbid = (select oid from pg_database where datname = current_database())
             \\gexec",
        );
        self.psql(
            "postgres",
            &format!("drop database \"{name}\" with (force)"),
        );
    }

    fn psql_command(&self, database: &str) -> Command {
        let mut psql = client(&newest_tools(), "psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d"]);
        psql.arg(self.url(database))
            .env("PGOPTIONS", "-c client_min_messages=warning");
        psql
    }
}

fn unique() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
