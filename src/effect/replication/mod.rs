//! Replication and its end, as data: slots, subscriptions, fences, drains. One file per kind says how
//! it runs. Nothing here moves a streamed row: PostgreSQL's own subscription does.

mod apply_failure;
mod by_now;
mod connect;
mod coverage;
mod drain;
mod fence;
mod follow;
mod hook;
mod in_the_way;
mod lines;
mod logins;
mod refresh;
mod rows;
mod sequences;
mod silence;
pub(crate) mod slot;
mod subscribe;
mod timeline;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(in crate::effect) use by_now::{Kind, columns_question, measured, relations_question};
pub(crate) use connect::closing as closing_connect;
pub(crate) use fence::{READ_ONLY, end_in_flight};
pub(crate) use follow::SCHEMA;
pub(in crate::effect) use lines::lines;
pub(in crate::effect) use sequences::not_carried;
pub(crate) use timeline::TIMELINE;

use super::{SchemaScope, Side, TableRows};
use crate::effect::world::{Act, Output, World};
use crate::error::Result;
use crate::plan::StepId;
use crate::resolve::SequenceErrors;
use crate::secret::Sealed;
use crate::selection::{Patterns, RelationName};

/// One thing that is done to replicate, or to switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replication {
    /// Makes a subscription, disabled, for a slot that is there or will be.
    Subscribe(Subscription),
    /// Checks that the slot on the source is where it was made, and that nobody reads it.
    CheckSlot {
        /// Its name.
        slot: String,
        /// The step that made it.
        made_by: StepId,
    },
    /// Checks that one end of a stream is still the server that it was.
    CheckTimeline(Timeline),
    /// Warns of roles of applications that cannot log in to the target by a password.
    CheckLogins(Logins),
    /// Watches the replication until the cutover is asked for.
    Follow(Follow),
    /// Reads what a fence will change, and keeps it in the journal.
    ReadFence(Fence),
    /// Puts back what a fence changed, as it was read by the step `before`.
    OpenFence {
        /// The fence.
        fence: Fence,
        /// The step that read what was there before.
        before: StepId,
        /// What is sent in the same message: all of it is done, or nothing.
        also: Vec<String>,
    },
    /// Waits until nobody but the migration itself is in a database, several times in a row, and
    /// no prepared transaction is left.
    AwaitSilence {
        /// Which database.
        side: Side,
        /// Whether the sessions that are found are ended.
        terminate: bool,
    },
    /// Proves that every table of a side is in the stream that leaves it.
    ProveCovered(Coverage),
    /// Waits until a slot is read, and so little is left in it that it is soon drained.
    AwaitReader {
        /// The side the slot is on.
        side: Side,
        /// The slot.
        slot: String,
    },
    /// Waits until no transaction of a server is so old that a slot made there would wait for it.
    AwaitYoung {
        /// The side of the server.
        side: Side,
    },
    /// Makes a slot at the moment at which nobody writes.
    MakeSlot {
        /// The side it is made on.
        side: Side,
        /// Its name.
        slot: String,
    },
    /// Marks the end of a side's WAL, and waits until a slot's reader has flushed all before it.
    Drain {
        /// The side that is drained.
        side: Side,
        /// The slot.
        slot: String,
    },
    /// Proves that a slot holds no change that its reader did not take.
    ProveDrained(Drained),
    /// Moves sequences forward to where they stand on the other side; never backwards.
    CarrySequences {
        /// The side they are read on.
        from: Side,
        /// The sequences, as (schema, name).
        sequences: Vec<(String, String)>,
        /// What says of a later one whether it is left behind.
        patterns: Patterns,
        /// What becomes of the switch when one cannot be carried.
        errors: SequenceErrors,
    },
    /// Replaces the rows of tables that are not in the stream.
    CopyRows {
        /// The side they are read on.
        from: Side,
        /// The tables.
        tables: Vec<TableRows>,
    },
    /// Fills materialized views anew, from the rows of their own side.
    Refresh {
        /// The side that is left.
        from: Side,
        /// The views, as (schema, name), each after those that it reads.
        views: Vec<RelationName>,
        /// What says of a later one whether it is left behind.
        patterns: Patterns,
    },
    /// Tells the operator's own programs.
    Hook(HookCall),
}

/// One end of a stream, which must not be another server than it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// Which side.
    pub side: Side,
    /// The step that kept its timeline.
    pub since: StepId,
    /// Whether the stream goes to it, or comes from it.
    pub receives: bool,
    /// Whether it may be another one, because every row is compared before the switch.
    pub accepted: bool,
}

/// A replication slot to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSlot {
    /// Its name.
    pub name: String,
    /// How long its making may wait for transactions that run on the source.
    pub timeout: Duration,
}

/// A subscription to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The side that subscribes: it pulls from the other one.
    pub side: Side,
    /// Its name.
    pub name: String,
    /// The publication on the other side.
    pub publication: String,
    /// The slot on the other side.
    pub slot: String,
    /// Further options, in order: those that both versions know.
    pub options: Vec<(&'static str, String)>,
}

