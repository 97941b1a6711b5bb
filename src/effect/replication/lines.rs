//! The effects of replication and cutover as text, a line for everything that is sent.
//! It performs nothing; each kind has a file of its own for that.

use super::{Fence, Follow, HookCall, Logins, Replication, Subscription, Timeline};
use super::{
    by_now, coverage, drain, fence, follow, in_the_way, logins, refresh, rows, sequences, silence,
    subscribe, timeline,
};
use crate::effect::Place;
use crate::effect::lines::{on, shell_word};
use crate::inspect::{errors_question, slot_question, subscription_question};

/// The lines of an effect.
pub(in crate::effect) fn lines(effect: &Replication) -> Vec<String> {
    match effect {
        Replication::Subscribe(subscription) => vec![subscription_line(subscription)],
        Replication::CheckSlot { slot, made_by: _ } => {
            on(Place::Source, [subscribe::slot_state(slot)])
        }
        Replication::CheckTimeline(timeline) => timeline_lines(timeline),
        Replication::CheckLogins(logins) => login_lines(logins),
        Replication::Follow(follow) => follow_lines(follow),
        Replication::ReadFence(fence) => on(fence.side, fence::questions(fence)),
        Replication::OpenFence {
            fence,
            before: _,
            also,
        } => {
            let mut lines = open_lines(fence);
            lines.extend(on(fence.side, also.iter().cloned()));
            lines
        }
        Replication::AwaitSilence { side, terminate } => on(side, [silence::question(*terminate)]),
        Replication::ProveCovered(coverage) => on(coverage.side, [coverage::question(coverage)]),
        Replication::AwaitReader { side, slot } => on(
            side,
            [
                drain::reader(slot),
                drain::BARRIER.to_owned(),
                drain::question(slot, "<barrier>"),
            ],
        ),
        Replication::AwaitYoung { side } => on(side, [in_the_way::OLD.to_owned()]),
        Replication::MakeSlot { side, slot } => on(side, [in_the_way::statement(slot)]),
        Replication::Drain { side, slot } => on(
            side,
            [
                drain::BARRIER.to_owned(),
                drain::question(slot, "<barrier>"),
            ],
        ),
        Replication::ProveDrained(drained) => on(drained.side, [drain::peek(drained)]),
        Replication::CarrySequences {
            from,
            sequences,
            patterns: _,
            errors,
        } => sequences::lines(*from, sequences, *errors),
        Replication::CopyRows { from, tables } => {
            let asked = by_now::columns_question(tables);
            let mut lines = on(from, [asked.clone()]);
            lines.extend(on(from.other(), [asked]));
            lines.extend(tables.iter().flat_map(|table| rows::lines(*from, table)));
            lines
        }
        Replication::Refresh {
            from,
            views,
            patterns: _,
        } => refresh::lines(*from, views),
        Replication::Hook(call) => hook_lines(call),
    }
}

fn subscription_line(subscription: &Subscription) -> String {
    let side = subscription.side;
    let link = format!("<{} connection>", side.other());
    format!("{side}: {}", subscribe::statement(subscription, &link))
}

fn follow_lines(follow: &Follow) -> Vec<String> {
    let Follow {
        slot,
        subscription,
        timelines,
        lag_bytes: _,
        retained_wal_bytes: _,
        when_caught_up: _,
        logins,
        schema: _,
        coverage,
    } = follow;
    let mut lines = on(
        Place::Source,
        [
            slot_question(slot),
            follow::SCHEMA.to_owned(),
            coverage::question(coverage),
        ],
    );
    let asked = [
        subscription_question(subscription),
        errors_question(subscription),
        follow::SCHEMA.to_owned(),
    ];
    lines.extend(on(Place::Target, asked));
    lines.extend(timelines.iter().flat_map(timeline_lines));
    lines.extend(login_lines(logins));
    lines.extend(follow::valve_lines(follow));
    lines
}

fn timeline_lines(timeline: &Timeline) -> Vec<String> {
    let Timeline {
        side,
        since: _,
        receives: _,
        accepted: _,
    } = timeline;
    on(side, [timeline::TIMELINE.to_owned()])
}

fn login_lines(logins: &Logins) -> Vec<String> {
    match logins.roles.is_empty() {
        true => Vec::new(),
        false => on(Place::Target, [logins::question(logins)]),
    }
}

fn open_lines(fence: &Fence) -> Vec<String> {
    let before = fence::Before::usual(fence);
    on(fence.side, fence::opening(fence, &before))
        .into_iter()
        .map(|line| format!("{line}  -- or as it was before"))
        .collect()
}

fn hook_lines(call: &HookCall) -> Vec<String> {
    match call {
        HookCall::Command(words) => {
            let words: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
            vec![format!("run: {}", words.join(" "))]
        }
        HookCall::Pgbouncer { url: _, commands } => on("pgbouncer", commands.iter().cloned()),
    }
}
