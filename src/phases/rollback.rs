//! Rollback: the cutover the other way round, as lossless as the way there. It never opens the source
//! before what was written to the target has reached it.

use super::cutover::{PAUSE, calls, calls_after, compare, look_again, reverse};
use super::drift::{self, Leaving};
use super::stream_apply::{enable, end_read_only_sessions, forward, subscribe, unsubscribe};
use super::{SOURCE_BEFORE, Scene, fence, not_streamed, step};
use crate::effect::replication::{Drained, Fence, Replication, slot};
use crate::effect::{Effect, Place, Side};
use crate::plan::{Step, StepId, Switch};
use crate::postgres::quote_identifier;
use crate::resolve::Online;

/// Reads what the fence around the target will change.
const BEFORE: &str = "rollback.before";
/// Begins to hold up the application.
pub(super) const FENCE: &str = "rollback.fence";
/// The decision.
pub(super) const OPEN: &str = "rollback.open";

/// What makes the phase one decision.
pub(super) fn switch(scene: &Scene<'_>) -> Option<Switch> {
    let (online, _) = scene.stream.as_ref()?;
    Some(Switch {
        deadline: online.write_outage,
        from: StepId::new(FENCE),
        fence: StepId::new(FENCE),
        decided_by: StepId::new(OPEN),
    })
}

/// The steps of the phase; none where there is no stream back.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let Some((online, streamed)) = scene.stream.as_ref().filter(|(o, _)| o.cutover.reverse) else {
        return Vec::new();
    };
    let fence = fence::serving_target(scene, online);
    let leaving = Leaving {
        side: Side::Target,
        publication: online.reverse_name(),
        phase: "rollback",
        online,
        streamed,
    };
    let mut steps = vec![drift::guard(scene, &leaving)];
    steps.extend(prepare(scene, online, &fence));
    steps.extend(close(online, &fence));
    steps.push(drift::look_again(scene, &leaving));
    steps.push(Step {
        effects: vec![drain(online)],
        ..step("rollback.drain", "the source has flushed everything")
    });
    steps.extend(carry(scene, &leaving));
    steps.extend(turn(scene, online));
    steps.extend(end(online, &fence));
    super::in_order(&mut steps);
    steps
}

/// What can be done while the application still writes to the target.
fn prepare(scene: &Scene<'_>, online: &Online, fence: &Fence) -> Vec<Step> {
    let name = quote_identifier(&reverse(scene, online).name);
    let acknowledge = |value: &str| {
        let sql = format!("alter subscription {name} set (synchronous_commit = {value})");
        super::sql(Place::Source, vec![sql])
    };
    vec![
        Step {
            // A cutover may have been cut short before the source followed the target.
            effects: vec![
                acknowledge("on"),
                enable(Place::Source, &online.reverse_name(), true),
            ],
            undo: vec![acknowledge("off")],
            ..step(
                "rollback.acknowledge",
                "the source says at once what it has flushed",
            )
        },
        subscription(scene, online),
        // To change a subscription restarts its worker, which may take PostgreSQL 15 five seconds.
        Step {
            effects: vec![
                Effect::Replication(Replication::AwaitReader {
                    side: Side::Target,
                    slot: online.reverse_name(),
                }),
                Effect::Replication(Replication::AwaitYoung { side: Side::Source }),
            ],
            ..step(
                "rollback.near",
                "the source follows, and is drained at once",
            )
        },
        Step {
            effects: vec![Effect::Replication(Replication::ReadFence(fence.clone()))],
            ..step(BEFORE, "what the fence will change")
        },
    ]
}

/// The subscription by which the target is to follow again. One that was kept is taken as it is: its
/// slot will be a new one of the same name, and never stands behind what it has.
fn subscription(scene: &Scene<'_>, online: &Online) -> Step {
    let id = "rollback.subscribe";
    if online.cutover.keep_subscription {
        let name = quote_identifier(&online.subscription);
        let there = format!("alter subscription {name} disable");
        return Step {
            effects: vec![super::sql(Place::Target, vec![there])],
            ..step(id, "the subscription was kept, disabled")
        };
    }
    let again = super::sql(Place::Target, vec![unsubscribe(&online.subscription)]);
    let mut subscription = subscribe(id, forward(scene));
    subscription.effects.insert(0, again);
    Step {
        if_interrupted: step(id, "").if_interrupted,
        ..subscription
    }
}

