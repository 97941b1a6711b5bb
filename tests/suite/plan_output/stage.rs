//! Two servers of the tests' own with the demo's shop on the first, and a plan from one to the other.
//! Never changes a plan of `plans/`.

use crate::support::scratch::Scratch;
use crate::support::{Cluster, Settings};

/// What the shop's plan from 15 to 18 leaves behind, and how it is proven.
const CHOICES: &str = "
exclude:
  tables: [shop.price_history]
  table_data: [shop.customer_notes]
copy:
  method: dump
  jobs: 3
verify: counts
";

/// What the shop's plan says where its application goes on writing.
const ONLINE: &str = "
mode: online
exclude:
  tables: [shop.price_history]
copy:
  jobs: 3
thresholds:
  write_outage: 20s
cutover:
  trigger: when_caught_up
  fence: { roles: [shop_app] }
  verify: counts
";

/// The servers, and a folder with `migrate.yaml`.
pub(super) struct Stage {
    pub(super) source: Cluster,
    pub(super) target: Cluster,
    pub(super) scratch: Scratch,
}

/// How the servers log, so that every statement can be given to its session.
pub(super) const PREFIX: &str = "@%p|%a@";

impl Stage {
    /// Starts both servers, fills the source and writes the plan.
    pub(super) fn set(from: u32, to: u32) -> Self {
        Self::with(from, to, CHOICES)
    }

    /// The same, replicated.
    pub(super) fn set_online(from: u32, to: u32) -> Self {
        let stage = Self::with(from, to, ONLINE);
        // No stream carries large objects.
        let unlink = "select lo_unlink(oid) from pg_largeobject_metadata";
        stage.source.psql("shop", unlink);
        stage
    }

    /// The same, streamed.
    pub(super) fn set_streamed(from: u32, to: u32) -> Self {
        let copy = "copy: { jobs: 2, split_larger_than: 8MiB }\nverify: rows\n";
        Self::with(from, to, copy)
    }

    fn with(from: u32, to: u32, choices: &str) -> Self {
        let settings = Settings::default()
            .with("log_statement", "all")
            .with("log_line_prefix", PREFIX);
        let (source, target) = (
            Cluster::start_with(from, &settings),
            Cluster::start_with(to, &settings),
        );
        source.psql("postgres", "create database shop template template0");
        let scratch = Scratch::with(&["plans"]);
        for file in ["shop.sql", "trade.sql", "house_rules.sql"] {
            source.load("shop", &scratch.path().join("plans/demo").join(file));
        }
        let plan = format!(
            "version: 1\nname: shop\nsource:\n  url: \"{}\"\ntarget:\n  url: \"{}\"\n{choices}",
            source.url("shop"),
            target.url("shop")
        );
        std::fs::write(scratch.path().join("migrate.yaml"), plan).expect("the folder is ours");
        Self {
            source,
            target,
            scratch,
        }
    }
}
