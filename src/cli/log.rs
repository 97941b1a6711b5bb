//! Logs by tracing: warnings to standard error, more into the state directory.
//! A secret never gets through.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Mutex};

use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::error::Result;
use crate::secret::redact_bytes;
use crate::state::StateDir;

/// `tokio_postgres` logs whole statements at debug, which may hold rows: never below info.
const LIBRARIES: &str = "tokio_postgres=info,rustls=warn,minijinja=info";

/// Logs to standard error alone.
pub(super) fn to_stderr(verbose: u8) {
    let _ = tracing_subscriber::registry()
        .with(stderr(verbose))
        .try_init();
}

/// Logs to standard error, and everything to the state directory.
pub(super) fn to_stderr_and_file(verbose: u8, state: &StateDir) -> Result<()> {
    state.create()?;
    let mut open = OpenOptions::new();
    let open = open.create(true).append(true).mode(0o600).open(state.log());
    let file = open.map_err(|error| state.trouble("cannot open the log", &error))?;
    let file = fmt::layer()
        .with_ansi(false)
        .with_writer(Redacted(Arc::new(Mutex::new(file))))
        .with_filter(EnvFilter::new(format!("debug,{LIBRARIES}")));
    let _ = tracing_subscriber::registry()
        .with(stderr(verbose))
        .with(file)
        .try_init();
    Ok(())
}

fn stderr<S>(verbose: u8) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    fmt::layer()
        .with_ansi(false)
        .without_time()
        .with_target(verbose > 1)
        .with_writer(Redacted(Arc::new(Mutex::new(io::stderr()))))
        .with_filter(EnvFilter::new(format!("{level},{LIBRARIES}")))
}

/// A writer that takes secrets out of whatever passes through it: an event is one write.
struct Redacted<W>(Arc<Mutex<W>>);

impl<W> Clone for Redacted<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: Write> Write for Redacted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut writer = self.0.lock().expect("no holder of this lock panics");
        writer.write_all(&redact_bytes(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0
            .lock()
            .expect("no holder of this lock panics")
            .flush()
    }
}

impl<'a, W: Write + 'a> MakeWriter<'a> for Redacted<W> {
    type Writer = Self;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}
