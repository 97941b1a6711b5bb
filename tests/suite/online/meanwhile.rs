//! What is changed on both sides alike while it streams: what no stream carries is carried as it is by
//! the time of the cutover, and what is gone holds up nothing. Never changes one side alone.

use super::switch::Move;

impl Move {
    /// The same on both sides, as an administrator who was asked to.
    fn change(&self, sql: &str) {
        let sql = format!("set default_transaction_read_only = off; {sql}");
        self.source.psql("shop", &sql);
        self.target.psql("moved", &sql);
    }

    #[track_caller]
    fn must_agree(&self, questions: &[&str]) {
        for sql in questions {
            let [source, target] = self.both(sql);
            assert_eq!(source, target, "{sql}");
        }
    }
}

/// What every row of the application is compared by.
const BY_ROWS: [&str; 2] = ["--set", "cutover.verify=rows"];

#[test]
fn what_came_to_both_sides_meanwhile_is_carried_there_and_back() {
    let all = Move::streaming("30s", true);
    all.change(
        "alter table baskets add column note text, add column tags json;
         alter table kettles add column serial serial;
         create sequence later;
         create materialized view cheap as select max(id) from kettles;
         create unlogged sequence never_asked",
    );
    all.source.psql(
        "shop",
        "update baskets set note = 'kept ' || id, tags = '[1]';
         insert into kettles (name) values ('late');
         select nextval('later') from generate_series(1, 9)",
    );
    let questions = [
        "select count(*), min(note), max(note), min(tags::text), sum(made) from baskets",
        "select count(*), max(serial) from kettles",
        "select last_value, is_called from kettles_serial_seq",
        "select last_value, is_called from later",
    ];
    let fresh = "select max = (select max(id) from kettles) from cheap";
    all.cut_over(&BY_ROWS).must_end(0, &[]);
    all.must_agree(&questions);
    assert_eq!(all.target.psql("moved", fresh), "t");
    all.target.psql(
        "moved",
        "update baskets set note = 'back ' || id; insert into kettles (name) values ('later');
         select nextval('later') from generate_series(1, 9)",
    );
    all.run(&[&["rollback", "--yes"], &BY_ROWS[..]].concat())
        .must_end(0, &[]);
    all.must_agree(&questions);
    assert_eq!(all.source.psql("shop", fresh), "t");
    all.change("grant all on all sequences in schema public to app");
    assert!(all.source_serves());
}

#[test]
fn what_is_gone_from_both_sides_holds_up_no_cutover_and_no_rollback() {
    let all = Move::streaming("30s", true);
    all.change(
        "drop table prices; drop materialized view dear; drop sequence fresh;
         alter table baskets drop column made; alter table kettles rename name to title;
         alter table kettles alter column id drop default; drop sequence kettles_id_seq",
    );
    all.source.psql(
        "shop",
        "insert into kettles values (1000, 'late'); insert into baskets values (77)",
    );
    let questions = [
        "select count(*), sum(id), max(title) from kettles",
        "select count(*), sum(id) from baskets",
    ];
    all.cut_over(&BY_ROWS).must_end(0, &[]);
    all.must_agree(&questions);
    all.change("drop table baskets");
    all.target
        .psql("moved", "insert into kettles values (1001, 'back')");
    all.run(&[&["rollback", "--yes"], &BY_ROWS[..]].concat())
        .must_end(0, &[]);
    all.must_agree(&questions[..1]);
    all.cut_over(&BY_ROWS).must_end(0, &[]);
    all.run(&["finalize", "--yes"]).must_end(0, &[]);
}

#[test]
fn a_renamed_table_is_told_to_take_its_old_name_again_and_then_goes_over() {
    let all = Move::streaming("30s", true);
    all.change("alter table kettles rename to pots");
    let told = all.cut_over(&[]);
    let words = "give those that were renamed their old names";
    told.must_end(8, &["public.pots", words]);
    assert!(!told.stderr.contains("public.kettles"), "{told:?}");
    all.change("alter table pots rename to kettles");
    all.cut_over(&BY_ROWS).must_end(0, &[]);
}

#[test]
fn a_trigger_that_would_fire_once_more_for_a_copied_table_holds_up_the_cutover() {
    let all = Move::streaming("30s", true);
    all.change(
        "create function note() returns trigger language plpgsql as
             $$ begin insert into kettles (name) values (tg_op); return null; end $$;
         create trigger noting after insert on baskets execute function note();
         alter table baskets enable always trigger noting",
    );
    let told = all.cut_over(&["--set", "cutover.verify=off"]);
    told.must_end(8, &["noting on baskets", "What they wrote is there twice"]);
    all.change("alter table baskets enable trigger noting");
    all.cut_over(&BY_ROWS).must_end(0, &[]);
    all.must_agree(&["select count(*) from kettles"]);
}
