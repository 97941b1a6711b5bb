//! Watches the replication: how far behind the target is, and whether all is well with the slot.
//! PostgreSQL replicates by itself; nothing here moves a row, and nothing stops when this does.

use std::time::Duration;

use tokio::time::Instant;

use super::{Follow, logins, timeline};
use crate::effect::Place;
use crate::effect::world::{Act, Output, World};
use crate::error::{Error, Exit, Result};
use crate::events::Happened;
use crate::inspect::{Standing, kept, standing};

mod absence;
mod drift;
mod health;
mod pace;
mod valve;

pub(crate) use crate::inspect::SCHEMA;
use drift::Drift;
use health::Health;
use pace::{Outlook, Pace};
use valve::Valve;
pub(super) use valve::lines as valve_lines;

/// How often it is looked for a request from another process.
const LOOK: Duration = Duration::from_millis(100);

/// How long one look at both servers may take, before their sessions are given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A cutover that is asked for begins once so little is left that it is drained in about a
/// second, rather than keep the application waiting for a backlog.
pub(super) const SOON_DRAINED_BYTES: u64 = 16 * 1024 * 1024;

/// Follows until the cutover is asked for, or the target has caught up where that is enough.
///
/// # Errors
/// That replication failed for good; that it was stopped.
pub(super) async fn follow(world: &World, act: Act<'_>, what: &Follow) -> Result<Output> {
    world.cutover.set_streaming(true);
    let followed = world.unless_stopped(watch(world, act, what)).await;
    world.cutover.set_streaming(false);
    world.cutover.take(&world.state)?;
    followed.map(|()| Output::default())
}

async fn watch(world: &World, act: Act<'_>, what: &Follow) -> Result<()> {
    let mut watch = Watch {
        world,
        act,
        what,
        pace: Pace::default(),
        health: Health::new(what),
        valve: Valve::default(),
        drift: Drift::default(),
        timelines: timeline::Watched::default(),
        behind: true,
        told: None,
        logins_told: false,
    };
    let mut asked = false;
    let mut lost = false;
    loop {
        let looked = tokio::time::timeout(PATIENCE, watch.look(asked)).await;
        match looked.unwrap_or_else(|_| Err(silent())) {
            Ok(Ended::CaughtUp) => return Ok(()),
            // Whoever asked may have withdrawn the request a moment ago.
            Ok(Ended::Asked) if world.cutover.take(&world.state)? => return Ok(()),
            Ok(Ended::Asked | Ended::NotYet) => lost = false,
            // The servers replicate without us: that one is away is no reason to stop watching, but
            // that the slot or the subscription is gone.
            Err(error) if error.exit() == Exit::Failed => {
                if !std::mem::replace(&mut lost, true) {
                    // Before our sessions are ended, and wait for nobody any more.
                    let why = absence::reason(world, &error).await;
                    let message = format!("{why}; trying again");
                    world.tell(act, Happened::Warning { message });
                }
                world.forget_sessions().await;
                watch.guard_source().await?;
            }
            Err(error) => return Err(error),
        }
        let was_asked = asked;
        asked = pause(world, asked).await;
        if asked && !was_asked {
            world.tell(act, Happened::CutoverRequested);
        }
        if was_asked && !asked {
            let message =
                "the request for the cutover was taken back; it goes on watching".to_owned();
            world.tell(act, Happened::Warning { message });
        }
    }
}

/// What comes of a look.
enum Ended {
    NotYet,
    /// The target has caught up, where that is enough.
    CaughtUp,
    /// It is time for the cutover that somebody asked for.
    Asked,
}

/// What one look needs of those before it.
struct Watch<'a> {
    world: &'a World,
    act: Act<'a>,
    what: &'a Follow,
    pace: Pace,
    health: Health,
    valve: Valve,
    drift: Drift,
    timelines: timeline::Watched,
    behind: bool,
    /// When it was last told how far behind the target is.
    told: Option<Instant>,
    /// Whether it was told who has no password on the target.
    logins_told: bool,
}

