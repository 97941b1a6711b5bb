//! A PgBouncer of a test's own, between an application and one database.
//! Never the distribution's service, and never beyond a unix socket in a folder of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use super::cluster::{Cluster, hand_to_server_user, percent_encoded};
use super::programs::as_server_user;
use super::{wait_until, workplace};

/// The name of the database that applications ask it for.
pub(crate) const POOLED: &str = "pooled";
/// The role that may say PAUSE.
const ADMIN: &str = "bouncer_admin";
/// Where its socket file gets its name from.
const PORT: u16 = 6432;

/// A running PgBouncer; it ends when dropped.
pub(crate) struct Bouncer {
    home: PathBuf,
    process: Child,
}

impl Bouncer {
    /// Starts one that leads this role, one transaction at a time, to a database.
    pub(crate) fn before((cluster, database): (&Cluster, &str), role: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let home = workplace::folder().join(format!("bouncer-{number}"));
        fs::create_dir(&home).expect("the number is new");
        fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).expect("it is ours");
        hand_to_server_user(&home);
        let users = format!("\"{role}\" \"\"\n\"{ADMIN}\" \"\"\n");
        fs::write(home.join("users"), users).expect("the folder is ours");
        fs::write(home.join("ini"), settings(&home, (cluster, database)))
            .expect("the folder is ours");
        let mut command = as_server_user(&program());
        let command = command.arg("-q").arg(home.join("ini"));
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        let bouncer = Self {
            process: command.spawn().expect("pgbouncer starts"),
            home,
        };
        let socket = bouncer.home.join(format!(".s.PGSQL.{PORT}"));
        wait_until("PgBouncer to listen", || socket.exists());
        bouncer
    }

    /// How this role reaches the database through it.
    pub(crate) fn url_as(&self, role: &str) -> String {
        self.url(role, POOLED)
    }

    /// How its console is reached.
    pub(crate) fn console(&self) -> String {
        self.url(ADMIN, "pgbouncer")
    }

    fn url(&self, role: &str, database: &str) -> String {
        let folder = percent_encoded(&self.home.to_string_lossy());
        format!("postgres://{role}@{folder}:{PORT}/{database}")
    }

    /// The command that has its file name another database; it reads that file when told to.
    pub(crate) fn command_to_lead_to(&self, (cluster, database): (&Cluster, &str)) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let from = self.home.join(format!("ini-{number}"));
        fs::write(&from, settings(&self.home, (cluster, database))).expect("the folder is ours");
        format!(
            "[/bin/cp, \"{}\", \"{}\"]",
            from.display(),
            self.home.join("ini").display()
        )
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        // The process that was started may be the one that only changed the user.
        let pid = fs::read_to_string(self.home.join("pgbouncer.pid"));
        let pid = pid.ok().and_then(|pid| pid.trim().parse().ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // It has nothing to save, and a shell's background programs ignore SIGQUIT.
            kill_process(pid, Signal::KILL).unwrap_or_default();
        }
        self.process.wait().map(drop).unwrap_or_default();
        fs::remove_dir_all(&self.home).unwrap_or_default();
    }
}

fn settings(home: &Path, (cluster, database): (&Cluster, &str)) -> String {
    let home = home.display();
    format!(
        "[databases]
{POOLED} = host={} port={} dbname={database}
[pgbouncer]
pool_mode = transaction
listen_addr =
listen_port = {PORT}
unix_socket_dir = {home}
auth_type = trust
auth_file = {home}/users
admin_users = {ADMIN}
logfile = {home}/log
pidfile = {home}/pgbouncer.pid
",
        cluster.socket_folder().display(),
        cluster.port(),
    )
}

fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian has it where only root looks.
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let mut programs = folders.map(|folder| folder.join("pgbouncer"));
    programs.find(|program| program.exists()).unwrap_or_else(|| {
        panic!("this test needs PgBouncer: `apt-get install pgbouncer`, or run tests/run.sh, which does")
    })
}