/// What a stream has to carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The side that it leaves.
    pub side: Side,
    /// Its publication there.
    pub publication: String,
    /// Tables that were known when the plan was made, however their rows travel.
    pub known: Vec<RelationName>,
    /// Those that are to be in the publication.
    pub published: Vec<RelationName>,
    /// What says of a later table whether it is left behind.
    pub patterns: Patterns,
}

/// Replication that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follow {
    /// The slot on the source.
    pub slot: String,
    /// The subscription on the target.
    pub subscription: String,
    /// What must hold of both ends.
    pub timelines: [Timeline; 2],
    /// At or below: caught up.
    pub lag_bytes: u64,
    /// WAL that the source may keep for us, at most.
    pub retained_wal_bytes: u64,
    /// Whether the cutover begins by itself once the target has caught up.
    pub when_caught_up: bool,
    /// The roles that applications log in as.
    pub logins: Logins,
    /// What of the schema must stay the same on both sides.
    pub schema: SchemaScope,
    /// Which tables of the source must be in the stream.
    pub coverage: Box<Coverage>,
}

/// Roles that applications log in as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logins {
    /// All of them.
    pub roles: Vec<String>,
    /// Those of them that the migration makes on the target, without a password.
    pub made: Vec<String>,
}

/// What keeps applications out of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// Which database.
    pub side: Side,
    /// Its name.
    pub database: String,
    /// Roles that may not log in meanwhile.
    pub roles: Vec<String>,
    /// The only roles that may connect meanwhile, besides superusers; with none, the right to
    /// connect stays as it is.
    pub connect_only: Vec<String>,
    /// Whether transactions are read-only by default meanwhile.
    pub read_only: bool,
}

/// A slot that is said to be drained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drained {
    /// The side that was drained.
    pub side: Side,
    /// The slot.
    pub slot: String,
    /// The publication it is read with.
    pub publication: String,
    /// The subscription on that side whose changes do not count: they come from the other side.
    pub way_back: Option<String>,
    /// Whether it is enough to warn where nobody can know any more what the slot held.
    pub may_be_unknown: bool,
}

/// A call of the operator's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookCall {
    /// A program, with its arguments.
    Command(Vec<String>),
    /// Commands of PgBouncer's console.
    Pgbouncer {
        /// How the console is reached.
        url: Sealed,
        /// The commands, in order.
        commands: Vec<String>,
    },
}

fn warned(warning: Option<String>) -> Output {
    Output {
        warnings: warning.into_iter().collect(),
        ..Output::default()
    }
}

/// Performs one of them.
///
/// # Errors
/// What the servers, the programs or this machine say.
pub(super) async fn perform(world: &World, act: Act<'_>, effect: &Replication) -> Result<Output> {
    world.performed(act, lines(effect));
    match effect {
        Replication::Subscribe(subscription) => {
            subscribe::subscribe(world, act, subscription).await
        }
        Replication::CheckSlot { slot, made_by } => {
            subscribe::check_slot(world, act, (slot, made_by)).await
        }
        Replication::CheckTimeline(timeline) => {
            let warning = timeline::check(world, act, timeline).await?;
            Ok(warned(warning))
        }
        Replication::CheckLogins(logins) => {
            let target = world.session_for(act, Side::Target.into()).await?;
            let work = logins::warning(&target, logins);
            Ok(warned(world.unless_stopped(work).await?))
        }
        Replication::Follow(what) => follow::follow(world, act, what).await,
        Replication::ReadFence(fence) => fence::read(world, act, fence).await,
        Replication::OpenFence {
            fence,
            before,
            also,
        } => fence::open(world, act, (fence, before), also).await,
        Replication::AwaitSilence { side, terminate } => {
            silence::wait(world, act, (*side, *terminate)).await
        }
        Replication::ProveCovered(coverage) => coverage::prove(world, act, coverage).await,
        Replication::AwaitReader { side, slot } => {
            drain::await_reader(world, act, (*side, slot)).await
        }
        Replication::AwaitYoung { side } => in_the_way::wait(world, act, *side).await,
        Replication::MakeSlot { side, slot } => {
            in_the_way::make_slot(world, act, (*side, slot)).await
        }
        Replication::Drain { side, slot } => drain::drain(world, act, (*side, slot)).await,
        Replication::ProveDrained(drained) => drain::prove(world, act, drained).await,
        Replication::CarrySequences {
            from,
            sequences,
            patterns,
            errors,
        } => {
            let planned = (sequences.as_slice(), patterns);
            sequences::carry(world, act, (*from, planned, *errors)).await
        }
        Replication::CopyRows { from, tables } => rows::copy(world, act, (*from, tables)).await,
        Replication::Refresh {
            from,
            views,
            patterns,
        } => refresh::refresh(world, act, (*from, views, patterns)).await,
        Replication::Hook(call) => hook::run(world, call).await,
    }
}
