//! The ground that tests stand on: throwaway servers of several majors, and the independent check.
//! It never shares code with `src/`, and never touches a server that it did not start.

pub(crate) mod certificates;
pub(crate) mod compare;

mod cluster;
pub(crate) mod programs;
mod settings;
mod sql;
mod template;
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
