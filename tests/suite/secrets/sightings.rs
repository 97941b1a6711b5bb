//! What can be seen of a running program: its children's command lines and environments, and the
//! files of its state directory. Never looks at the program's own environment: who started it knows.

use super::{CORE, MAPPING, ROW};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Everything that was seen while it ran.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    /// Where a secret was seen.
    pub(super) leaks: BTreeSet<String>,
    /// The names of the programs that it ran.
    pub(super) programs: BTreeSet<String>,
    /// The modes of password files, each after that of its directory.
    pub(super) password_file_modes: BTreeSet<(u32, u32)>,
    /// Children that may dump core.
    pub(super) core_dumpers: BTreeSet<String>,
}

/// Looks again and again until told that it is over. At processes apart from files: some are there
/// for less time than all files take to read.
pub(super) fn watch(pid: u32, state: &Path, over: &AtomicBool) -> Sightings {
    std::thread::scope(|scope| {
        let files = scope.spawn(|| look_until(over, |seen| seen.look_at_files(state)));
        let mut seen = look_until(over, |seen| {
            for child in descendants(pid) {
                seen.look_at_process(pid, child);
            }
        });
        seen.add(files.join().expect("files can be looked at"));
        seen
    })
}

fn look_until(over: &AtomicBool, look: impl Fn(&mut Sightings)) -> Sightings {
    let mut seen = Sightings::default();
    while !over.load(Ordering::Relaxed) {
        look(&mut seen);
        std::thread::sleep(Duration::from_millis(3));
    }
    seen
}

impl Sightings {
    fn add(&mut self, other: Self) {
        let Self {
            leaks,
            programs,
            password_file_modes,
            core_dumpers,
        } = other;
        self.leaks.extend(leaks);
        self.programs.extend(programs);
        self.password_file_modes.extend(password_file_modes);
        self.core_dumpers.extend(core_dumpers);
    }

    /// Looks at a process that `parent` started, or once had.
    pub(super) fn look_at_process(&mut self, parent: u32, pid: u32) {
        let exe = |pid| fs::read_link(format!("/proc/{pid}/exe")).ok();
        let said = |pid| fs::read(format!("/proc/{pid}/cmdline")).ok();
        // Between fork and exec a child still shows its parent's environment.
        let own = (exe(parent), said(parent));
        let Some(program) = exe(pid).filter(|_| (exe(pid), said(pid)) != own) else {
            return;
        };
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        for file in ["cmdline", "environ"] {
            let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            if shows_secret(&text) {
                self.leaks.insert(format!("{file} of {name}"));
            }
        }
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        if core.is_some_and(|line| line.split_whitespace().nth(4) != Some("0")) {
            self.core_dumpers.insert(name.to_string());
        }
        self.programs.insert(name.into_owned());
    }

    fn look_at_files(&mut self, state: &Path) {
        for path in files(state) {
            let mode = |path: &Path| Some(fs::metadata(path).ok()?.permissions().mode() & 0o777);
            if path
                .extension()
                .is_some_and(|extension| extension == "pass")
            {
                if let (Some(directory), Some(own)) = (path.parent().and_then(mode), mode(&path)) {
                    self.password_file_modes.insert((directory, own));
                }
            } else if shows_secret(&fs::read(&path).unwrap_or_default()) {
                self.leaks.insert(path.display().to_string());
            }
        }
    }
}

/// The files of a state directory that hold a secret, or that are there to hold one.
pub(super) fn leaks_in_state(state: &Path) -> Vec<PathBuf> {
    let leaks = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "pass")
            || shows_secret(&fs::read(path).unwrap_or_default())
    };
    files(state).into_iter().filter(leaks).collect()
}

/// Every file but those of the dump, which is a copy of the database.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if entry.file_name() != "dump" {
                found.extend(files(&path));
            }
        } else {
            found.push(path);
        }
    }
    found
}

fn shows_secret(bytes: &[u8]) -> bool {
    // The secrets are ASCII, which no replacement of what is not UTF-8 touches.
    let text = String::from_utf8_lossy(bytes);
    [CORE, MAPPING, ROW]
        .iter()
        .any(|secret| text.contains(secret))
}

fn descendants(of: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The name, in parentheses, may hold anything; the parent is the second word after it.
        let parent = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut next = vec![of];
    while let Some(pid) = next.pop() {
        let below = children.remove(&pid).unwrap_or_default();
        found.extend(&below);
        next.extend(below);
    }
    found
}
