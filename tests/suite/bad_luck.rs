//! Tests of what servers, programs and disks do to a migration: each failure is said clearly, leaves
//! nothing running, and is gone on from once its cause is mended. None ever waits for a fixed time.

use std::process::Command;

use crate::resume::ground::{DUMP_LOCK, Holder, Lane, TARGET, end_of, plan, programs};
use crate::support::programs::must;
use crate::support::wait_until;

/// Ends every session of ours, as an administrator or a failover would.
const TERMINATE: &str = "select count(pg_terminate_backend(pid)) from pg_stat_activity
    where application_name ~ '^pg_dbmigrator '";

/// Kills the program's first process, as the kernel does when memory runs out.
fn kill_program(lane: &Lane, name: &str) {
    let all = programs(&lane.folder.state());
    let named = |pid: &&i32| {
        std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name)
    };
    let first = *all.iter().find(named).expect("it runs");
    let pid = rustix::process::Pid::from_raw(first).expect("not zero");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it is ours");
}

#[test]
fn a_killed_pg_restore_is_said_and_gone_on_from() {
    let lane = Lane::gated("wait");
    let apply = lane.start();
    lane.wait_for_gate();
    kill_program(&lane, "pg_restore");
    end_of(apply).must_end(
        1,
        &["pg_restore did not succeed", "signal: 9", "apply` again"],
    );
    assert!(programs(&lane.folder.state()).is_empty());
    lane.set_gate("open");
    lane.must_complete_equal();
}

#[test]
fn a_source_whose_schema_was_changed_after_its_dump_is_said_and_gone_on_from() {
    let lane = Lane::gated("fail");
    lane.apply().must_end(1, &["the gate is closed"]);
    let change = "alter table gated add column later int";
    lane.source.psql(lane.source_name(), change);
    lane.set_gate("open");
    let said = [
        "column public.gated.later",
        "change them on the target alike",
    ];
    lane.apply().must_end(6, &said);
    lane.target.psql(TARGET, change);
    lane.must_complete_equal();
}

#[test]
fn a_killed_pg_dump_is_said_and_gone_on_from() {
    let lane = Lane::gated("open");
    let holder = Holder::take(lane.source, lane.source_name(), DUMP_LOCK);
    let apply = lane.start();
    lane.wait_for_dump();
    kill_program(&lane, "pg_dump");
    wait_until("pg_dump to be gone", || {
        programs(&lane.folder.state()).is_empty()
    });
    end_of(apply).must_end(1, &["pg_dump did not succeed", "signal: 9", "apply` again"]);
    holder.release();
    lane.must_complete_equal();
}

#[test]
fn sessions_ended_by_an_administrator_are_gone_on_from() {
    let lane = Lane::gated("wait");
    let apply = lane.start();
    lane.wait_for_gate();
    lane.target.psql("postgres", TERMINATE);
    end_of(apply).must_end(1, &["pg_restore did not succeed", "terminating connection"]);
    lane.set_gate("open");
    lane.must_complete_equal();
    lane.start_over();
    let holder = Holder::take(lane.source, lane.source_name(), DUMP_LOCK);
    let apply = lane.start();
    lane.wait_for_dump();
    lane.source.psql("postgres", TERMINATE);
    end_of(apply).must_end(1, &["next:"]);
    holder.release();
    lane.must_complete_equal();
}

#[test]
fn sessions_ended_at_any_moment_never_make_a_wrong_success() {
    let lane = Lane::new(&plan("offline.yaml"));
    let mut successes = 0;
    for turn in 0..12 {
        lane.start_over();
        let apply = lane.start();
        let journal = || lane.journal().len();
        wait_until("the journal to be so long", || journal() >= 3 + turn * 2);
        for cluster in [lane.source, &lane.target] {
            // Those of this migration alone: others share the source.
            let name = crate::resume::ground::application_name(&lane.journal());
            cluster.psql(
                "postgres",
                &TERMINATE.replace("~ '^pg_dbmigrator '", &format!("= '{name}'")),
            );
        }
        let ran = end_of(apply);
        match ran.exit {
            Some(0) => {
                successes += 1;
                lane.must_be_equal();
            }
            Some(1 | 7) => lane.must_complete_equal(),
            _ => ran.must_end(1, &[]),
        }
    }
    assert!(successes < 12, "no session was ever ended in time");
}

#[test]
fn a_target_that_restarts_during_the_restore_is_gone_on_from() {
    let lane = Lane::gated("wait");
    let apply = lane.start();
    lane.wait_for_gate();
    lane.target.restart();
    end_of(apply).must_end(1, &["pg_restore did not succeed", "next:"]);
    lane.set_gate("open");
    lane.must_complete_equal();
}

