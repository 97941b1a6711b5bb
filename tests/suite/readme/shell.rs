//! Runs the README's commands in a copy of the checkout, in order, as one person would.
//! Never builds: a stand-in for cargo checks its arguments and runs the program that is there.

use super::blocks::{Block, in_language, readme};
use super::output::matches;
use crate::support::scratch::{Scratch, ran};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

/// Cargo, without compiling. `cargo migrate` is the alias of `.cargo/config.toml`.
const CARGO: &str = r#"#!/bin/sh
case "$1" in
    build | install | test) echo "cargo $*" >>cargo.log ;;
    migrate) shift && exec pg_dbmigrator "$@" ;;
    *) echo "the README should not need: cargo $*" >&2 && exit 1 ;;
esac
"#;

/// A copy with a stand-in for cargo on its PATH.
pub(super) fn copy() -> Scratch {
    let scratch = Scratch::with(&[
        "plans",
        "schemas",
        "tests/run.sh",
        "tests/install-packages.sh",
        "tests/postgres-majors.sh",
    ]);
    let folder = scratch.path().join("bin");
    std::fs::create_dir(&folder).expect("the copy is ours");
    write_program(&folder.join("cargo"), CARGO);
    let release = scratch.path().join("target/release");
    std::fs::create_dir_all(&release).expect("the copy is ours");
    let program = release.join("pg_dbmigrator");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pg_dbmigrator"), program).expect("it is new");
    scratch
}

/// Writes a script that can be run.
pub(super) fn write_program(path: &std::path::Path, text: &str) {
    std::fs::write(path, text).expect("the copy is ours");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path, mode).expect("it is ours");
}

/// A shell in the copy.
pub(super) fn shell(scratch: &Scratch, script: &str) -> Command {
    let script = format!("PATH=\"$PWD/bin:$PATH\"\n{script}");
    let mut command = scratch.command("bash", &["-c", &script]);
    let majors = concat!(env!("CARGO_MANIFEST_DIR"), "/target/postgres");
    if std::env::var_os("PG_MAJORS_DIR").is_none() {
        command.env("PG_MAJORS_DIR", majors);
    }
    command.env_remove("CARGO_TARGET_DIR");
    command
}

#[test]
fn the_commands_of_the_readme_that_need_no_server_of_yours_succeed() {
    let scratch = copy();
    for Block { line, text, .. } in in_language("sh") {
        if text.contains("migrate.yaml") {
            continue;
        }
        let mut shell = shell(&scratch, &format!("set -euo pipefail\n{text}"));
        let output = shell.output().expect("every machine has bash");
        assert!(output.status.success(), "README.md:{line}: {output:?}");
    }
    let built = std::fs::read_to_string(scratch.path().join("cargo.log")).expect("cargo was run");
    assert!(built.contains("cargo install --locked --path ."), "{built}");
    let version = ran(&mut shell(&scratch, "cargo migrate --version")).stdout;
    assert!(version.starts_with("pg_dbmigrator "), "{version}");
}

#[test]
fn the_output_that_the_readme_shows_is_what_comes() {
    let scratch = copy();
    let mut text = std::fs::read_to_string(readme()).expect("there is a README");
    for Block {
        line, text: block, ..
    } in in_language("console")
    {
        let came = session(&scratch, &block);
        if std::env::var_os("BLESS").is_some() {
            if !matches(&block, &came) {
                text = text.replacen(
                    &format!("console\n{block}```"),
                    &format!("console\n{came}```"),
                    1,
                );
            }
            continue;
        }
        assert!(
            matches(&block, &came),
            "README.md:{line}: this came:\n{came}"
        );
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(readme(), text).expect("the checkout can be written to");
    }
}

/// Runs the commands of a block in one shell; what it printed, with the commands, as a terminal
/// would show it.
fn session(scratch: &Scratch, block: &str) -> String {
    let mut script = "exec 2>&1\n".to_owned();
    for command in block.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let quoted = command.replace('\'', r"'\''");
        script.push_str(&format!("printf '%s\\n' '$ {quoted}'\n{command}\n"));
    }
    let output = shell(scratch, &script)
        .output()
        .expect("every machine has bash");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
