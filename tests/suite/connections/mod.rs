//! Connections, compared with what psql does on the same string.
//! Never asserts what libpq is believed to do where psql itself can be asked.

mod children;
mod end_to_end;
mod refusals;
mod revocation;
mod strings;
mod tls;

use pg_dbmigrator::error::Error;
use pg_dbmigrator::postgres::{Conninfo, Environment};
use pg_dbmigrator::secret::Sealed;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::tools;

/// The surroundings of both psql and the program: variables, and a home directory.
pub(super) struct Around<'a> {
    home: &'a Path,
    variables: &'a [(&'a str, &'a str)],
}

impl<'a> Around<'a> {
    pub(super) fn home(home: &'a Path) -> Self {
        Self {
            home,
            variables: &[],
        }
    }

    pub(super) fn environment(&self) -> Environment {
        let start = Environment::empty()
            .with_home(self.home)
            .with_user(&system_user());
        self.variables
            .iter()
            .fold(start, |all, (name, value)| all.with_variable(name, value))
    }
}

/// What psql 15 answers, run in nothing but the given surroundings; `None` when it fails.
pub(super) fn psql_answer(around: &Around<'_>, text: &str, query: &str) -> Option<String> {
    let output = psql(around, text, query);
    let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(answer)
}

pub(super) fn psql(around: &Around<'_>, text: &str, query: &str) -> Output {
    Command::new(tools(15).join("psql"))
        .args(["-XAtw", "-d", text, "-c", query])
        .env_clear()
        .env("HOME", around.home)
        .envs(around.variables.iter().copied())
        .output()
        .expect("psql starts")
}

/// What the program's own connection answers to a query of one text column.
pub(super) fn own_answer(
    around: &Around<'_>,
    text: &str,
    query: &str,
) -> Result<Option<String>, Error> {
    let conninfo = Conninfo::resolve("source", &Sealed::new(text), &around.environment())?;
    answer(&conninfo, query)
}

pub(super) fn answer(conninfo: &Conninfo, query: &str) -> Result<Option<String>, Error> {
    runtime().block_on(async {
        let client = conninfo.connect().await?;
        let row = client.query_one(query, &[]).await?;
        Ok(row.get(0))
    })
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime needs nothing special")
}

/// The operating system's name for whoever runs the tests, which psql takes for the default role.
pub(super) fn system_user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id starts");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
