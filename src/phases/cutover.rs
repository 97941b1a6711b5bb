//! Cutover: the source is fenced, proven silent, drained and compared; then the target opens. Until
//! that step every other one can be taken back; after it nothing is ever taken back here.

use super::drift::Leaving;
use super::stream_apply::{enable, end_read_only_sessions, options, subscribe};
use super::{
    SOURCE_BEFORE, Scene, TARGET_BEFORE, drift, fence, not_streamed, prepare_snapshot, step,
    stream_apply,
};
use crate::database_settings;
use crate::effect::replication::{Fence, HookCall, Replication, Subscription, TIMELINE, slot};
use crate::effect::{Comparison, Effect, Place, Side};
use crate::plan::{Step, StepId, Switch};
use crate::postgres::quote_identifier;
use crate::resolve::{Hook, Hooks, Online};
use crate::spec::Verify;
use crate::streamed::Streamed;

/// The step that begins to hold up the application.
pub(super) const FENCE: &str = "cutover.fence";
/// The decision.
pub(super) const OPEN: &str = "cutover.open";

/// The step that ends the stream to the target, and keeps the target's timeline.
pub(super) const DISABLE: &str = "cutover.disable";

/// The step that makes the subscription of the source.
pub(super) const REVERSE_SUBSCRIBE: &str = "reverse.subscribe";

/// The step that makes the slot of the stream back, and keeps the source's timeline.
pub(super) const REVERSE_SLOT: &str = "reverse.slot";

/// What makes the phase one decision.
pub(super) fn switch(scene: &Scene<'_>) -> Option<Switch> {
    let (online, _) = scene.stream.as_ref()?;
    let first = if has_hooks(online) {
        BEFORE_FENCE
    } else {
        FENCE
    };
    Some(Switch {
        deadline: online.write_outage,
        from: StepId::new(first),
        fence: StepId::new(FENCE),
        decided_by: StepId::new(OPEN),
    })
}

/// Hooks that run before the fence, and after it was taken back.
pub(super) const BEFORE_FENCE: &str = "cutover.before_fence";

fn has_hooks(online: &Online) -> bool {
    let hooks = &online.cutover.hooks;
    !(hooks.before_fence.is_empty() && hooks.on_rollback.is_empty())
}

/// The steps of the phase.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let Some((online, streamed)) = &scene.stream else {
        return Vec::new();
    };
    let fence = fence::source(scene, online);
    let mut steps = prepare(scene, online, streamed);
    steps.extend(close(online, &fence));
    steps.push(drift::look_again(scene, &leaving(online, streamed)));
    steps.push(drained(online));
    steps.extend(not_streamed::steps(
        scene,
        streamed,
        Side::Source,
        "cutover",
    ));
    steps.extend(compare(scene, &leaving(online, streamed)));
    let stream = (Side::Source, online.slot.clone());
    steps.push(look_again("cutover.look_again", online, stream));
    steps.extend(turn(scene, online));
    super::in_order(&mut steps);
    steps
}

/// The source, by the stream to the target.
pub(super) fn leaving<'a>(online: &'a Online, streamed: &'a Streamed) -> Leaving<'a> {
    Leaving {
        side: Side::Source,
        publication: online.publication.clone(),
        phase: "cutover",
        online,
        streamed,
    }
}

