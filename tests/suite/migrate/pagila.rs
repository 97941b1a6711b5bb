//! Pagila, PostgreSQL's sample database, ends equal. It is not part of this repository, whose own
//! test data covers more: the test looks for it in PAGILA_DIR, then beside the checkout. Where it is
//! not, that is said, and `.ci/run` says it again at its end. It never fetches it.

use super::ground::Migration;
use std::path::{Path, PathBuf};

/// What is said where the data is not there.
const ABSENT: &str = "Pagila was NOT migrated: set PAGILA_DIR to the folder with pagila-schema.sql";

/// The folder with `pagila-schema.sql` and `pagila-data.sql`. One that is asked for must be there.
fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/pagila");
    match std::env::var_os("PAGILA_DIR").map(PathBuf::from) {
        Some(asked) => {
            let there = asked.join("pagila-schema.sql").exists();
            assert!(there, "PAGILA_DIR does not hold pagila-schema.sql");
            Some(asked)
        }
        None => beside.join("pagila-schema.sql").exists().then_some(beside),
    }
}

fn ends_equal(majors: (u32, u32)) {
    let Some(folder) = folder() else {
        // Said on standard error in any case, because a passed test's output is not shown.
        use std::io::Write as _;
        let mut terminal = std::io::stderr();
        terminal
            .write_all(format!("{ABSENT}\n").as_bytes())
            .expect("standard error is open");
        return;
    };
    let migration = Migration::new(majors, "pagila", "");
    for file in ["pagila-schema.sql", "pagila-data.sql"] {
        migration.from.load(&migration.source, &folder.join(file));
    }
    for copy in ["method: dump", "method: stream, split_larger_than: 64KiB"] {
        migration.plan(&format!(
            "copy: {{ jobs: 4, {copy} }}\nverify: rows\nrestore: {{ existing: replace }}\n"
        ));
        migration.folder.apply().must_end(0, &[]);
        assert_eq!(migration.ask_target("select count(*) from rental"), "16044");
        migration.must_be_equal();
        std::fs::remove_dir_all(migration.folder.state()).expect("ours");
    }
}

#[test]
fn pagila_ends_equal_from_15_to_15() {
    ends_equal((15, 15));
}

#[test]
fn pagila_ends_equal_from_15_to_18() {
    ends_equal((15, 18));
}

#[test]
fn pagila_ends_equal_from_16_to_18() {
    ends_equal((16, 18));
}
