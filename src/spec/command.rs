//! Runs the program that a `command()` in a plan names, and takes the secret that it prints.
//! It never shows what the program printed to its standard output, and never waits without end.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A password manager that asks a person has this long.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The largest secret: a certificate chain with its key stays below.
pub(crate) const MAX_SECRET_BYTES: usize = 64 * 1024;

/// What is shown of a program's complaints.
const MAX_COMPLAINT_BYTES: usize = 2 * 1024;

enum Part {
    Output(Vec<u8>),
    Complaint(Vec<u8>),
    Exit(std::io::Result<ExitStatus>),
}

/// Runs `argv` in `folder` with this process's environment, and returns what it prints, without
/// the newline at its end.
///
/// # Errors
/// What went wrong, in words that follow "command(…)".
pub(crate) fn secret(argv: &[String], folder: &Path) -> Result<String, String> {
    secret_within(argv, folder, TIMEOUT)
}

fn secret_within(argv: &[String], folder: &Path, timeout: Duration) -> Result<String, String> {
    let (program, arguments) = argv.split_first().ok_or("names no program")?;
    let child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start: {error}"))?;
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    let parts = watch(child);
    let collected = collect(&parts, timeout);
    if collected.is_err() {
        // The child is not waited for by anybody else, so the number is still its own, or the
        // child is gone and nothing is signalled.
        if let Some(pid) = pid {
            let _gone_already = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
    let (status, output, complaint) = collected?;
    if output.len() > MAX_SECRET_BYTES {
        return Err(format!("printed more than {} KiB", MAX_SECRET_BYTES / 1024));
    }
    if !status.success() {
        return Err(match complaint.trim() {
            "" => format!("failed with {status}"),
            words => format!("failed with {status}: {words}"),
        });
    }
    let text = String::from_utf8(output).map_err(|_| "printed what is not UTF-8")?;
    match without_newline(&text) {
        "" => Err("printed nothing".to_owned()),
        secret => Ok(secret.to_owned()),
    }
}

/// The text without the one newline that editors and `echo` put at the end.
pub(crate) fn without_newline(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

fn watch(mut child: Child) -> Receiver<Part> {
    let (sender, parts) = channel();
    let output = child.stdout.take().expect("its output was made a pipe");
    let complaint = child
        .stderr
        .take()
        .expect("its complaints were made a pipe");
    drain(output, MAX_SECRET_BYTES + 1, sender.clone(), Part::Output);
    drain(
        complaint,
        MAX_COMPLAINT_BYTES,
        sender.clone(),
        Part::Complaint,
    );
    thread::spawn(move || sender.send(Part::Exit(child.wait())));
    parts
}

/// Reads at most so many bytes. What wants to write more is stopped by the closed pipe.
fn drain(
    pipe: impl Read + Send + 'static,
    kept: usize,
    sender: Sender<Part>,
    part: fn(Vec<u8>) -> Part,
) {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A pipe that fails ends what there is to read.
        let _failed = pipe.take(kept as u64).read_to_end(&mut bytes);
        sender.send(part(bytes))
    });
}

fn collect(
    parts: &Receiver<Part>,
    timeout: Duration,
) -> Result<(ExitStatus, Vec<u8>, String), String> {
    let deadline = Instant::now() + timeout;
    let (mut status, mut output, mut complaint) = (None, None, None);
    while status.is_none() || output.is_none() || complaint.is_none() {
        let left = deadline.saturating_duration_since(Instant::now());
        let late = |_| format!("did not end within {} seconds", timeout.as_secs());
        match parts.recv_timeout(left).map_err(late)? {
            Part::Output(bytes) => output = Some(bytes),
            Part::Complaint(bytes) => complaint = Some(String::from_utf8_lossy(&bytes).into()),
            Part::Exit(ended) => {
                status = Some(ended.map_err(|error| format!("cannot be waited for: {error}"))?);
            }
        }
    }
    Ok((
        status.expect("the loop ends with it"),
        output.expect("the loop ends with it"),
        complaint.expect("the loop ends with it"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let argv = ["sh", "-c", "exec sleep 600"].map(str::to_owned);
        let begin = Instant::now();
        let late = secret_within(&argv, Path::new("."), Duration::from_millis(50));
        assert!(late.is_err_and(|why| why.contains("did not end")));
        assert!(begin.elapsed() < TIMEOUT);
    }
}
