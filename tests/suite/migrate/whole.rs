//! A database with one of everything ends equal, whatever is there before, within a major and
//! across majors. Never uses a filter.

use super::ground::Migration;

fn one_of_everything_ends_equal(majors: (u32, u32), jobs: u32) {
    let keys = format!("copy: {{ jobs: {jobs} }}\nverify: rows\n");
    let migration = Migration::new(majors, "everything", &keys).load("one_of_everything.sql");
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
}

#[test]
fn one_of_everything_ends_equal_from_15_to_15() {
    one_of_everything_ends_equal((15, 15), 1);
    one_of_everything_ends_equal((15, 15), 4);
}

#[test]
fn one_of_everything_ends_equal_from_15_to_18() {
    one_of_everything_ends_equal((15, 18), 1);
    one_of_everything_ends_equal((15, 18), 4);
}

#[test]
fn one_of_everything_ends_equal_from_16_to_18() {
    one_of_everything_ends_equal((16, 18), 1);
    one_of_everything_ends_equal((16, 18), 4);
}

#[test]
fn contributed_extensions_end_equal() {
    let migration = Migration::new((15, 15), "contrib", "verify: rows\n").load("contrib.sql");
    migration.folder.apply().must_end(0, &[]);
    migration.must_be_equal();
}
