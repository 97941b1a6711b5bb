//! What tests of cutovers stand on: a shop on a source, an empty target, a plan, the program, and
//! an application that writes. Never touches the two databases but as these do.

use std::fs::File;
use std::process::Child;

use crate::support::ledger::{Application, Ledger, Record, book};
use crate::support::proxy::Proxy;
use crate::support::scratch::ran;
use crate::support::tool::{PlanFolder, Ran};
use crate::support::{Cluster, Settings, wait_until};

/// The source database.
pub(super) const SHOP: &str = "shop";
/// The target database, which the migration creates.
pub(super) const MOVED: &str = "shop_moved";
/// What a migration's streams are made of.
const LEFT: &str = "select 'publication ' || pubname from pg_publication
    union all select 'slot ' || slot_name from pg_replication_slots
    union all select 'subscription ' || subname from pg_subscription
    union all select 'origin ' || roname from pg_replication_origin";
/// How many entries there are from the beginning.
const BEGINNING: i64 = 5_000;
/// How many clients the application has.
const CLIENTS: i32 = 8;

/// The night of a cutover.
pub(super) struct Night {
    pub(super) source: Cluster,
    pub(super) target: Cluster,
    pub(super) folder: PlanFolder,
}

/// The network between the three machines of a night.
pub(super) struct Network {
    /// Between the program and the source.
    pub(super) of_the_program: Proxy,
    /// Between the target and the source.
    pub(super) of_the_stream: Proxy,
}

impl Night {
    /// A shop on a source of one major, and an empty target of another; `cutover` is what the plan
    /// says besides, below `cutover:`.
    pub(super) fn new(source: u32, target: u32, cutover: &str) -> Self {
        let (source, target) = (Cluster::start(source), Cluster::start(target));
        let at = source.url(SHOP);
        Self::of(source, target, (&at, "{}", cutover))
    }

    /// The same between two servers of major 15, with a network in between that can be cut, and
    /// little patience: a cutover that takes longer is taken back.
    pub(super) fn over_a_network() -> (Self, Network) {
        let tcp = Settings {
            tcp: true,
            ..Settings::default()
        };
        let (source, target) = (Cluster::start_with(15, &tcp), Cluster::start(15));
        let network = Network {
            of_the_program: Proxy::before(source.port()),
            of_the_stream: Proxy::before(source.port()),
        };
        let at = |proxy: &Proxy| format!("postgres://postgres@127.0.0.1:{}/{SHOP}", proxy.port());
        let online = format!(
            "{{ subscription_source: \"{}\" }}",
            at(&network.of_the_stream)
        );
        let night = Self::of(
            source,
            target,
            (&at(&network.of_the_program), &online, "verify: off"),
        );
        (night, network)
    }

    /// Between these two; `at` is the source's URL, `online` and `cutover` what the plan says there.
    pub(super) fn of(
        source: Cluster,
        target: Cluster,
        (at, online, cutover): (&str, &str, &str),
    ) -> Self {
        book::create(&source, SHOP, BEGINNING);
        let plan = format!(
            "version: 1
name: shop
source:
  url: \"{at}\"
target:
  url: \"{}\"
mode: online
online: {online}
thresholds:
  # The application writes as fast as it can: there is always something under way.
  lag_bytes: 1048576
  poll_secs: 1
  write_outage: 10s
cutover:
  fence: {{ roles: [{}] }}
  {cutover}
",
            target.url(MOVED),
            book::APPLICATION,
        );
        Self {
            source,
            target,
            folder: PlanFolder::new(&plan),
        }
    }

    /// The same, with tables that are streamed in many parts.
    pub(super) fn in_parts(self) -> Self {
        self.copying("{ jobs: 3, split_larger_than: 64KiB }")
    }

    /// The same, by `pg_dump` and `pg_restore`.
    pub(super) fn dumped(self) -> Self {
        self.copying("{ method: dump }")
    }

    fn copying(self, how: &str) -> Self {
        let text = std::fs::read_to_string(self.folder.plan()).expect("it was written");
        self.folder.write(&format!("{text}copy: {how}\n"));
        self
    }

    /// Adds so many entries in one transaction, as one more application that does not pause; what
    /// the record has to know of it.
    pub(super) fn add_a_burst(&self, entries: i64) -> i64 {
        book::add(&self.source, SHOP, BEGINNING + 1..=BEGINNING + entries);
        BEGINNING + entries
    }

    /// Says something to the target's server, in the migrated database.
    pub(super) fn on_the_target(&self, sql: &str) {
        self.target.psql(
            MOVED,
            &format!("set default_transaction_read_only = off; {sql}"),
        );
    }

