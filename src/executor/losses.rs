//! Goes on in spite of lost connections, where steps are many and each is soon done again.
//! It never does a step twice that took effect.

use std::time::Duration;

use super::Executor;
use crate::effect::{Output, Scene, ask, perform};
use crate::error::{Error, Result};
use crate::events::Happened;
use crate::plan::IfInterrupted;

/// How long a step waits before it starts over, each time that it loses a connection: a server that
/// restarts is back within a minute.
const PAUSES_SECS: [u64; 6] = [1, 2, 4, 8, 16, 32];

impl Executor<'_> {
    /// Has the effects of a step; when a connection is lost, those that it had are taken back, and it
    /// has them again.
    pub(super) async fn effects_in_spite_of_losses(&self, scene: Scene<'_>) -> Result<Output> {
        let mut pauses = PAUSES_SECS.into_iter().map(Duration::from_secs);
        loop {
            let lost = match self.effects(scene).await {
                Err(error) if error.is_lost_connection() => error,
                other => return other,
            };
            self.tell_lost(scene, &lost);
            loop {
                let Some(pause) = pauses.next() else {
                    return Err(lost);
                };
                self.pause(pause).await?;
                match self.took_effect(scene).await {
                    Ok(true) => return Ok(Output::default()),
                    Ok(false) => break,
                    Err(error) if error.is_lost_connection() => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }

    fn tell_lost(&self, scene: Scene<'_>, lost: &Error) {
        let why = lost.causes().first().map_or(lost.what(), String::as_str);
        let step = &scene.step.id;
        let message = format!("{step} starts over: a connection was lost: {why}");
        self.world.tell(scene, Happened::Warning { message });
    }

    async fn pause(&self, pause: Duration) -> Result<()> {
        let wait = async {
            tokio::time::sleep(pause).await;
            Ok(())
        };
        self.world.unless_stopped(wait).await
    }

    /// Whether a step whose connection was lost took effect before; else what it did is taken back.
    async fn took_effect(&self, scene: Scene<'_>) -> Result<bool> {
        if let IfInterrupted::Ask(question) = &scene.step.if_interrupted
            && ask(self.world, question).await?
        {
            return Ok(true);
        }
        for effect in &scene.step.undo {
            perform(effect, scene, self.world).await?;
        }
        Ok(false)
    }
}
