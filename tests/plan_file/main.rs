//! The plan file: what is read, what is refused, and in which words.
//! It never starts a server: reading a plan needs none.

mod hostile;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pg_dbmigrator::error::{Error, Exit};
use pg_dbmigrator::resolve::{ReplicaIdentity, resolve};
use pg_dbmigrator::spec::{self, Document, Environment, Inputs, Statistics};

const VALID: &str = "version: 1
source:
  url: \"postgres://app:{{ env('SECRET') }}@old.example/shop\"
target:
  url: \"host=new.example dbname=shop password={{ env('SECRET') }}\"
exclude:
  tables: [public.large_log]
copy:
  jobs: \"{{ var('JOBS', '4') | int }}\"
";

fn inputs() -> Inputs {
    let variables = BTreeMap::from([("SECRET", "tr0ub4dor&3"), ("EMPTY", "")]);
    Inputs {
        environment: Environment::new(move |name| variables.get(name).map(|v| (*v).to_owned())),
        ..Inputs::default()
    }
}

fn read_text(text: impl AsRef<[u8]>, inputs: &Inputs) -> Result<Document, Error> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("migrate.yaml");
    fs::write(&path, text).expect("a temporary file");
    spec::read(&path, inputs)
}

fn refusal(text: impl AsRef<[u8]>, inputs: &Inputs) -> String {
    let error = read_text(text, inputs).expect_err("the plan is wrong");
    assert_eq!(error.exit(), Exit::PlanInvalid);
    error.to_string()
}

/// Compares with a golden file, or writes it when `BLESS=1`.
fn golden(path: &Path, actual: &str) -> Option<String> {
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, actual).expect("the golden file is ours");
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    (expected != actual).then(|| format!("{}:\n{actual}", path.display()))
}

#[test]
fn every_wrong_plan_is_refused_in_the_words_beside_it() {
    let mut plans: Vec<PathBuf> = fs::read_dir("tests/rejects")
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    plans.sort();
    assert!(plans.len() >= 25, "only {} plans", plans.len());
    let mut wrong = Vec::new();
    for plan in plans {
        let settled = spec::read(&plan, &inputs()).and_then(resolve);
        let error = settled.expect_err(&plan.display().to_string());
        assert_eq!(error.exit(), Exit::PlanInvalid);
        let text = format!("{error}\n");
        assert!(!text.contains("hunter2"), "{text}");
        wrong.extend(golden(&plan.with_extension("txt"), &text));
    }
    assert!(
        wrong.is_empty(),
        "BLESS=1 writes these:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_schema_in_the_repository_is_the_one_the_program_prints() {
    let stale = golden(Path::new("schemas/plan.schema.json"), &spec::schema());
    assert!(stale.is_none(), "BLESS=1 writes schemas/plan.schema.json");
}

#[test]
fn an_empty_section_list_or_key_means_its_default() {
    let plan = read_text(
        "version: 1\nname:\nsource: {embedded: }\ntarget: {url: postgres://b}\nmode:\ncopy:\n\
         exclude:\n  tables:\nrestore:\n  existing: ~\nverify:\n",
        &inputs(),
    )
    .expect("a valid plan");
    assert!(plan.spec.copy.is_none_or(|copy| copy.jobs.is_none()));
    assert!(plan.spec.source.embedded.is_some());
    assert_eq!(plan.spec.verify, spec::Verify::Counts);
}

#[test]
fn what_reading_accepts_fits_the_schema_that_editors_use() {
    let schema = serde_json::from_str(&spec::schema()).expect("the schema is JSON");
    let text = "version: 1\nname:\nsource: {url: postgres://a}\ntarget: {url: postgres://b}\n\
                mode:\ncopy:\nexclude:\n  tables:\nrestore:\n  existing: ~\nverify: off\n";
    let value = serde_yaml::from_str::<serde_json::Value>(text).expect("it is YAML");
    assert!(jsonschema::is_valid(&schema, &value));
    read_text(text, &inputs()).expect("a valid plan");
    let templated = serde_yaml::from_str::<serde_json::Value>(VALID).expect("it is YAML");
    assert!(jsonschema::is_valid(&schema, &templated));
    for wrong in [
        "verify: some",
        "copy: {jobs: four}",
        "copy: {jobs: 0}",
        "x: 1",
    ] {
        let text = format!("version: 1\nsource: {{url: a}}\ntarget: {{url: b}}\n{wrong}\n");
        let value = serde_yaml::from_str::<serde_json::Value>(&text).expect("it is YAML");
        assert!(!jsonschema::is_valid(&schema, &value), "{wrong}");
        refusal(text, &inputs());
    }
}

#[test]
fn a_template_is_filled_sealed_and_typed() {
    let plan = read_text(VALID, &inputs()).expect("a valid plan");
    let url = plan.spec.source.url.expect("it is given");
    assert_eq!(
        url.to_string(),
        "postgres://app:<env SECRET>@old.example/shop"
    );
    assert_eq!(plan.spec.copy.and_then(|copy| copy.jobs), Some(4));
}

#[test]
fn a_file_and_a_command_give_a_secret_without_its_newline() {
    use secrecy::ExposeSecret as _;
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("secret"), "from a file\n").expect("a temporary file");
    let plan = folder.path().join("migrate.yaml");
    let text = "version: 1\nsource: {url: \"{{ file('secret') }}\"}\n\
                target: {url: \"{{ command(['sh', '-c', 'echo from $0', 'sh']) }}\"}\n";
    fs::write(&plan, text).expect("a temporary file");
    let document = spec::read(&plan, &inputs()).expect("a valid plan");
    let source = document.spec.source.url.expect("it is given");
    let target = document.spec.target.url.expect("it is given");
    assert_eq!(source.to_string(), "<file secret>");
    assert_eq!(target.to_string(), "<command sh>");
    let revealed = |sealed: pg_dbmigrator::secret::Sealed| {
        sealed
            .reveal()
            .expect("an untouched secret")
            .expose_secret()
            .to_owned()
    };
    assert_eq!(revealed(source), "from a file");
    assert_eq!(revealed(target), "from sh");
}

