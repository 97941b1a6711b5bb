//! The README's plans, planned against servers that stand in for its hosts; the first is carried out.
//! Never changes more of a plan than where its hosts and secrets are.

use super::blocks::in_language;
use super::shell::{copy, shell, write_program};
use crate::support::certificates::Authority;
use crate::support::scratch::Scratch;
use crate::support::{Cluster, Settings};
use std::path::PathBuf;

const PASSWORD: &str = "secret";

/// `old.example` and `new.example`.
struct Hosts {
    old: Cluster,
    new: Cluster,
    authority: PathBuf,
    _folder: tempfile::TempDir,
}

impl Hosts {
    fn start(scratch: &Scratch) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let authority = Authority::new(folder.path(), "authority");
        let server = authority.sign("localhost", &["localhost"]);
        let settings = Settings {
            tcp: true,
            hba: Some(
                "local all postgres trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n".into(),
            ),
            tls: Some(server.for_server(None)),
            ..Settings::default()
        };
        let hosts = Self {
            old: Cluster::start_with(15, &settings),
            new: Cluster::start_with(15, &settings),
            authority: authority.certificate.clone(),
            _folder: folder,
        };
        hosts
            .old
            .psql("postgres", "create database shop template template0");
        for file in ["shop.sql", "trade.sql", "house_rules.sql"] {
            hosts
                .old
                .load("shop", &scratch.path().join("plans/demo").join(file));
        }
        // The README's own statements are all that the role on the source gets, with the grant
        // that it describes in words.
        for block in in_language("sql") {
            hosts.old.psql("shop", &block.text);
        }
        hosts.old.psql(
            "shop",
            "grant select on large object 880001, 880002 to migrator",
        );
        let superuser = format!("create role migrator login superuser password '{PASSWORD}'");
        hosts.new.psql("postgres", &superuser);
        hosts
    }

    /// A plan of the README, with hosts and secrets that are here.
    fn settle(&self, scratch: &Scratch, plan: &str) -> String {
        let secret = scratch.path().join("target-password");
        std::fs::write(&secret, PASSWORD).expect("the copy is ours");
        let mut plan = plan.replace("/run/secrets/target", &secret.display().to_string());
        for (name, cluster) in [("old.example", &self.old), ("new.example", &self.new)] {
            let port = cluster.port();
            plan = plan
                .replace(
                    &format!("host={name}"),
                    &format!("host=localhost port={port}"),
                )
                .replace(name, &format!("localhost:{port}"));
        }
        plan
    }
}

/// The README's plans, each whole: a part of one is put in the place of the same part of the first.
fn plans() -> Vec<(usize, String)> {
    let blocks = in_language("yaml");
    let first = blocks[0].text.clone();
    let whole = |part: &str| {
        let keys: Vec<&str> = top_level(part).into_iter().map(|(key, _)| key).collect();
        let kept = top_level(&first);
        let kept = kept.into_iter().filter(|(key, _)| !keys.contains(key));
        let kept: String = kept.map(|(_, text)| text).collect();
        format!("{kept}{part}")
    };
    let plans = blocks
        .iter()
        .map(|block| match block.text.contains("version:") {
            true => (block.line, block.text.clone()),
            false => (block.line, whole(&block.text)),
        });
    plans.collect()
}

/// The top-level keys of a plan, each with its text.
fn top_level(plan: &str) -> Vec<(&str, String)> {
    let mut found: Vec<(&str, String)> = Vec::new();
    for line in plan.lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, _)) = line.split_once(':')
            && line.starts_with(char::is_alphabetic)
        {
            found.push((key, String::new()));
        }
        if let Some((_, text)) = found.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    found
}

/// A shell with the secrets that the README names.
fn with_secrets(scratch: &Scratch, hosts: &Hosts, script: &str) -> (i32, String) {
    let mut shell = shell(scratch, script);
    let output = shell
        .env("SOURCE_PASSWORD", PASSWORD)
        .env("TARGET_PASSWORD", PASSWORD)
        .env("PGSSLROOTCERT", &hosts.authority)
        .output()
        .expect("every machine has bash");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.code().unwrap_or(-1), said)
}

#[test]
fn every_plan_of_the_readme_can_be_planned_and_the_first_carried_out() {
    let scratch = copy();
    let hosts = Hosts::start(&scratch);
    write_program(
        &scratch.path().join("bin/pass"),
        &format!("#!/bin/sh\necho {PASSWORD}\n"),
    );
    for (line, plan) in plans() {
        let name = format!("line_{line}.yaml");
        std::fs::write(scratch.path().join(&name), hosts.settle(&scratch, &plan)).expect("ours");
        // The shop has large objects, which no stream carries.
        let online = plan.contains("mode: online");
        let how = if online { "--no-connect" } else { "" };
        let script = format!("pg_dbmigrator plan {how} --var DATABASE=shop {name}");
        let (exit, said) = with_secrets(&scratch, &hosts, &script);
        assert_eq!(exit, 0, "README.md:{line}: {said}\n{plan}");
        assert!(!said.contains(PASSWORD), "{said}");
    }
    let first = hosts.settle(&scratch, &plans()[0].1);
    std::fs::write(scratch.path().join("migrate.yaml"), first).expect("ours");
    let commands = in_language("sh");
    let commands = commands
        .iter()
        .filter(|block| block.text.contains("migrate.yaml"));
    for block in commands {
        let script = format!("set -euo pipefail\n{}", block.text);
        let (exit, said) = with_secrets(&scratch, &hosts, &script);
        assert_eq!(exit, 0, "README.md:{}: {said}", block.line);
        assert!(said.contains("358,989 rows in 32 tables"), "{said}");
    }
    let rows = "select count(*) from shop.orders";
    assert_eq!(hosts.new.psql("shop", rows), hosts.old.psql("shop", rows));
}
