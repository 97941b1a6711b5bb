//! StreamApply: PostgreSQL's own subscription pulls every later change from the slot, until the
//! cutover is asked for. The target never takes writes of applications meanwhile.

use super::{ENABLE, FOLLOW, SNAPSHOT, Scene, step};
use crate::effect::replication::{Follow, Logins, Replication, Subscription, TIMELINE};
use crate::effect::{Effect, Place, Side};
use crate::plan::{IfInterrupted, Question, Step, StepId};
use crate::postgres::{quote_identifier, quote_literal};
use crate::resolve::{Online, Trigger};

/// The step that makes the subscription of the target.
pub(super) const SUBSCRIBE: &str = "stream.subscribe";
/// The last step before the stream runs, which keeps the target's timeline; [`ENABLE`] keeps the
/// source's.
pub(super) const CHECK: &str = "stream.check";

/// The steps of the phase.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let Some((online, streamed)) = &scene.stream else {
        return Vec::new();
    };
    let leaving = super::cutover::leaving(online, streamed);
    let follow = Follow {
        slot: online.slot.clone(),
        subscription: online.subscription.clone(),
        timelines: super::drift::timelines(&leaving),
        lag_bytes: online.lag_bytes,
        retained_wal_bytes: online.retained_wal_bytes,
        logins: logins(scene, online),
        when_caught_up: online.cutover.trigger == Trigger::WhenCaughtUp,
        schema: super::verify::schema_scope(scene),
        coverage: Box::new(super::drift::coverage(scene, &leaving)),
    };
    let mut steps = vec![
        Step {
            effects: vec![Effect::RemoveDump],
            ..step("dump.remove", "the copy is proven")
        },
        subscribe(SUBSCRIBE, forward(scene)),
        Step {
            effects: vec![
                Effect::Replication(Replication::CheckSlot {
                    slot: online.slot.clone(),
                    made_by: StepId::new(SNAPSHOT),
                }),
                Effect::Remember {
                    place: Place::Target,
                    sql: TIMELINE.to_owned(),
                },
            ],
            ..step(CHECK, "the slot stands where the copy was made")
        },
        Step {
            effects: vec![
                Effect::Remember {
                    place: Place::Source,
                    sql: TIMELINE.to_owned(),
                },
                enable(Place::Target, &online.subscription, true),
            ],
            ..step(ENABLE, "from here on PostgreSQL replicates by itself")
        },
        Step {
            effects: vec![Effect::Replication(Replication::Follow(follow))],
            standing: true,
            ..step(FOLLOW, until(online.cutover.trigger))
        },
    ];
    super::in_order(&mut steps);
    steps
}

/// The roles that applications log in as, as far as the plan knows them.
pub(super) fn logins(scene: &Scene<'_>, online: &Online) -> Logins {
    let roles = online.cutover.fence.roles.clone();
    let made = super::roles::missing_roles(scene);
    let made = made.iter().map(|role| role.name.clone());
    Logins {
        made: made.filter(|name| roles.contains(name)).collect(),
        roles,
    }
}

fn until(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Manual => "until `pg_dbmigrator cutover`, or Ctrl+C",
        Trigger::WhenCaughtUp => "until the target has caught up; then the cutover begins",
    }
}

/// The stream from source to target. `origin` is left as it is: changes that the source itself
/// received from elsewhere belong to it too.
pub(super) fn forward(scene: &Scene<'_>) -> Subscription {
    let (online, _) = scene.stream.as_ref().expect("only asked for online");
    Subscription {
        side: Side::Target,
        name: online.subscription.clone(),
        publication: online.publication.clone(),
        slot: online.slot.clone(),
        options: options(scene.facts.target.server.major()),
    }
}

/// Options that a subscriber's version knows: large transactions applied while they come (14; side
/// by side from 16 on). Never `disable_on_error` (15): a lost connection is an error to it too, and
/// would end the replication for good, where PostgreSQL otherwise connects again by itself.
pub(super) fn options(major: u32) -> Vec<(&'static str, String)> {
    let mut options = vec![("synchronous_commit", "off".to_owned())];
    if major >= 14 {
        let streaming = if major >= 16 { "parallel" } else { "on" };
        options.push(("streaming", streaming.to_owned()));
    }
    options
}

/// Makes a subscription, disabled; taking it back leaves its slot alone.
pub(super) fn subscribe(id: &str, subscription: Subscription) -> Step {
    let Subscription {
        side,
        name,
        publication: _,
        slot: _,
        options: _,
    } = &subscription;
    let place = Place::from(*side);
    let name = name.clone();
    Step {
        if_interrupted: IfInterrupted::Ask(Question {
            database: place,
            sql: format!("select {}", subscribed(&name)),
        }),
        undo: vec![super::sql(place, vec![unsubscribe(&name)])],
        effects: vec![Effect::Replication(Replication::Subscribe(subscription))],
        ..step(id, format!("{name}, disabled at first"))
    }
}

fn subscribed(name: &str) -> String {
    format!(
        "exists (select from pg_subscription where subname = {} and subdbid = \
         (select oid from pg_database where datname = current_database()))",
        quote_literal(name)
    )
}

/// Removes a subscription if it is there, and not its slot, which is on another server.
pub(super) fn unsubscribe(name: &str) -> String {
    let quoted = quote_identifier(name);
    let body = format!(
        "begin if {} then alter subscription {quoted} disable; \
         alter subscription {quoted} set (slot_name = none); \
         drop subscription {quoted}; end if; end",
        subscribed(name)
    );
    format!("do {}", quote_literal(&body))
}

/// Has a subscription's worker run, or not; nothing where there is no such subscription.
pub(super) fn enable(place: Place, name: &str, enabled: bool) -> Effect {
    let word = if enabled { "enable" } else { "disable" };
    let body = format!(
        "begin if {} then alter subscription {} {word}; end if; end",
        subscribed(name),
        quote_identifier(name)
    );
    let statement = match enabled {
        // A subscription that is gone is an error where it is needed.
        true => format!("alter subscription {} enable", quote_identifier(name)),
        false => format!("do {}", quote_literal(&body)),
    };
    super::sql(place, vec![statement])
}

/// Ends the sessions that were opened while a database was closed: they would stay read-only for as
/// long as they live, and a connection pool keeps them. Who may not end others leaves them.
pub(super) fn end_read_only_sessions(id: &str, place: Place) -> Step {
    let body = "begin perform pg_terminate_backend(pid) from pg_stat_activity \
         where datname = current_database() and pid <> pg_backend_pid() \
         and backend_type = 'client backend' \
         and application_name is distinct from current_setting('application_name'); \
         exception when insufficient_privilege then \
         raise notice 'sessions that were opened before stay read-only'; end";
    Step {
        effects: vec![super::sql(
            place,
            vec![format!("do {}", quote_literal(body))],
        )],
        ..step(
            id,
            "sessions that were opened while it was closed begin anew",
        )
    }
}