/// What can be done while the application still writes.
fn prepare(scene: &Scene<'_>, online: &Online, streamed: &Streamed) -> Vec<Step> {
    let mut guard = drift::guard(scene, &leaving(online, streamed));
    let logins = Replication::CheckLogins(stream_apply::logins(scene, online));
    guard.effects.push(Effect::Replication(logins));
    let mut steps = vec![guard];
    let acknowledge = |value: &str| {
        let name = quote_identifier(&online.subscription);
        let sql = format!("alter subscription {name} set (synchronous_commit = {value})");
        super::sql(Place::Target, vec![sql])
    };
    steps.push(Step {
        effects: vec![acknowledge("on")],
        undo: vec![acknowledge("off")],
        ..step(
            "cutover.acknowledge",
            "the target says at once what it has flushed",
        )
    });
    if online.cutover.reverse {
        steps.push(prepare_snapshot::publication(
            Place::Target,
            &online.reverse_name(),
            &streamed.tables,
        ));
        steps.push(subscribe(REVERSE_SUBSCRIBE, reverse(scene, online)));
    }
    // To change a subscription restarts its worker, which may take PostgreSQL 15 five seconds.
    let mut near = vec![Effect::Replication(Replication::AwaitReader {
        side: Side::Source,
        slot: online.slot.clone(),
    })];
    if online.cutover.reverse {
        let side = Side::Target;
        near.push(Effect::Replication(Replication::AwaitYoung { side }));
    }
    steps.push(Step {
        effects: near,
        ..step("cutover.near", "the target follows, and is drained at once")
    });
    steps.push(Step {
        effects: vec![Effect::Replication(Replication::ReadFence(fence::source(
            scene, online,
        )))],
        ..step(SOURCE_BEFORE, "what the fence will change")
    });
    steps
}

/// The stream back, from the target to the source. Changes that came to the target by another
/// stream do not go back (16).
pub(super) fn reverse(scene: &Scene<'_>, online: &Online) -> Subscription {
    let major = scene.facts.source.server.major();
    let mut options = options(major);
    if major >= 16 {
        options.push(("origin", "none".to_owned()));
    }
    Subscription {
        side: Side::Source,
        name: online.reverse_name(),
        publication: online.reverse_name(),
        slot: online.reverse_name(),
        options,
    }
}

/// Nobody writes any more.
fn close(online: &Online, fence: &Fence) -> Vec<Step> {
    let hooks = &online.cutover.hooks;
    let mut steps = Vec::new();
    if has_hooks(online) {
        steps.push(Step {
            effects: calls(&hooks.before_fence, PAUSE),
            undo: [
                resumed(&hooks.before_fence),
                calls(&hooks.on_rollback, RESUME),
            ]
            .concat(),
            ..step(BEFORE_FENCE, "the plan's own hooks")
        });
    }
    steps.push(Step {
        effects: vec![super::sql(fence.side.into(), fence::closing(fence))],
        undo: vec![Effect::Replication(Replication::OpenFence {
            fence: fence.clone(),
            before: StepId::new(SOURCE_BEFORE),
            also: Vec::new(),
        })],
        ..step(FENCE, fence::summary(fence))
    });
    let silence = Effect::Replication(Replication::AwaitSilence {
        side: fence.side,
        terminate: online.cutover.fence.terminate,
    });
    steps.push(Step {
        effects: vec![silence],
        ..step(
            "cutover.silence",
            "nobody is in the source database any more",
        )
    });
    steps
}

fn drained(online: &Online) -> Step {
    let drain = Effect::Replication(Replication::Drain {
        side: Side::Source,
        slot: online.slot.clone(),
    });
    Step {
        effects: vec![drain],
        ..step("cutover.drain", "the target has flushed everything")
    }
}

/// Both sides hold still: what is counted now is exact.
pub(super) fn compare(scene: &Scene<'_>, leaving: &Leaving<'_>) -> Option<Step> {
    let (verify, phase) = (drift::compared(leaving.online, leaving.side), leaving.phase);
    let summary = match verify {
        Verify::Off => return None,
        Verify::Counts => "row counts of both sides",
        Verify::Rows => "every row of both sides",
    };
    let measure = scene.measure_now(verify);
    let sequences = leaving.online.cutover.sequences;
    let carried_by = sequences.then(|| StepId::new(not_streamed::sequences_step(phase)));
    Some(Step {
        effects: vec![Effect::Compare(Comparison::Now {
            measure,
            patterns: scene.resolved.patterns(),
            carried_by,
        })],
        ..step(&format!("{phase}.verify"), summary)
    })
}

/// A last look, and a last drain of whatever slipped in while both sides were compared.
pub(super) fn look_again(id: &str, online: &Online, (side, slot): (Side, String)) -> Step {
    Step {
        effects: vec![
            Effect::Replication(Replication::AwaitSilence {
                side,
                terminate: online.cutover.fence.terminate,
            }),
            Effect::Replication(Replication::Drain { side, slot }),
        ],
        ..step(id, "still silent, still drained")
    }
}