/// Nobody writes to the target any more.
fn close(online: &Online, fence: &Fence) -> Vec<Step> {
    let mut effects = calls(&online.cutover.hooks.before_fence, PAUSE);
    effects.push(super::sql(Place::Target, fence::closing(fence)));
    vec![
        Step {
            effects,
            undo: [
                vec![Effect::Replication(Replication::OpenFence {
                    fence: fence.clone(),
                    before: StepId::new(BEFORE),
                    also: Vec::new(),
                })],
                super::cutover::resumed(&online.cutover.hooks.before_fence),
            ]
            .concat(),
            ..step(FENCE, fence::summary(fence))
        },
        Step {
            effects: vec![silence(online)],
            ..step(
                "rollback.silence",
                "nobody is in the target database any more",
            )
        },
    ]
}

fn silence(online: &Online) -> Effect {
    Effect::Replication(Replication::AwaitSilence {
        side: Side::Target,
        terminate: online.cutover.fence.terminate,
    })
}

fn drain(online: &Online) -> Effect {
    Effect::Replication(Replication::Drain {
        side: Side::Target,
        slot: online.reverse_name(),
    })
}

/// What no stream carries, and the comparison.
fn carry(scene: &Scene<'_>, leaving: &Leaving<'_>) -> Vec<Step> {
    let (online, phase) = (leaving.online, leaving.phase);
    let mut steps = not_streamed::steps(scene, leaving.streamed, leaving.side, phase);
    steps.extend(compare(scene, leaving));
    let stream = (Side::Target, online.reverse_name());
    steps.push(look_again("rollback.look_again", online, stream));
    steps
}

/// The stream is turned round again, and the source opened.
fn turn(scene: &Scene<'_>, online: &Online) -> Vec<Step> {
    let name = online.reverse_name();
    let make = Replication::MakeSlot {
        side: Side::Source,
        slot: online.slot.clone(),
    };
    let drop = slot::drop_statement(&online.slot);
    let mut steps = vec![
        Step {
            effects: vec![enable(Place::Source, &name, false)],
            undo: vec![enable(Place::Source, &name, true)],
            ..step("rollback.disable", "the stream back has nothing left to do")
        },
        Step {
            effects: vec![
                super::sql(Place::Source, vec![drop.clone()]),
                Effect::Replication(make),
            ],
            // Where there was one before, the new one is as good: while the target served, the
            // source held nothing of its own.
            undo: match online.cutover.keep_subscription {
                true => Vec::new(),
                false => vec![super::sql(Place::Source, vec![drop])],
            },
            ..step(
                "rollback.stream.slot",
                "what is written to the source from now on waits there",
            )
        },
        Step {
            effects: vec![Effect::Replication(Replication::OpenFence {
                fence: fence::source(scene, online),
                before: StepId::new(SOURCE_BEFORE),
                also: Vec::new(),
            })],
            ..step(OPEN, "THE SWITCH BACK: from here on the source serves")
        },
    ];
    if online.cutover.fence.terminate {
        steps.push(end_read_only_sessions("rollback.sessions", Place::Source));
    }
    steps.push(Step {
        effects: vec![enable(Place::Target, &online.subscription, true)],
        ..step(
            "rollback.stream.enable",
            "the target follows the source again",
        )
    });
    steps
}

/// The stream back is removed, once it is proven that nothing was left in it. The target stays
/// read-only, as it was before the cutover.
fn end(online: &Online, fence: &Fence) -> Vec<Step> {
    let mut steps = Vec::new();
    let hooks = &online.cutover.hooks;
    steps.extend(calls_after("rollback.hooks", hooks, &hooks.on_rollback));
    steps.push(Step {
        effects: vec![Effect::Replication(Replication::ProveDrained(Drained {
            side: Side::Target,
            slot: online.reverse_name(),
            publication: online.reverse_name(),
            // It follows the source again, and what it writes is in the WAL as well.
            way_back: Some(online.subscription.clone()),
            may_be_unknown: false,
        }))],
        ..step(
            "rollback.prove",
            "nothing was written to the target after the switch back",
        )
    });
    steps.push(Step {
        effects: super::finalize::end_reverse(online),
        ..step("rollback.reverse.end", "the stream back is removed")
    });
    steps.push(Step {
        effects: vec![Effect::Replication(Replication::OpenFence {
            fence: Fence {
                read_only: false,
                ..fence.clone()
            },
            before: StepId::new(BEFORE),
            also: Vec::new(),
        })],
        ..step(
            "rollback.roles",
            "roles may log in to the target again; it stays read-only",
        )
    });
    steps
}
