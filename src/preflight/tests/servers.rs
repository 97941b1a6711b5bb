//! Findings about the servers and the client programs.
//! Never needs a server.

use super::found_when;
use super::made::{server, tools};
use crate::inspect::{Facts, Toolset};
use crate::preflight::choose_tools;

#[test]
fn servers_that_cannot_be_used_are_refused() {
    assert_eq!(
        found_when(|f| f.target.server = server("old", 15)),
        ["R no_tools", "R same_database"]
    );
    assert_eq!(
        found_when(|f| f.target.server = server("new", 14)),
        ["R target_older"]
    );
    assert_eq!(
        found_when(|f| f.target.server.in_recovery = true),
        ["R target_standby"]
    );
    let standby = |f: &mut Facts| f.source.server.in_recovery = true;
    assert_eq!(found_when(standby), ["W source_standby"]);
    let unlogged = |f: &mut Facts| {
        standby(f);
        f.source.relations[0].unlogged = true;
    };
    assert_eq!(
        found_when(unlogged),
        ["R unlogged_on_standby", "W source_standby"]
    );
}

#[test]
fn tools_are_those_of_the_target_or_the_newest_before_it_or_the_oldest_understood() {
    let all: Vec<Toolset> = [18, 17, 16, 15, 14].map(tools).into();
    let chosen = |from: &[Toolset], source, target| {
        choose_tools(from, source, target).map(|tools| tools.major)
    };
    assert_eq!(chosen(&all, 15, 16), Some(16));
    assert_eq!(chosen(&all, 15, 18), Some(18));
    assert_eq!(chosen(&all, 15, 19), Some(18));
    assert_eq!(
        chosen(&all[2..], 15, 18),
        Some(16),
        "not newer than the target"
    );
    assert_eq!(chosen(&all[..3], 14, 15), Some(16), "16 restores into 15");
    assert_eq!(
        chosen(&all[..2], 15, 15),
        None,
        "17 and later cannot restore into 15"
    );
    assert_eq!(chosen(&all[..1], 16, 17), Some(18));
    assert_eq!(chosen(&all[4..], 15, 18), None, "older than the source");
}
