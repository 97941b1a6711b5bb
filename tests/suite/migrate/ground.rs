//! What the tests of whole migrations stand on: filled sources, plans, and the verdict.
//! Never migrates by other means than the built program.

use crate::support::compare::{Database, differences};
use crate::support::tool::PlanFolder;
use crate::support::{Cluster, data};

/// A migration between two clusters that tests share: from a database of its own to a name that
/// the target does not have yet.
pub(super) struct Migration {
    pub(super) from: &'static Cluster,
    pub(super) to: &'static Cluster,
    pub(super) source: String,
    pub(super) target: String,
    pub(super) folder: PlanFolder,
}

/// The second cluster of a major, so that a migration within one major has two servers.
pub(super) fn other(major: u32) -> &'static Cluster {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, PoisonError};
    static OTHERS: Mutex<BTreeMap<u32, &'static Cluster>> = Mutex::new(BTreeMap::new());
    let mut others = OTHERS.lock().unwrap_or_else(PoisonError::into_inner);
    others
        .entry(major)
        .or_insert_with(|| Box::leak(Box::new(Cluster::start(major))))
}

impl Migration {
    /// An empty source on the shared cluster of `from`, and a plan to the other cluster of `to`.
    pub(super) fn new((from, to): (u32, u32), stem: &str, keys: &str) -> Self {
        Self::between(Cluster::shared(from), other(to), stem, keys)
    }

    /// The same, between clusters of the test's own.
    pub(super) fn between(
        from: &'static Cluster,
        to: &'static Cluster,
        stem: &str,
        keys: &str,
    ) -> Self {
        let source = from.create_database(stem);
        let target = format!("{source}_moved");
        let folder = PlanFolder::new("");
        let migration = Self {
            from,
            to,
            source,
            target,
            folder,
        };
        migration.plan(keys);
        migration
    }

    /// Sees to it that both servers have a role that several tests share: two sessions at a time
    /// cannot both make it, and a lock holds within one database.
    pub(super) fn with_role(self, role: &str) -> Self {
        for cluster in [self.from, self.to] {
            cluster.psql(
                "postgres",
                &format!(
                    "select pg_advisory_lock(1);
                     select 'create role \"{role}\"'
                     where to_regrole('\"{role}\"') is null \\gexec"
                ),
            );
        }
        self
    }

    /// Runs SQL in the source.
    pub(super) fn fill(self, sql: &str) -> Self {
        self.from.psql(&self.source, sql);
        self
    }

    /// Loads a file of `tests/data` into the source.
    pub(super) fn load(self, file: &str) -> Self {
        self.from.load(&self.source, &data(file));
        self
    }

    /// Writes the plan anew: both URLs, and `keys`.
    pub(super) fn plan(&self, keys: &str) {
        self.plan_as("postgres", keys);
    }

    /// The same, with another role than the superuser on both sides.
    pub(super) fn plan_as(&self, role: &str, keys: &str) {
        let url = |url: String| url.replacen("//postgres@", &format!("//{role}@"), 1);
        self.folder.write(&format!(
            "version: 1\nsource:\n  url: \"{}\"\ntarget:\n  url: \"{}\"\nmode: offline\n{keys}",
            url(self.from.url(&self.source)),
            url(self.to.url(&self.target)),
        ));
    }

    /// Runs SQL in the source, which is still there.
    pub(super) fn ask_source(&self, sql: &str) -> String {
        self.from.psql(&self.source, sql)
    }

    /// Runs SQL in the target.
    pub(super) fn ask_target(&self, sql: &str) -> String {
        self.to.psql(&self.target, sql)
    }

    /// Panics with everything in which the target differs, by the independent check.
    #[track_caller]
    pub(super) fn must_be_equal(&self) {
        self.must_differ_only_in(&[]);
    }

    /// Panics unless the target differs from the source in exactly these things, each the beginning
    /// of what the independent check says.
    #[track_caller]
    pub(super) fn must_differ_only_in(&self, things: &[&str]) {
        let found = self.differences();
        let as_said = found.len() == things.len()
            && found
                .iter()
                .zip(things)
                .all(|(said, thing)| said.starts_with(thing));
        assert!(as_said, "expected {things:?}, found:\n{}", found.join("\n"));
    }

    /// Everything in which the target differs, by the independent check.
    pub(super) fn differences(&self) -> Vec<String> {
        differences(
            Database::on(self.from, &self.source),
            Database::on(self.to, &self.target),
        )
    }
}
