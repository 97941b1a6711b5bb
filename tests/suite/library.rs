//! The library as its users meet it: the example, run as a program of its own.
//! Never reaches into modules that the documentation hides.

use crate::support::scratch::{Scratch, ran};
use std::path::Path;
use std::process::Command;

/// Builds the example as it is now: `cargo test` does so only when it is given no name of a test.
fn example() -> String {
    let built = Path::new(env!("CARGO_BIN_EXE_pg_dbmigrator"));
    let folder = built.parent().expect("a program lies in a folder");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "build",
            "--quiet",
            "--offline",
            "--example",
            "offline_migration",
        ])
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .env(
            "CARGO_TARGET_DIR",
            folder.parent().expect("it lies in target"),
        )
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    ran(&mut cargo).must_end(0, &[]);
    let example = folder.join("examples").join("offline_migration");
    example.display().to_string()
}

#[test]
fn the_example_migrates_the_demo_and_tells_what_happens() {
    let scratch = Scratch::with(&["plans"]);
    let told = ran(&mut scratch.command(&example(), &["plans/demo/migrate.yaml"]));
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
    let told = ran(&mut scratch.command(&example(), &["wrong.yaml"]));
    told.must_end(3, &["wrong.yaml:1:10", "next: "]);
}