#[test]
fn no_command_is_run_for_a_plan_that_is_wrong_elsewhere() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plan = folder.path().join("migrate.yaml");
    let text = "version: 1\nsource: {url: \"{{ command(['touch', 'ran']) }}\"}\ntarget: {}\n";
    fs::write(&plan, text).expect("a temporary file");
    spec::read(&plan, &inputs()).expect_err("the target lacks its url");
    assert!(!folder.path().join("ran").exists());
}

#[test]
fn a_command_that_fails_says_what_it_said() {
    let plan = |command: &str| {
        format!(
            "version: 1\nsource: {{url: a}}\ntarget: {{url: \"{{{{ command({command}) }}}}\"}}\n"
        )
    };
    let failed = refusal(plan("['sh', '-c', 'echo locked >&2; exit 3']"), &inputs());
    assert!(failed.contains("exit status: 3: locked"), "{failed}");
    let absent = refusal(plan("['no-such-program']"), &inputs());
    assert!(absent.contains("cannot start"), "{absent}");
    let silent = refusal(plan("['true']"), &inputs());
    assert!(silent.contains("printed nothing"), "{silent}");
    let endless = refusal(plan("['cat', '/dev/zero']"), &inputs());
    assert!(
        endless.contains("did not end") || endless.contains("more than"),
        "{endless}"
    );
}

