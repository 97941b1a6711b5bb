//! What a switch looks for on the side that it leaves, before the fence and behind it: rows that no
//! stream carries. Never accepts that such a row stays behind with a success.

use super::switch::Move;
use crate::support::tool::Ran;
use crate::support::{programs, tools, wait_until};

/// As a superuser for whom a closed database is open.
const OPEN: &str = "set default_transaction_read_only = off;";

impl Move {
    pub(super) fn on_source(&self, sql: &str) -> String {
        self.source.psql("shop", &format!("{OPEN} {sql}"))
    }

    pub(super) fn on_target(&self, sql: &str) -> String {
        self.target.psql("moved", &format!("{OPEN} {sql}"))
    }

    fn on_both(&self, sql: &str) {
        self.on_source(sql);
        self.on_target(sql);
    }

    pub(super) fn roll_back(&self) -> Ran {
        self.run(&["rollback", "--yes"])
    }

    /// Changes the plan file.
    pub(super) fn replace(&self, this: &str, by: &str) {
        let plan = std::fs::read_to_string(self.folder.plan()).expect("ours");
        assert!(plan.contains(this), "{plan}");
        self.folder.write(&plan.replace(this, by));
    }

    /// Has a hook run this script of psql's once the source serves again.
    fn once_rolled_back(&self, script: &str) {
        let file = self.folder.path().join("hook.sql");
        std::fs::write(&file, script).expect("the folder is ours");
        let psql = programs::client(&tools(15), "psql");
        let psql = psql.get_program().to_string_lossy().into_owned();
        let url = self.target.url("moved");
        let file = file.to_string_lossy();
        let hook = format!(
            "{psql:?}, -qX, -v, ON_ERROR_STOP=1, -v, \"source={}\", {url:?}, -f, {file:?}",
            self.source.url("shop")
        );
        let hook = format!("{hook}, -v, \"target={url}\"");
        self.replace(
            "\ncutover:\n",
            &format!("\ncutover:\n  hooks: {{on_rollback: [[{hook}]]}}\n"),
        );
    }

    /// Has a hook say this to the source once the guard has looked, before the fence.
    fn say_before_the_fence(&self, sql: &str) {
        let psql = programs::client(&tools(15), "psql");
        let psql = psql.get_program().to_string_lossy().into_owned();
        let plan = std::fs::read_to_string(self.folder.plan()).expect("ours");
        let plan = plan
            .split("  hooks:")
            .next()
            .expect("there is a first part");
        let url = self.source.url("shop");
        let hook = format!(
            "  hooks: {{before_fence: [[\"{psql}\", \"-qX\", \"{url}\", \"-c\", \"{sql}\"]]}}\n"
        );
        self.folder.write(&format!("{plan}{hook}"));
    }
}

#[test]
fn a_table_made_on_the_target_after_the_switch_holds_up_the_rollback() {
    let all = Move::streaming("30s", true);
    all.cut_over(&[]).must_end(0, &[]);
    all.on_target("create table late (id int primary key); insert into late values (1)");
    all.roll_back()
        .must_end(8, &["public.late is only on the target"]);
    all.on_source("create table late (id int primary key)");
    all.roll_back()
        .must_end(8, &["tables of the target", "public.late", "finalize"]);
    assert_eq!(all.on_target("select count(*) from late"), "1");
    all.on_both("drop table late");
    all.on_target("select lo_create(7)");
    all.roll_back()
        .must_end(8, &["the target holds large objects"]);
    all.on_target("select lo_unlink(7)");
    all.roll_back().must_end(0, &[]);
}