#[test]
fn a_source_that_restarts_during_the_dump_is_gone_on_from() {
    let lane = Lane::gated("open");
    let holder = Holder::take(lane.source, lane.source_name(), DUMP_LOCK);
    let apply = lane.start();
    lane.wait_for_dump();
    lane.source.restart();
    end_of(apply).must_end(1, &["next:"]);
    holder.release();
    lane.must_complete_equal();
}

/// A small file system of its own, in memory; needs root, as the suite does in CI.
struct SmallDisk<'a>(&'a std::path::Path);

impl<'a> SmallDisk<'a> {
    fn mount(folder: &'a std::path::Path, size: &str) -> Self {
        std::fs::create_dir_all(folder).expect("the folder is ours");
        let options = format!("size={size},mode=0700");
        must(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
                .arg(folder),
        );
        Self(folder)
    }

    fn resize(&self, size: &str) {
        let options = format!("remount,size={size}");
        must(Command::new("mount").args(["-o", &options]).arg(self.0));
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).output();
    }
}

#[test]
fn a_full_disk_beside_the_plan_is_said_and_gone_on_from() {
    let lane = Lane::gated("open");
    lane.source.psql(
        lane.source_name(),
        "create table wide as select string_agg(md5(n::text || i), '') as w
         from generate_series(1, 3000) n, generate_series(1, 30) i group by n",
    );
    let state = lane.folder.state();
    let disk = SmallDisk::mount(&state, "8k");
    lane.apply()
        .must_end(1, &["No space left on device", "next:"]);
    for size in ["400k", "900k"] {
        disk.resize(size);
        let ran = lane.apply();
        ran.must_end(1, &["No space left on device", "next:"]);
    }
    disk.resize("64m");
    lane.must_complete_equal();
}

/// Applies while the target has room for another database and its catalogs, not for the rows; then
/// with room for all.
fn fills_the_disk_of_the_target(lane: &Lane) {
    lane.source.psql(
        lane.source_name(),
        "create table wide as select md5(n::text) from generate_series(1, 500000) n",
    );
    let data = lane.target.data().join("base");
    // The server's files move to the small disk and back, so that only this server is on it.
    lane.target.stop();
    let saved = lane.target.data().join("base.saved");
    must(Command::new("cp").arg("-a").arg(&data).arg(&saved));
    let disk = SmallDisk::mount(&data, "400m");
    must(
        Command::new("cp")
            .arg("-a")
            .arg(format!("{}/.", saved.display()))
            .arg(&data),
    );
    must(
        Command::new("chown")
            .arg("--reference")
            .arg(&saved)
            .arg(&data),
    );
    let used = must(Command::new("du").arg("-sm").arg(&data));
    let used: u32 = used
        .split_whitespace()
        .next()
        .and_then(|n| n.parse().ok())
        .expect("du");
    disk.resize(&format!("{}m", used + 20));
    lane.target.restart();
    lane.apply()
        .must_end(1, &["No space left on device", "next:"]);
    disk.resize("400m");
    lane.must_complete_equal();
    lane.target.stop();
    drop(disk);
    lane.target.restart();
}

#[test]
fn a_full_disk_of_the_target_is_said_and_gone_on_from() {
    fills_the_disk_of_the_target(&Lane::gated("open"));
}

#[test]
fn a_full_disk_of_the_target_is_said_of_a_streamed_copy_and_gone_on_from() {
    let parts = plan("stream.yaml").replace("8KiB", "1MiB");
    let lane = Lane::of_its_own("", &parts);
    fills_the_disk_of_the_target(&lane);
    let journal = lane.journal();
    let done = |step: &str| {
        let done = format!("\"event\":\"done\",\"step\":\"{step}\"");
        journal.iter().filter(|line| line.contains(&done)).count()
    };
    assert_eq!(
        (done("snapshot.export"), done("copy.public.wide.1")),
        (1, 1)
    );
}

#[test]
fn endpoints_that_cannot_be_reached_are_said_with_what_to_do() {
    let lane = Lane::new(&plan("offline.yaml"));
    let url = lane.source.url(lane.source_name());
    let nobody = url.replace("postgres@", "nobody_here@");
    let missing = lane.source.url("no_such_database");
    let refused = "postgres://postgres@127.0.0.1:1/small";
    for (source, words) in [
        (nobody.as_str(), "nobody_here"),
        (missing.as_str(), "no_such_database"),
        (refused, "refused"),
    ] {
        let source = format!("SOURCE={source}");
        let target = format!("TARGET={}", lane.target.url("moved"));
        let arguments = ["apply", "--yes", "--var", &source, "--var", &target];
        let ran = lane.folder.run(&arguments);
        assert!(matches!(ran.exit, Some(1 | 4)), "{ran:?}");
        assert!(
            ran.stderr.contains(words) && ran.stderr.contains("next:"),
            "{ran:?}"
        );
    }
    lane.must_complete_equal();
}