#[test]
fn an_online_plan_that_says_nothing_more_has_its_names_and_limits() {
    let text = "version: 1\nname: shop\nsource: {url: postgres://a}\ntarget: {url: postgres://b}\n\
                mode: online\nverify: rows\n";
    let plan = |more: &str| {
        let document = read_text(format!("{text}{more}"), &inputs()).expect("a valid plan");
        resolve(document).expect("a valid plan").online
    };
    let online = plan("").expect("it is online");
    let names = [&online.publication, &online.slot, &online.subscription];
    assert_eq!(names, ["pg_dbmigrator_shop"; 3]);
    assert_eq!(
        (online.lag_bytes, online.retained_wal_bytes),
        (1 << 20, 100 << 30)
    );
    assert_eq!(online.write_outage, Duration::from_secs(30));
    assert_eq!(online.slot_creation_timeout, Duration::from_secs(300));
    assert_eq!(online.cutover.verify, spec::Verify::Rows);
    assert!(online.cutover.reverse && online.cutover.fence.read_only);
    let online = plan(
        "online: {slot: s, replica_identity: {'public.\"a.b\"': copy_at_cutover}}\n\
         cutover: {verify: off, reverse: false, fence: {read_only: false}}\n\
         thresholds: {lag_bytes: 0, retained_wal: 512MiB, write_outage: 500ms}\n",
    );
    let online = online.expect("it is online");
    assert_eq!((online.slot.as_str(), online.lag_bytes), ("s", 0));
    let table = ("public".to_owned(), "a.b".to_owned());
    let identity = online.replica_identity.get(&table);
    assert_eq!(identity, Some(&ReplicaIdentity::CopyAtCutover));
    assert_eq!(online.retained_wal_bytes, 512 << 20);
    assert_eq!(online.write_outage, Duration::from_millis(500));
    assert_eq!(online.cutover.verify, spec::Verify::Off);
    assert!(!online.cutover.reverse && !online.cutover.fence.read_only);
}

#[test]
fn a_literal_password_is_hidden_everywhere() {
    let text = "version: 1\nsource: {url: \"postgres://u:c0rrect%20horse@a/d\"}\n\
                target: {url: \"host=b password='battery staple'\"}\n";
    let plan = read_text(text, &inputs()).expect("a valid plan");
    let shown = format!("{:?} {:?}", plan.spec.source, plan.spec.target);
    assert!(shown.contains("<password in source.url>"), "{shown}");
    assert!(shown.contains("<password in target.url>"), "{shown}");
    let later = Error::failed("c0rrect horse, c0rrect%20horse, battery staple", "").to_string();
    assert!(
        !later.contains("horse") && !later.contains("staple"),
        "{later}"
    );
}

#[test]
fn set_overrides_a_key_for_one_run_and_is_judged_like_the_file() {
    let with = |sets: &[(&str, &str)]| Inputs {
        sets: sets
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect(),
        ..inputs()
    };
    let good = with(&[
        ("copy.jobs", "8"),
        ("exclude.schemas", "[audit]"),
        ("restore.statistics", "carry"),
    ]);
    let plan = read_text(VALID, &good).expect("a valid plan");
    assert_eq!(plan.spec.copy.as_ref().and_then(|copy| copy.jobs), Some(8));
    assert_eq!(
        plan.spec.restore.as_ref().map(|one| one.statistics),
        Some(Statistics::Carry)
    );
    assert_eq!(plan.place("/copy/jobs"), "--set copy.jobs=8");
    let bad = with(&[
        ("copy.jobs", "many"),
        ("copy.jobz", "1"),
        ("mode.x", "1"),
        ("a..b", "1"),
    ]);
    let shown = refusal(VALID, &bad);
    for part in [
        "`copy.jobs` must be a whole number from 1 to 64, not the text `many`\n--> --set copy.jobs=many",
        "unknown key `jobz` in `copy`\n--> --set copy.jobz=1",
        "the key has an empty part\n--> --set a..b=1",
        "`mode` must be `offline` or `online`, not a section\n--> --set mode.x=1",
    ] {
        assert!(shown.contains(part), "{part}\nis not in\n{shown}");
    }
}

#[test]
fn later_checks_report_at_the_place_of_a_key() {
    let plan = read_text(VALID, &inputs()).expect("a valid plan");
    assert!(
        plan.place("/exclude/tables/0")
            .ends_with("migrate.yaml:7:12")
    );
    assert!(plan.place("/copy/owners").ends_with("migrate.yaml:8:1"));
    let mut problems = spec::Problems::default();
    problems.push(plan.problem("/exclude/tables/0", "matches nothing", "did you mean `b`?"));
    let error = problems
        .settle()
        .expect_err("there is a problem")
        .to_string();
    assert!(
        error.contains("7 |   tables: [public.large_log]"),
        "{error}"
    );
    assert!(error.contains("^^^^^^^^^^^^^^^^"), "{error}");
}

fn assert_says(shown: &str, words: &str) {
    let start: String = shown.chars().take(2_000).collect();
    assert!(shown.contains(words), "`{words}` is not in\n{start}");
}
