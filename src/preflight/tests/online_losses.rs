//! Findings about rows that a stream would lose, or double, and nobody would see.
//! Never needs a server.

use super::made::{names, table};
use super::online::{found, told};
use crate::inspect::{Facts, FiringTrigger};
use crate::resolve::Online;

#[test]
fn triggers_that_fire_once_more_on_the_target_are_refused_by_name() {
    let firing = |f: &mut Facts, _: &mut Online| {
        let trigger = |name: &str, always| FiringTrigger {
            name: name.to_owned(),
            always,
        };
        let mut orders = table("Orders");
        orders.firing_triggers = vec![trigger("audit", true), trigger("mend", false)];
        f.source.relations.push(orders);
    };
    assert_eq!(found(firing), ["R triggers_fire_twice"]);
    let said = told(firing);
    let statements = "alter table \"public\".\"Orders\" enable trigger \"audit\";\n\
                      alter table \"public\".\"Orders\" disable trigger \"mend\";";
    assert!(said.next.ends_with(statements), "{said:?}");
}

#[test]
fn a_role_whose_own_setting_goes_before_the_fence_is_refused_where_nothing_else_bars_it() {
    let writes = |f: &mut Facts, o: &mut Online| {
        f.source.streams.writing = names(&["migrator", "shop_app", "shop"]);
        o.cutover.fence.roles = vec!["shop_app".to_owned()];
    };
    assert_eq!(found(writes), ["R fence_own_settings"]);
    assert!(told(writes).what.contains("keep shop from"));
    let barred = |f: &mut Facts, o: &mut Online| {
        writes(f, o);
        o.cutover.fence.connect = true;
    };
    assert_eq!(found(barred), [""; 0]);
}

#[test]
fn no_finding_promises_that_a_late_write_undoes_the_switch() {
    let alone = told(|_, o| o.cutover.fence.roles.clear());
    assert!(
        alone.next.contains("nothing is undone any more"),
        "{alone:?}"
    );
}

#[test]
fn what_an_extension_holds_is_said_not_to_be_carried() {
    let tables = |f: &mut Facts, _: &mut Online| {
        let jobs = ("cron".to_owned(), "job".to_owned());
        f.source.extensions[0].config_tables.push(jobs);
    };
    assert_eq!(found(tables), ["W extension_tables"]);
    assert!(told(tables).what.contains("is not carried: cron.job"));
}
