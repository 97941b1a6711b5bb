//! The ground that tests stand on: throwaway servers of several majors, and the independent check.
//! It never shares code with `src/`, and never touches a server that it did not start.

pub(crate) mod certificates;
pub(crate) mod compare;
pub(crate) mod ledger;

pub(crate) mod bouncer;
mod cluster;
pub(crate) mod port;
pub(crate) mod programs;
pub(crate) mod proxy;
pub(crate) mod scratch;
mod settings;
mod sql;
mod template;
pub(crate) mod tool;
mod workplace;

pub(crate) use cluster::Cluster;
pub(crate) use programs::{newest_tools, tools};
pub(crate) use settings::Settings;

/// The absolute path of a file under `tests/data`.
pub(crate) fn data(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// How far one kill is from the next, of a test that kills a program wherever it can die: as usual, or
/// as `KILL_EVERY` says, which leaves out no point when it is 1.
pub(crate) fn kill_every(usual: usize) -> usize {
    let every = std::env::var("KILL_EVERY");
    every.map_or(usual, |text| text.parse().expect("KILL_EVERY is a number"))
}

/// Asks `probe` until it says yes; panics with `what` was waited for after half a minute.
pub(crate) fn wait_until(what: &str, mut probe: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !probe() {
        assert!(
            begun.elapsed().as_secs() < 30,
            "waited half a minute for: {what}"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
