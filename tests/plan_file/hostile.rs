//! Files that nobody would write by hand: bombs, garbage, other kinds of files, random changes. Each
//! ends in bounded time with a clear error; never in a panic.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use pg_dbmigrator::error::Exit;
use pg_dbmigrator::spec;
use proptest::prelude::*;

use super::{VALID, assert_says, inputs, read_text, refusal};

/// A bound that only a runaway exceeds, whatever else the machine does.
const BOUND: Duration = Duration::from_secs(20);

#[test]
fn hostile_files_end_in_bounded_time_with_a_clear_error() {
    let begin = Instant::now();
    let levels = (1..40).map(|n| format!("a{n}: &a{n} [*a{m}, *a{m}, *a{m}]\n", m = n - 1));
    let bomb = format!("a0: &a0 [x, x]\n{}", levels.collect::<String>());
    assert_says(&refusal(bomb, &inputs()), "aliases are not used in plans");
    let deep = format!("a: {}", "[".repeat(500_000));
    assert_says(&refusal(deep, &inputs()), "levels deep");
    let deep = format!("a: {}", "{a: ".repeat(200_000));
    assert_says(&refusal(deep, &inputs()), "levels deep");
    let wide = format!("a: [{}]", "1,".repeat(400_000));
    assert_says(&refusal(wide, &inputs()), "20000 keys and values");
    let keys: String = (0..5_000).map(|n| format!("k{n}: 1\n")).collect();
    assert_says(&refusal(keys, &inputs()), "more than 50 problems");
    let keys: String = (0..9_000).map(|n| format!("k{n}: 1, ")).collect();
    assert_says(
        &refusal(format!("{{{keys}}}"), &inputs()),
        "more than 50 problems",
    );
    let line = format!("version: 1\n{}: 1", "k".repeat(1_000_000));
    assert!(refusal(line, &inputs()).len() < 4_000);
    let grown = "version: 1\nname: \"{{ 'x' * 100000000000 }}\"\n";
    assert_says(&refusal(grown, &inputs()), "`*` is not supported");
    let nested = format!("version: 1\nname: \"{{{{ {}\"\n", "(".repeat(100_000));
    assert_says(&refusal(nested, &inputs()), "cannot be filled");
    let many = "\"{{ 'x' ~ 'y' }}\",".repeat(8_000);
    let many = format!("version: 1\nexclude: {{schemas: [{many}]}}\n");
    assert_says(&refusal(many, &inputs()), "more than 50 problems");
    assert!(begin.elapsed() < BOUND, "{:?}", begin.elapsed());
}

#[test]
fn what_is_no_text_is_refused_by_what_it_is() {
    for (bytes, said) in [
        (&b"\xff\xfev\0"[..], "UTF-16"),
        (b"\xfe\xff\0v", "UTF-16"),
        (b"version: 1\nname: \xc3(", "not UTF-8 at line 2, column 7"),
        (b"\x7fELF\x02\0\0\0", "zero byte at line 1, column 6"),
    ] {
        let shown = refusal(bytes, &inputs());
        assert!(shown.contains(said), "{shown}");
    }
    let huge = tempfile::NamedTempFile::new().expect("a temporary file");
    huge.as_file().set_len(100 << 20).expect("a sparse file");
    let shown = spec::read(huge.path(), &inputs())
        .expect_err("it is huge")
        .to_string();
    assert!(shown.contains("larger than 1024 KiB"), "{shown}");
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let fifo = folder.path().join("fifo");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0)
        .expect("a pipe with a name");
    for (path, said) in [
        (fifo.as_path(), "a pipe"),
        (folder.path(), "a directory"),
        (Path::new("/dev/zero"), "a device"),
        (Path::new("absent.yaml"), "there is no such file"),
    ] {
        let error = spec::read(path, &inputs()).expect_err(said);
        assert_eq!(error.exit(), Exit::PlanInvalid);
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_read() {
    let text = format!("\u{feff}{}", VALID.replace('\n', "\r\n"));
    let plan = read_text(text, &inputs()).expect("a valid plan");
    assert!(plan.place("/copy/jobs").ends_with("migrate.yaml:9:9"));
}

#[test]
fn nobody_can_forge_the_placeholder_of_a_secret() {
    let forged = VALID.replace("public.large_log", "\u{F5EC1}0\u{F5EC2}");
    // The last word may be hidden: other tests of this process make passwords of what is written here.
    assert_says(&refusal(forged, &inputs()), "reserved for ");
}

fn never_panics(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("it can be written");
    match spec::read(file.path(), &inputs()) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.exit(), Exit::PlanInvalid),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        never_panics(&bytes);
    }

    #[test]
    fn no_yaml_like_text_makes_reading_panic(text in "[-:{}\\[\\]&*!|>'\"#%@`,?~ \n\ta-c1é\u{1F600}]{0,120}") {
        never_panics(text.as_bytes());
    }

    #[test]
    fn no_change_of_a_valid_plan_makes_reading_panic(
        at in 0..VALID.len(), len in 0usize..12, put in "[-:{}\\[\\]&*!|>'\"#, \n\ta-cé\u{F5EC1}]{0,8}"
    ) {
        let mut text = VALID.to_owned();
        text.replace_range(at..(at + len).min(VALID.len()), &put);
        never_panics(text.as_bytes());
    }
}
