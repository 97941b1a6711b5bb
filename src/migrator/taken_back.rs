//! What is left of a migration that ends before its time: what an abort took back, and the state
//! directory of one that never began. It takes nothing back itself.

use super::Migrator;
use crate::effect::{World, ask};
use crate::journal::Status;
use crate::plan::{IfInterrupted, Plan, Step};

impl Migrator {
    /// Removes the state directory when nothing began: it holds no more than a lock and a log.
    pub async fn forget_unless_begun(&self) {
        if let Err(error) = self.state.remove_if_idle().await {
            tracing::debug!("the state directory stays: {error}");
        }
    }
}

/// What an abort took back, in the order in which it did; and what it had to leave, because the
/// target still has it.
pub(super) async fn taken_back(plan: &Plan, status: &Status, world: &World) -> Vec<String> {
    let mut said = Vec::new();
    let steps = plan.stages.iter().rev().flat_map(|s| s.steps.iter().rev());
    let begun = steps.filter(|step| status.steps.contains_key(&step.id));
    let by_itself = |step: &&Step| !step.undo.is_empty() && step.goes_with.is_none();
    for step in begun.filter(by_itself) {
        let is_there = match &step.if_interrupted {
            IfInterrupted::Ask(question) => ask(world, question).await.unwrap_or(false),
            IfInterrupted::RedoFrom(_) => false,
        };
        said.push(match is_there {
            true => format!("left {} in place: others need it", step.id),
            false => format!("took back {}", step.id),
        });
    }
    said
}