/// The stream is turned round, and the target opened.
fn turn(scene: &Scene<'_>, online: &Online) -> Vec<Step> {
    let mut steps = vec![Step {
        effects: vec![
            enable(Place::Target, &online.subscription, false),
            Effect::Remember {
                place: Place::Target,
                sql: TIMELINE.to_owned(),
            },
        ],
        undo: vec![enable(Place::Target, &online.subscription, true)],
        ..step(DISABLE, "the subscription has nothing left to do")
    }];
    if online.cutover.reverse {
        let name = online.reverse_name();
        let slot = Replication::MakeSlot {
            side: Side::Target,
            slot: name.clone(),
        };
        steps.push(Step {
            effects: vec![
                Effect::Replication(slot),
                Effect::Remember {
                    place: Place::Source,
                    sql: TIMELINE.to_owned(),
                },
            ],
            undo: vec![super::sql(Place::Target, vec![slot::drop_statement(&name)])],
            ..step(
                REVERSE_SLOT,
                "what is written to the target from now on waits there",
            )
        });
    }
    let name = &scene.facts.target.database_name;
    let own = scene.serves_read_only();
    let own = own.map(|setting| database_settings::setting_statement(setting, name));
    steps.push(Step {
        effects: vec![Effect::Replication(Replication::OpenFence {
            fence: fence::target(scene),
            before: StepId::new(TARGET_BEFORE),
            also: own.into_iter().collect(),
        })],
        ..step(OPEN, "THE SWITCH: from here on the target serves")
    });
    if online.cutover.fence.terminate {
        steps.push(end_read_only_sessions("cutover.sessions", Place::Target));
    }
    if online.cutover.reverse {
        steps.push(Step {
            effects: vec![enable(Place::Source, &online.reverse_name(), true)],
            ..step("reverse.enable", "the source follows the target")
        });
    }
    let hooks = &online.cutover.hooks;
    steps.extend(calls_after(
        "cutover.after_switch",
        hooks,
        &hooks.after_switch,
    ));
    steps
}

/// The hooks for when the other side serves. A PgBouncer that was paused and is not among them goes
/// on after them.
pub(super) fn calls_after(id: &str, hooks: &Hooks, then: &[Hook]) -> Option<Step> {
    let named = |hook: &&Hook| !then.contains(hook);
    let paused = hooks
        .before_fence
        .iter()
        .filter(|hook| is_pgbouncer(hook))
        .filter(named);
    let all: Vec<Hook> = then.iter().chain(paused).cloned().collect();
    (!all.is_empty()).then(|| Step {
        effects: calls(&all, RELOAD),
        ..step(id, "the plan's own hooks")
    })
}

/// Where PgBouncer is told to let nobody through, to do so again, and to read its file first, which
/// may name another server now.
pub(super) const PAUSE: &[&str] = &["PAUSE"];
const RESUME: &[&str] = &["RESUME"];
const RELOAD: &[&str] = &["RELOAD", "RESUME"];

pub(super) fn calls(hooks: &[Hook], commands: &[&str]) -> Vec<Effect> {
    let call = |hook: &Hook| match hook {
        Hook::Command(words) => HookCall::Command(words.clone()),
        Hook::Pgbouncer { url } => HookCall::Pgbouncer {
            url: url.clone(),
            commands: commands.iter().map(|word| (*word).to_owned()).collect(),
        },
    };
    hooks
        .iter()
        .map(call)
        .map(Replication::Hook)
        .map(Effect::Replication)
        .collect()
}

/// Programs are not run a second time to take them back; a paused PgBouncer goes on.
pub(super) fn resumed(hooks: &[Hook]) -> Vec<Effect> {
    let paused = hooks.iter().filter(|hook| is_pgbouncer(hook));
    calls(&paused.cloned().collect::<Vec<_>>(), RESUME)
}

fn is_pgbouncer(hook: &Hook) -> bool {
    matches!(hook, Hook::Pgbouncer { .. })
}
