//! What `plan` prints: byte-stable, readable at 80 columns, and line for line what `apply` does.
//! Never trusts the program's word for what it did: the servers' logs and the programs' arguments say.

mod estimate;
mod golden;
mod performed;
mod recorded;
mod stage;

use crate::support::scratch::Scratch;

/// Every plan in `plans/`.
/// Those that bring their own servers; `resume/kills.rs` runs the others between two clusters.
pub(crate) const PLANS: [&str; 2] = ["plans/demo/migrate.yaml", "plans/demo/night.yaml"];

#[test]
fn the_list_of_plans_is_complete() {
    let scratch = Scratch::with(&["plans"]);
    let mut found = Vec::new();
    let mut folders = vec![scratch.path().join("plans")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("it is a folder") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "yaml")
            {
                let text = std::fs::read_to_string(&path).expect("it can be read");
                let path = path.strip_prefix(scratch.path()).expect("it lies there");
                if text.contains("embedded:") {
                    found.push(path.display().to_string());
                }
            }
        }
    }
    found.sort();
    assert_eq!(found, PLANS);
}

#[test]
fn every_plan_fits_into_eighty_columns() {
    for plan in PLANS {
        let scratch = Scratch::with(&["plans"]);
        let ran = scratch.run(&["plan", plan]);
        ran.must_end(0, &[]);
        let wide: Vec<&str> = ran
            .stdout
            .lines()
            .filter(|line| line.chars().count() > 80)
            .collect();
        assert_eq!(wide, [""; 0], "{plan}");
        let last = ran.stdout.lines().last().unwrap_or_default();
        assert!(last.starts_with("Next: `pg_dbmigrator apply"), "{last}");
    }
}

#[test]
fn colours_come_when_they_are_asked_for_and_never_into_a_file() {
    let scratch = Scratch::with(&["plans"]);
    let plan = PLANS[0];
    let plain = scratch.run(&["plan", plan]).stdout;
    let never = scratch.run(&["plan", plan, "--color", "never"]).stdout;
    let always = scratch.run(&["--color", "always", "plan", plan]).stdout;
    assert!(!plain.contains('\u{1b}'), "{plain}");
    assert_eq!(plain, never);
    assert!(always.contains("\u{1b}[1mPlan shop"), "{always}");
    let mut without = scratch.command("pg_dbmigrator", &["plan", plan]);
    without.env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1");
    let without = crate::support::scratch::ran(&mut without).stdout;
    assert_eq!(plain, without, "NO_COLOR comes before CLICOLOR_FORCE");
}