impl Watch<'_> {
    /// Looks at both servers, and tells; whether it is time to end.
    async fn look(&mut self, asked: bool) -> Result<Ended> {
        let (world, act, what) = (self.world, self.act, self.what);
        let standing = look_at_both(world, what).await?;
        for message in self.timelines.check(world, act, &what.timelines).await? {
            world.tell(act, Happened::Warning { message });
        }
        self.pace.saw(&standing);
        // A stream that nobody reads is as far behind as the next commit.
        let near = standing.lag_bytes <= what.lag_bytes;
        let caught_up = near && standing.active;
        if self.told.is_none_or(|at| at.elapsed() >= world.poll) || caught_up == self.behind {
            // While a cutover is asked for it is looked more often than anybody reads.
            world.tell(act, lag(&standing, &self.pace, near));
            self.told = Some(Instant::now());
        }
        if !std::mem::replace(&mut self.logins_told, true) {
            let target = world.session(Place::Target).await?;
            let warning = logins::warning(&target, &what.logins).await?;
            if let Some(message) = warning {
                world.tell(act, Happened::Warning { message });
            }
        }
        let kept = standing.retained_bytes;
        self.valve.check(world, act, (what, kept)).await?;
        self.health.check(world, act, &standing).await?;
        if caught_up && self.behind {
            let lag_bytes = standing.lag_bytes;
            world.tell(act, Happened::CaughtUp { lag_bytes });
        }
        self.behind = !caught_up;
        let enough = what.when_caught_up || world.until_caught_up;
        let soon = standing.lag_bytes <= what.lag_bytes.max(SOON_DRAINED_BYTES);
        if enough && caught_up {
            return Ok(Ended::CaughtUp);
        }
        if asked && soon && standing.active {
            return Ok(Ended::Asked);
        }
        self.drift.check(world, act, what).await?;
        Ok(Ended::NotYet)
    }

    /// Minds the source's disk while the target is away, which is when it fills.
    async fn guard_source(&mut self) -> Result<()> {
        let (world, act, what) = (self.world, self.act, self.what);
        let guarded = async {
            let source = world.session(Place::Source).await?;
            let kept = kept((&source, &what.slot)).await?;
            self.valve.check(world, act, (what, kept)).await
        };
        match tokio::time::timeout(PATIENCE, guarded).await {
            Ok(Err(error)) if error.exit() != Exit::Failed => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

fn silent() -> Error {
    Error::failed(
        "a look at both servers did not end in time",
        "Make it reachable; replication goes on without this program.",
    )
}

/// Waits for the next look; whether the cutover is asked for, and the request still stands.
async fn pause(world: &World, asked: bool) -> bool {
    if asked {
        tokio::time::sleep(LOOK).await;
        return world.cutover.is_made(&world.state);
    }
    let until = Instant::now() + world.poll;
    while Instant::now() < until {
        if world.cutover.is_made(&world.state) {
            return true;
        }
        let rest = until.saturating_duration_since(Instant::now()).min(LOOK);
        let _ = tokio::time::timeout(rest, world.cutover.wait()).await;
    }
    world.cutover.is_made(&world.state)
}

async fn look_at_both(world: &World, what: &Follow) -> Result<Standing> {
    let source = world.session(Place::Source).await?;
    let target = world.session(Place::Target).await?;
    standing((&source, &what.slot), (&target, &what.subscription)).await
}

fn lag(standing: &Standing, pace: &Pace, near: bool) -> Happened {
    let outlook = match near {
        true => Outlook::Seconds(0),
        false => pace.outlook(standing.lag_bytes),
    };
    Happened::Lag {
        lag_bytes: standing.lag_bytes,
        source_lsn: standing.source_lsn.clone(),
        received_lsn: standing.received_lsn.clone(),
        applied_lsn: standing.applied_lsn.clone(),
        bytes_per_second: pace.applied_per_second(),
        seconds_left: match outlook {
            Outlook::Seconds(seconds) => Some(seconds),
            Outlook::Never | Outlook::Unknown => None,
        },
        never: outlook == Outlook::Never,
        retained_bytes: standing.retained_bytes,
    }
}
