//! Takes a plan file's bytes from disk and turns them into text, within limits.
//! It never waits for a pipe or a terminal, and never holds more than [`MAX_BYTES`] in memory.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use crate::error::{Error, Exit, Result};

/// The largest plan: some ten thousand lines. What a person writes and reviews stays far below.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;

/// Reads a plan as text: without a byte order mark, its line ends all `\n`.
pub(crate) fn text(path: &Path) -> Result<String> {
    let bytes = limited(path, MAX_BYTES).map_err(|refusal| refusal.error(path))?;
    decode(bytes).map_err(|refusal| refusal.error(path))
}

/// Why a file is not read, and what to do about it.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) why: String,
    pub(crate) next: String,
}

impl Refusal {
    fn new(why: impl Into<String>, next: impl Into<String>) -> Self {
        let (why, next) = (why.into(), next.into());
        Self { why, next }
    }

    fn error(self, path: &Path) -> Error {
        let what = format!("cannot read the plan {}", path.display());
        Error::new(Exit::PlanInvalid, what, self.next).because(self.why)
    }
}

/// Reads a regular file of at most `limit` bytes.
pub(crate) fn limited(path: &Path, limit: usize) -> Result<Vec<u8>, Refusal> {
    let file = open(path).map_err(|error| unopened(&error))?;
    let meta = file.metadata().map_err(|error| unopened(&error))?;
    let kind = meta.file_type();
    if !kind.is_file() {
        let what = match () {
            () if kind.is_dir() => "a directory",
            () if kind.is_fifo() => "a pipe",
            () if kind.is_socket() => "a socket",
            () => "a device",
        };
        let next = "Name a regular file: what is kept about a run lies beside it.";
        return Err(Refusal::new(format!("it is {what}"), next));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large, even if it grows meanwhile.
    let read = file.take(limit as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| unopened(&error))?;
    if bytes.len() > limit {
        return Err(Refusal::new(
            format!("it is larger than {} KiB", limit / 1024),
            "Name the right file; this one holds something else.",
        ));
    }
    Ok(bytes)
}

/// Opens without blocking: a pipe that nobody writes to would otherwise hang the run.
fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits())
        .expect("the flags of open(2) are an int");
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

fn unopened(error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::NotFound => Refusal::new("there is no such file", "Check the path."),
        io::ErrorKind::PermissionDenied => Refusal::new(
            "permission denied",
            "Make it readable for the user who runs this.",
        ),
        // A socket cannot be opened at all; Linux says ENXIO.
        _ => Refusal::new(error.to_string(), "Mend the cause, then try again."),
    }
}

fn decode(bytes: Vec<u8>) -> Result<String, Refusal> {
    let not_text = |why: String| Refusal::new(why, "Save the plan as UTF-8 text.");
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(not_text("it is UTF-16, not UTF-8".to_owned()));
    }
    if let Some(at) = bytes.iter().position(|b| *b == 0) {
        let (line, column) = position(&bytes[..at]);
        return Err(not_text(format!(
            "it is binary: a zero byte at line {line}, column {column}"
        )));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let (line, column) = position(&error.as_bytes()[..valid]);
        not_text(format!("it is not UTF-8 at line {line}, column {column}"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// The line and column that follow this text.
fn position(before: &[u8]) -> (usize, usize) {
    let before = String::from_utf8_lossy(before);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}
