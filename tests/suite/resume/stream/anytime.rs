//! Kills a streamed copy, and ends its sessions, at moments that nobody chose: anywhere in the copy of
//! tables in parts and in the building of indexes. The seed is printed; `STREAM_SEED` takes it again.

use std::io::Write as _;
use std::time::{Duration, Instant};

use super::{DONE, counted};
use crate::resume::ground::{Lane, ended, plan, programs};
use crate::support::wait_until;

/// How many kills there are; the suite makes do with a few.
fn wanted() -> usize {
    let wanted = std::env::var("STREAM_KILLS").ok();
    wanted.map_or(5, |text| text.parse().expect("STREAM_KILLS is a number"))
}

/// Numbers that look random, the same ones for the same seed (xorshift).
struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed = std::env::var("STREAM_SEED").ok();
        let now = || {
            std::time::UNIX_EPOCH
                .elapsed()
                .expect("it is later")
                .as_nanos() as u64
        };
        let seed = seed.map_or_else(now, |text| text.parse().expect("a number"));
        // Said in any case: how a test that runs for ever began is not shown at its end.
        let said = writeln!(std::io::stderr(), "STREAM_SEED={seed}");
        said.expect("standard error is open");
        Self(seed | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn part_of(&mut self, whole: Duration) -> Duration {
        whole * u32::try_from(self.below(1000)).expect("small") / 1000
    }
}

/// A source with tables that are copied in parts, and indexes that take a moment each.
fn lane() -> Lane {
    Lane::of_its_own(
        "create table long (id int primary key, text text, other int);
         insert into long select n, repeat(md5(n::text), 5), n % 1000 from generate_series(1, 60000) n;
         create index on long (text); create index on long (md5(text), other);
         create table without_key as select * from long where id < 30000;
         create index on without_key (text, other);
         alter table without_key add foreign key (id) references long;
         create materialized view sums as select other, sum(id) from long group by other;
         create index on sums (other)",
        &plan("stream.yaml").replace("8KiB", "1MiB"),
    )
}

fn has_begun(lane: &Lane) -> bool {
    lane.journal()
        .iter()
        .any(|line| line.contains(DONE) && line.contains("copy.marks"))
}

/// How long it takes from the first row to the end.
fn duration(lane: &Lane) -> Duration {
    let apply = lane.start();
    wait_until("the copy", || has_begun(lane));
    let begun = Instant::now();
    ended(&apply.wait_with_output().expect("ours")).must_end(0, &[]);
    begun.elapsed()
}

#[test]
fn a_streamed_copy_killed_at_any_moment_copies_nothing_twice_and_ends_equal() {
    let (lane, mut random) = (lane(), Random::new());
    let whole = duration(&lane);
    for kill in 0..wanted() {
        lane.start_over();
        let mut deaths = 0;
        // Once, and now and then the run after it as well.
        while deaths == 0 || deaths < 3 && random.below(3) == 0 {
            let mut apply = lane.start();
            wait_until("the copy", || has_begun(&lane));
            std::thread::sleep(random.part_of(whole));
            apply.kill().expect("it is ours");
            apply.wait().expect("it is ours");
            deaths += 1;
        }
        lane.must_complete_equal();
        let done = counted(&lane.journal(), DONE);
        let again: Vec<_> = done.iter().filter(|(_, count)| **count > 1).collect();
        assert!(again.is_empty(), "done twice at kill {kill}: {again:?}");
    }
}

/// One of ours that moves rows or builds on them.
const END_ONE: &str = "select count(pg_terminate_backend(pid)) from (
    select pid from pg_stat_activity where application_name ~ '^pg_dbmigrator '
        and query ~* '^(copy|create (unique )?index|alter table|begin)' and state = 'active'
    order by random() limit 1) as one";

#[test]
fn sessions_ended_at_any_moment_of_copy_and_build_cost_time_alone() {
    let (lane, mut random) = (lane(), Random::new());
    let mut all = 0;
    // A copy may be over before one of its sessions was met.
    for _ in 0..20 {
        if all >= 3 {
            break;
        }
        lane.start_over();
        let mut apply = lane.start();
        wait_until("the copy", || has_begun(&lane));
        let mut ended_sessions = 0;
        while ended_sessions < 6 && apply.try_wait().expect("it is ours").is_none() {
            let cluster = [lane.source, &lane.target][usize::from(random.below(2) == 0)];
            std::thread::sleep(random.part_of(Duration::from_millis(50)));
            ended_sessions += usize::from(cluster.psql("postgres", END_ONE) == "1");
        }
        ended(&apply.wait_with_output().expect("ours")).must_end(0, &[]);
        lane.must_be_equal();
        lane.nothing_is_left();
        assert!(programs(&lane.folder.state()).is_empty());
        all += ended_sessions;
    }
    assert!(all >= 3, "there was nothing to end");
}
