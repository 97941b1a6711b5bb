//! The library as its users meet it: the examples, run as programs of their own.
//! Never reaches into modules that the documentation hides.

use crate::support::scratch::{Scratch, ran};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Builds an example as it is now: `cargo test` does so only when it is given no name of a test.
fn example(name: &str) -> String {
    let built = Path::new(env!("CARGO_BIN_EXE_pg_dbmigrator"));
    let folder = built.parent().expect("a program lies in a folder");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--quiet", "--offline", "--example", name])
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .env(
            "CARGO_TARGET_DIR",
            folder.parent().expect("it lies in target"),
        )
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    ran(&mut cargo).must_end(0, &[]);
    let example = folder.join("examples").join(name);
    example.display().to_string()
}

#[test]
fn the_example_migrates_the_demo_and_tells_what_happens() {
    let scratch = Scratch::with(&["plans"]);
    let told =
        ran(&mut scratch.command(&example("offline_migration"), &["plans/demo/migrate.yaml"]));
    told.must_end(0, &[]);
    for line in [
        "dump.run: done in ",
        "verify.rows: 32 tables",
        "shop: 358989 rows in 32 tables",
    ] {
        assert!(told.stdout.contains(line), "{line:?} in {}", told.stdout);
    }
}

#[test]
fn the_example_ends_as_the_program_does_when_the_plan_is_wrong() {
    let scratch = Scratch::with(&["plans"]);
    std::fs::write(scratch.path().join("wrong.yaml"), "version: 2\n").expect("the folder is ours");
    let told = ran(&mut scratch.command(&example("offline_migration"), &["wrong.yaml"]));
    told.must_end(3, &["wrong.yaml:1:10", "next: "]);
}

#[test]
fn the_online_example_cuts_over_on_ctrl_c() {
    let scratch = Scratch::with(&["plans"]);
    let mut command = scratch.command(&example("online_migration"), &["plans/demo/night.yaml"]);
    let mut running = command
        .stdout(Stdio::piped())
        .spawn()
        .expect("it was built");
    let output = running.stdout.take().expect("it is piped");
    let mut told = String::new();
    for line in BufReader::new(output).lines() {
        let line = line.expect("the example prints text");
        if line.contains("caught up; Ctrl+C cuts over") {
            let own = running.id().to_string();
            let mut kill = Command::new("kill");
            let sent = kill
                .args(["-INT", &own])
                .status()
                .expect("every machine has kill");
            assert!(sent.success());
        }
        told.push_str(&line);
        told.push('\n');
    }
    let ended = running.wait().expect("it is a child");
    assert!(ended.success(), "{ended}: {told}");
    assert!(
        told.contains("the target serves; nobody could write for "),
        "{told}"
    );
    assert!(told.contains("rows in 31 tables are the same"), "{told}");
    scratch
        .run(&["finalize", "--yes", "plans/demo/night.yaml"])
        .must_end(0, &[]);
}