    /// Copies, and returns once PostgreSQL replicates by itself and the target has caught up.
    pub(super) fn replicate(&self) {
        let caught_up = ["apply", "--yes", "--until", "caught-up"];
        self.folder.run(&caught_up).must_end(0, &[]);
    }

    /// Starts the application, on the source.
    pub(super) fn open_the_shop(&self) -> Ledger {
        open_the_shop_at([
            self.source.url_as(book::APPLICATION, SHOP),
            self.target.url_as(book::APPLICATION, MOVED),
        ])
    }

    /// Starts the program in the background; what it says goes to files in the plan's folder.
    pub(super) fn start(&self, arguments: &[&str]) -> Child {
        let file = |name: &str| {
            File::create(self.folder.path().join(name)).expect("the folder takes files")
        };
        let mut command = self.folder.command(arguments);
        command.stdout(file("stdout")).stderr(file("stderr"));
        command.spawn().expect("the program is built")
    }

    /// Waits for a program in the background to end.
    pub(super) fn end_of(&self, mut child: Child) -> Ran {
        wait_until("the program to end", || {
            child.try_wait().expect("it is a child").is_some()
        });
        let said = |name: &str| {
            std::fs::read_to_string(self.folder.path().join(name)).expect("it was made")
        };
        Ran {
            exit: child.wait().expect("it has ended").code(),
            stdout: said("stdout"),
            stderr: said("stderr"),
        }
    }

    /// Starts an apply in the background, and waits until it has said that the target has caught up.
    pub(super) fn start_until_caught_up(&self) -> Child {
        let before = self.times_caught_up();
        let mut apply = self.start(&["apply", "--yes"]);
        wait_until("the target has caught up", || {
            let ended = apply.try_wait().expect("it is a child");
            assert!(ended.is_none(), "apply has ended: {ended:?}");
            self.times_caught_up() > before
        });
        apply
    }

    /// How often an apply has said that the target has caught up.
    pub(super) fn times_caught_up(&self) -> usize {
        let events = self.folder.state().join("events.jsonl");
        let events = std::fs::read_to_string(events).unwrap_or_default();
        events.matches("caught_up").count()
    }

    /// Runs the program to its end, or until it is killed at the crash point with this number.
    pub(super) fn run_until(&self, arguments: &[&str], point: usize) -> Ran {
        let mut command = self.folder.command(arguments);
        ran(command.env("PG_DBMIGRATOR_DIE_AT", point.to_string()))
    }

    /// Asks for the cutover, from another terminal.
    pub(super) fn cut_over(&self) -> Ran {
        self.folder.run(&["cutover", "--yes"])
    }

    /// Panics unless everything that the application knows is on the target, once.
    #[track_caller]
    pub(super) fn must_be_on_the_target(&self, record: &Record) {
        record.check(&self.target, MOVED).must_be_clean();
    }

    /// Goes back to the source.
    pub(super) fn roll_back(&self) -> Ran {
        self.folder.run(&["rollback", "--yes"])
    }

    /// Panics unless everything that the application knows is on the source, once.
    #[track_caller]
    pub(super) fn must_be_on_the_source(&self, record: &Record) {
        record.check(&self.source, SHOP).must_be_clean();
    }

    /// Finalizes, and panics when anything of the migration is left on either side.
    #[track_caller]
    pub(super) fn must_finalize(&self) {
        self.folder.run(&["finalize", "--yes"]).must_end(0, &[]);
        assert_eq!(self.source.psql(SHOP, LEFT), "");
        assert_eq!(self.target.psql(MOVED, LEFT), "");
    }

    /// Aborts, and panics when anything of the migration is left on either side.
    #[track_caller]
    pub(super) fn must_abort(&self) {
        self.folder.run(&["abort", "--yes"]).must_end(0, &[]);
        assert_eq!(self.source.psql(SHOP, LEFT), "");
        assert_eq!(self.target.psql("postgres", LEFT), "");
        let database = format!("select datname from pg_database where datname = '{MOVED}'");
        assert_eq!(self.target.psql("postgres", &database), "");
    }
}

/// Starts the application, where it finds its database at these URLs: the source's, the target's.
pub(super) fn open_the_shop_at([source, target]: [String; 2]) -> Ledger {
    let ledger = Ledger::start(Application {
        source,
        target,
        beginning: BEGINNING,
        clients: CLIENTS,
    });
    wait_until("the first commits", || ledger.acknowledged() >= 100);
    ledger
}
