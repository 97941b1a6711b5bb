//! Goes on in spite of lost connections, where steps are many and each is soon done again.
//! It never does a step twice that took effect.

use std::time::Duration;

use super::Executor;
use crate::effect::{Act, Output, ask, perform};
use crate::error::{Error, Result};
use crate::events::Happened;
use crate::plan::{IfInterrupted, Phase};

/// How long a step waits before it starts over, each time that it loses a connection: a server that
/// restarts is back within a minute.
const PAUSES_SECS: [u64; 6] = [1, 2, 4, 8, 16, 32];

/// Whether a step starts over by itself when it loses a connection: of those that move rows and build
/// on them, each that does not need another one done again first.
pub(super) fn may_start_over(act: Act<'_>) -> bool {
    let alone = match &act.step.if_interrupted {
        IfInterrupted::Ask(_) => true,
        IfInterrupted::RedoFrom(from) => *from == act.step.id,
    };
    alone && matches!(act.phase, Phase::Copy | Phase::Build)
}

impl Executor<'_> {
    /// Has the effects of a step; when a connection is lost, those that it had are taken back, and it
    /// has them again.
    pub(super) async fn effects_in_spite_of_losses(&self, act: Act<'_>) -> Result<Output> {
        let mut pauses = PAUSES_SECS.into_iter().map(Duration::from_secs);
        loop {
            let lost = match self.effects(act).await {
                Err(error) if error.is_lost_connection() => error,
                other => return other,
            };
            self.tell_lost(act, &lost);
            loop {
                let Some(pause) = pauses.next() else {
                    return Err(lost);
                };
                self.pause(pause).await?;
                match self.took_effect(act).await {
                    Ok(true) => {
                        if let Some(progress) = self.world.tally.found_done(&act.step.id) {
                            self.world.tell(act, progress);
                        }
                        return Ok(Output::default());
                    }
                    Ok(false) => break,
                    Err(error) if error.is_lost_connection() => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }

    fn tell_lost(&self, act: Act<'_>, lost: &Error) {
        let why = lost.causes().first().map_or(lost.what(), String::as_str);
        let step = &act.step.id;
        let message = format!("{step} starts over: a connection was lost: {why}");
        self.world.tell(act, Happened::Warning { message });
    }

    async fn pause(&self, pause: Duration) -> Result<()> {
        let wait = async {
            tokio::time::sleep(pause).await;
            Ok(())
        };
        self.world.unless_stopped(wait).await
    }

    /// Whether a step whose connection was lost took effect before; else what it did is taken back.
    /// The server may not know yet that the connection is lost: what still runs there is ended first,
    /// or it would stand in the way, or come to its end later.
    async fn took_effect(&self, act: Act<'_>) -> Result<bool> {
        self.world.end_sessions_of(&act.step.id).await?;
        if let IfInterrupted::Ask(question) = &act.step.if_interrupted
            && ask(self.world, question).await?
        {
            return Ok(true);
        }
        for effect in &act.step.undo {
            perform(effect, act, self.world).await?;
        }
        Ok(false)
    }
}
