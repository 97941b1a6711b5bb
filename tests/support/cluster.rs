//! One throwaway PostgreSQL server.
//! Never outlives its test process, and never uses a port or a socket of another server.

use super::port::Port;
use super::programs::{as_server_user, must, run, server};
use super::settings::Settings;
use super::template::Identity;
use super::workplace;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

/// The port of a server that nobody else can be in the way of: it names a socket file of its own folder.
const USUAL_PORT: u16 = 5432;

/// A running server, stopped at once and removed when dropped.
pub(crate) struct Cluster {
    major: u32,
    home: PathBuf,
    port: Option<Port>,
    _identity: Identity,
}

impl Cluster {
    /// Starts a server of `major` with the usual settings.
    pub(crate) fn start(major: u32) -> Self {
        Self::start_with(major, &Settings::default())
    }

    /// Starts a server of `major` with settings of its own.
    pub(crate) fn start_with(major: u32, settings: &Settings) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let home = workplace::folder().join(number.to_string());
        fs::create_dir(&home).expect("the number is new");
        hand_to_server_user(&home);
        let identity = Identity::take(major);
        identity.copy_to(&home.join("data"));
        let cluster = Self {
            major,
            home,
            port: settings.tcp.then(Port::free),
            _identity: identity,
        };
        cluster.configure(settings);
        cluster.launch();
        cluster
    }

    /// The one server of `major` that tests of this process share, each in databases of its own.
    pub(crate) fn shared(major: u32) -> &'static Self {
        static SHARED: Mutex<BTreeMap<u32, &'static OnceLock<Cluster>>> =
            Mutex::new(BTreeMap::new());
        let cell = *SHARED
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .entry(major)
            .or_insert_with(|| Box::leak(Box::default()));
        cell.get_or_init(|| Self::start(major))
    }

    /// The major version of the server.
    pub(crate) fn major(&self) -> u32 {
        self.major
    }

    /// The port of its TCP listener, when it has one, and of its socket file.
    pub(crate) fn port(&self) -> u16 {
        self.port.as_ref().map_or(USUAL_PORT, Port::number)
    }

    /// The folder with its unix socket.
    pub(crate) fn socket_folder(&self) -> &Path {
        &self.home
    }

    /// The folder with its data, readable by the user that it runs as.
    pub(crate) fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// Everything that the server has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home.join("log")).expect("a started server has a log")
    }

    /// A URL of `database`, as the superuser `postgres`, over the unix socket.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url_as("postgres", database)
    }

    /// A URL of `database`, as `role`, over the unix socket.
    pub(crate) fn url_as(&self, role: &str, database: &str) -> String {
        let folder = percent_encoded(&self.home.to_string_lossy());
        format!(
            "postgres://{}@{folder}:{}/{}",
            percent_encoded(role),
            self.port(),
            percent_encoded(database)
        )
    }

    /// A URL of `database`, as the superuser `postgres`, over TCP.
    pub(crate) fn tcp_url(&self, database: &str) -> String {
        format!(
            "postgres://postgres@127.0.0.1:{}/{}",
            self.port(),
            percent_encoded(database)
        )
    }

    /// Stops the server at once, as a crash does; its data stays.
    pub(crate) fn stop(&self) {
        let mut stop = as_server_user(&server(self.major).join("pg_ctl"));
        must(
            stop.args(["stop", "-m", "immediate", "-s", "-D"])
                .arg(self.data()),
        );
    }

    /// Stops the server at once if it runs, and starts it again.
    pub(crate) fn restart(&self) {
        if self.data().join("postmaster.pid").exists() {
            self.stop();
        }
        self.launch();
    }

    fn configure(&self, settings: &Settings) {
        let data = self.data();
        let conf = data.join("postgresql.conf");
        let mut text = fs::read_to_string(&conf).expect("initdb writes it");
        text.push_str(&settings.conf_lines(&self.home, self.port()));
        fs::write(&conf, text).expect("the file is ours");
        if let Some(hba) = &settings.hba {
            fs::write(data.join("pg_hba.conf"), hba).expect("the file is ours");
        }
        for (name, from) in settings.files() {
            let to = data.join(name);
            fs::copy(from, &to).unwrap_or_else(|e| panic!("cannot copy {}: {e}", from.display()));
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).expect("the file is ours");
            hand_to_server_user(&to);
        }
    }

    fn launch(&self) {
        let log = self.home.join("log");
        let output = run(as_server_user(&server(self.major).join("pg_ctl"))
            .args(["start", "-w", "-s", "-D"])
            .arg(self.data())
            .arg("-l")
            .arg(&log));
        if !output.status.success() {
            panic!("PostgreSQL {} does not start:\n{}", self.major, self.log());
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = as_server_user(&server(self.major).join("pg_ctl"));
        stop.args(["stop", "-m", "immediate", "-s", "-D"])
            .arg(self.data());
        // A second panic while one unwinds would abort the whole suite; the watchdog has the rest.
        if std::thread::panicking() {
            run(&mut stop);
        } else {
            must(&mut stop);
        }
        fs::remove_dir_all(&self.home).unwrap_or_default();
    }
}

/// Makes a file or folder that root has made the server user's own.
pub(super) fn hand_to_server_user(path: &Path) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    static USER: OnceLock<(u32, u32)> = OnceLock::new();
    let (user, group) = *USER.get_or_init(|| {
        let ids = must(as_server_user(Path::new("/bin/sh")).args(["-c", "id -u; id -g"]));
        let mut ids = ids
            .split_whitespace()
            .map(|id| id.parse().expect("id prints numbers"));
        (ids.next().expect("a user"), ids.next().expect("a group"))
    });
    chown(path, Some(user), Some(group)).expect("root may");
}

/// Percent-encodes everything but letters, digits and `-._~`, so that a path can stand as a host.
pub(super) fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
