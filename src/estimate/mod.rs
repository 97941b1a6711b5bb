//! How long each phase will take, from sizes and from rates that were measured. It asks nobody, and a
//! plan does not depend on it.
//!
//! It is true of a machine like the one that the rates were measured on, and of no other: what a plan
//! prints holds no clock, so nothing is measured while it is made. What a phase really took is shown
//! beside it at the end.

mod cost;
mod programs;
mod rates;
mod schedule;
mod tables;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::phases::Scene;
use crate::plan::{Phase, Stage, StepId};
use cost::Cost;
use schedule::{Task, schedule};
use tables::Tables;

/// What estimates need to know of the source.
pub(crate) struct Estimates<'a> {
    tables: Tables<'a>,
}

impl<'a> Estimates<'a> {
    /// Gathers it.
    pub(crate) fn new(scene: &'a Scene<'a>) -> Self {
        Self {
            tables: Tables::new(scene),
        }
    }

    /// How long a phase takes; `None` for one that has nothing to do, lasts for as long as somebody
    /// likes, or is done by a command of its own.
    pub(crate) fn of(&self, stage: &Stage) -> Option<Duration> {
        let lasts = stage.steps.iter().any(|step| step.standing);
        let afterwards = Phase::AFTERWARDS.contains(&stage.phase);
        if stage.steps.is_empty() || lasts || afterwards {
            return None;
        }
        let numbered = stage.steps.iter().enumerate();
        let places: BTreeMap<&StepId, usize> = numbered.map(|(at, step)| (&step.id, at)).collect();
        let tasks = stage.steps.iter().map(|step| Task {
            cost: step
                .effects
                .iter()
                .map(|effect| self.tables.effect(effect))
                .fold(Cost::waiting(rates::STEP), Cost::then),
            after: step
                .after
                .iter()
                .filter_map(|id| places.get(id).copied())
                .collect(),
        });
        let jobs = stage.jobs.map_or(usize::MAX, |jobs| jobs as usize);
        let took = schedule(&tasks.collect::<Vec<_>>(), jobs);
        Some(Duration::from_millis((took.wall * 1000.0).round() as u64))
    }
}
