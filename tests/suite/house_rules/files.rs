//! The project's files as the rules read them: those that git knows or would take.
//! Never looks into `target` or at what git ignores.

use std::path::Path;
use std::process::Command;

/// A text file.
pub(super) struct File {
    /// Its path from the top, with `/`.
    pub(super) path: String,
    /// What is in it.
    pub(super) text: String,
}

/// The path of every file, from the top, sorted.
pub(super) fn tracked() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("git is installed");
    assert!(output.status.success(), "git lists no files: {output:?}");
    let list = String::from_utf8(output.stdout).expect("our paths are UTF-8");
    let mut paths: Vec<String> = list
        .lines()
        .filter(|path| top().join(path).is_file())
        .map(str::to_owned)
        .collect();
    paths.sort();
    paths.dedup();
    assert!(paths.len() > 50, "git lists only {paths:?}");
    paths
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl File {
    /// Reads one file.
    pub(super) fn read(path: &str) -> Self {
        let bytes = std::fs::read(top().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        Self {
            path: path.to_owned(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// Every file below one of the folders (`src/`, or `""` for all) with this extension, or all
    /// with `""`.
    pub(super) fn all(folders: &[&str], extension: &str) -> Vec<Self> {
        tracked()
            .iter()
            .filter(|path| folders.iter().any(|folder| path.starts_with(folder)))
            .filter(|path| extension.is_empty() || path.ends_with(&format!(".{extension}")))
            .map(|path| Self::read(path))
            .collect()
    }

    /// The lines that are code, with their numbers: no comments, and nothing from the file's own
    /// tests on.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let own_tests = |line: &str| line.trim() == "#[cfg(test)]";
        let lines = self.text.lines().enumerate();
        lines
            .take_while(move |(_, line)| !own_tests(line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(index, line)| (index + 1, line))
    }

    /// A finding in this file.
    pub(super) fn finding(&self, line: usize, advice: &str) -> String {
        format!("{}:{line}: {advice}", self.path)
    }
}