#[test]
fn what_comes_between_the_guard_and_the_fence_takes_the_cutover_back() {
    let all = Move::streaming("30s", true);
    all.say_before_the_fence("create table late (id int primary key)");
    all.cut_over(&[]).must_end(
        8,
        &["cutover.unchanged", "public.late is only on the source"],
    );
    assert!(all.source_serves());
    all.on_source("drop table late");
    all.say_before_the_fence("select lo_create(7)");
    all.cut_over(&[])
        .must_end(8, &["cutover.unchanged", "the source holds large objects"]);
    assert!(all.source_serves());
    all.on_source("select lo_unlink(7)");
    // What comes and goes, and what changes no definition, holds up nothing.
    all.say_before_the_fence("create temporary table t (id int primary key); truncate baskets");
    let done = all.cut_over(&[]);
    done.must_end(0, &[]);
    let said = done.stdout;
    assert!(said.contains("the definition of every object;"), "{said}");
    assert!(!said.contains("large object"), "{said}");
}

#[test]
fn an_accepted_drift_is_told_and_a_table_without_a_stream_is_not_accepted() {
    let all = Move::new("30s", true);
    all.on_source("create table scratch_1 (id int primary key)");
    let plan = std::fs::read_to_string(all.folder.plan()).expect("ours");
    all.folder
        .write(&format!("{plan}exclude: {{tables: [public.scratch_*]}}\n"));
    all.run(&["apply", "--yes", "--until", "caught-up"])
        .must_end(0, &[]);
    // A table that the plan leaves out from the beginning, whenever it comes.
    all.on_source("create table scratch_2 (id int primary key); insert into scratch_2 values (1)");
    all.on_source("create index named on kettles (name)");
    all.on_both("create table late (id int primary key)");
    all.on_source("insert into late values (1)");
    let accept = ["--set", "cutover.accept_drift=true"];
    all.cut_over(&accept)
        .must_end(8, &["tables of the source", ": public.late\n", "abort"]);
    assert!(all.source_serves());
    all.on_both("drop table late");
    all.cut_over(&[]).must_end(8, &["index public.named"]);
    let done = all.cut_over(&accept);
    let words = [
        "the definition of every object, but for 1 accepted difference;",
        "cutover.accept_drift: index public.named",
    ];
    done.must_end(0, &[]);
    let said = done.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in words {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn what_is_written_to_the_target_after_the_switch_back_stays_in_its_slot() {
    let all = Move::streaming("30s", true);
    all.once_rolled_back(&format!(
        "{OPEN} insert into kettles (name) values ('too late');"
    ));
    all.cut_over(&[]).must_end(0, &[]);
    all.roll_back()
        .must_end(6, &["rollback.prove", "The source serves", "advance"]);
    assert!(all.source_serves());
    let slot = "select slot_name from pg_replication_slots where slot_name like '%reverse'";
    let slot = all.target.psql("postgres", slot);
    assert!(!slot.is_empty(), "the slot is gone, and the row with it");
    all.on_target("select pg_replication_slot_advance(slot_name, pg_current_wal_lsn()) from pg_replication_slots");
    all.roll_back().must_end(0, &[]);
}

#[test]
fn what_the_target_receives_after_the_switch_back_is_no_loss() {
    let all = Move::streaming("30s", true);
    // A row that the application writes to the source comes to the target before the proof.
    all.once_rolled_back(
        "\\connect :source
         insert into kettles (name) values ('an echo');
         \\connect :target
         do 'begin for i in 1..1200 loop if exists (select from kettles where name = ''an echo'') \
         then return; end if; perform pg_sleep(0.05); end loop; raise ''no echo''; end';",
    );
    all.cut_over(&[]).must_end(0, &[]);
    all.roll_back().must_end(0, &[]);
}

#[test]
fn a_role_that_the_operator_made_on_the_target_is_fenced_by_the_rollback() {
    let all = Move::new("30s", true);
    all.source.psql("postgres", "create role late login");
    all.replace("roles: [app]", "roles: [app, late, never]");
    all.source.psql("postgres", "create role never login");
    all.run(&["apply", "--yes", "--until", "caught-up"])
        .must_end(0, &[]);
    all.target.psql("postgres", "create role late login");
    all.cut_over(&[]).must_end(0, &[]);
    let prepare = "begin; insert into kettles (name) values ('held'); prepare transaction 'held'";
    all.target.psql("moved", prepare);
    let mut rollback = all
        .folder
        .command(&["rollback", "--yes"])
        .spawn()
        .expect("it is built");
    let may = "select rolcanlogin from pg_roles where rolname = 'late'";
    wait_until("the role to be barred", || {
        all.target.psql("postgres", may) == "f"
    });
    wait_until("the prepared transaction to be no more", || {
        let sql = format!("{OPEN} commit prepared 'held'");
        all.target.try_psql("moved", &sql).is_ok()
    });
    assert!(rollback.wait().expect("it is a child").success());
    assert_eq!(all.target.psql("postgres", may), "t");
    assert_eq!(
        all.on_source("select count(*) from kettles where name = 'held'"),
        "1"
    );
}

#[test]
fn a_subscription_that_was_kept_is_there_after_a_rollback_that_was_undone() {
    let all = Move::new("2s", true);
    all.replace("\ncutover:\n", "\ncutover:\n  keep_subscription: true\n");
    all.run(&["apply", "--yes", "--until", "caught-up"])
        .must_end(0, &[]);
    all.cut_over(&["--set", "thresholds.write_outage=60s"])
        .must_end(0, &[]);
    let prepare = "begin; insert into kettles (name) values ('held'); prepare transaction 'held'";
    all.target.psql("moved", prepare);
    all.roll_back()
        .must_end(8, &["write_outage", "prepared transaction held"]);
    let kept = "select subenabled from pg_subscription";
    assert_eq!(all.target.psql("moved", kept), "f");
    let slots = "select count(*) from pg_replication_slots";
    assert_eq!(all.source.psql("shop", slots), "1");
    all.on_target("commit prepared 'held'");
    all.run(&["rollback", "--yes", "--set", "thresholds.write_outage=60s"])
        .must_end(0, &[]);
    let rows = "select count(*) from kettles where name in ('held', 'after all')";
    assert!(all.source_serves());
    wait_until("the target to follow the source again", || {
        all.target.psql("moved", rows) == "2"
    });
}

const AUDITED: &str = "
    create table audit (id bigserial primary key, what text);
    create function audit() returns trigger language plpgsql
        as 'begin insert into public.audit (what) values (new.name); return new; end';
    create trigger audit after insert on kettles for each row execute function audit();";

#[test]
fn a_trigger_that_would_fire_twice_is_refused_by_the_plan_and_before_the_cutover() {
    let all = Move::new("30s", true);
    all.on_source(AUDITED);
    all.on_source("alter table kettles enable always trigger audit");
    let words = ["fire once more on the target", "enable trigger \"audit\""];
    all.run(&["apply", "--yes", "--until", "caught-up"])
        .must_end(4, &words);
    all.on_source("alter table kettles enable trigger audit");
    // An apply worker knows no rules.
    all.on_source(
        "create rule never as on insert to kettles do also insert into audit (what) values ('!')",
    );
    all.on_source("alter table kettles enable replica rule never");
    all.run(&["apply", "--yes", "--until", "caught-up"])
        .must_end(0, &[]);
    all.on_both("alter table kettles enable always trigger audit");
    all.cut_over(&[])
        .must_end(8, &["cutover.guard", "audit on kettles"]);
    all.on_both("alter table kettles enable trigger audit");
    all.on_source("insert into kettles (name) values ('once')");
    all.cut_over(&[]).must_end(0, &[]);
    assert_eq!(all.on_target("select count(*) from audit"), "1");
}

#[test]
fn a_role_that_writes_by_its_own_setting_is_found() {
    let all = Move::new("30s", true);
    let set = "create role writer login; alter role writer in database shop \
               set default_transaction_read_only = no; alter role writer set work_mem = '8MB'";
    all.source.psql("postgres", set);
    let told = all.run(&["apply", "--yes"]);
    told.must_end(4, &["does not keep writer from"]);
}
