//! Goes on in spite of lost connections, where steps are many and each is soon done again.
//! It never does a step twice that took effect.

use std::time::Duration;

use super::Executor;
use crate::effect::{Output, Scene, ask, perform};
use crate::error::Result;
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
            let Some(pause) = pauses.next() else {
                return Err(lost);
            };
            let why = lost.causes().first().map_or(lost.what(), String::as_str);
            let message = format!(
                "{} starts over: a connection was lost: {why}",
                scene.step.id
            );
            self.world.tell(scene, Happened::Warning { message });
            let wait = async {
                tokio::time::sleep(pause).await;
                Ok(())
            };
            self.world.unless_stopped(wait).await?;
            match self.took_effect(scene).await {
                Ok(true) => return Ok(Output::default()),
                Err(error) if !error.is_lost_connection() => return Err(error),
                Ok(false) | Err(_) => {}
            }
        }
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
