//! Plays through what runs beside what: the executor's order, on as many cores as there were where the
//! rates were measured. It plays no chance: the same tasks take the same time.

use super::cost::Cost;
use super::rates::CORES;

/// A piece of work that waits for others.
pub(super) struct Task {
    /// What it costs.
    pub(super) cost: Cost,
    /// Those that it waits for, by their place in the list.
    pub(super) after: Vec<usize>,
}

/// Less than this is left of a task that is done.
const NOTHING: f64 = 1e-9;

/// How long the tasks take, so many at a time in their order. Those that run together slow each other
/// down once they need more cores than there are.
pub(super) fn schedule(tasks: &[Task], jobs: usize) -> Cost {
    let mut left: Vec<f64> = tasks.iter().map(|task| task.cost.wall).collect();
    let mut waiting: Vec<usize> = (0..tasks.len()).collect();
    let mut running: Vec<usize> = Vec::new();
    let mut done = vec![false; tasks.len()];
    let mut wall = 0.0;
    loop {
        waiting.retain(|&at| {
            let ready = running.len() < jobs && tasks[at].after.iter().all(|&other| done[other]);
            if ready {
                running.push(at);
            }
            !ready
        });
        let demand: f64 = running.iter().map(|&at| cores(tasks[at].cost)).sum();
        let slower = (demand / CORES).max(1.0);
        let Some(next) = running.iter().map(|&at| left[at]).reduce(f64::min) else {
            break;
        };
        wall += next * slower;
        running.retain(|&at| {
            left[at] -= next;
            done[at] = left[at] <= NOTHING;
            !done[at]
        });
    }
    let cpu = tasks.iter().map(|task| task.cost.cpu).sum();
    Cost { wall, cpu }
}

/// How many cores a task keeps busy, alone.
fn cores(cost: Cost) -> f64 {
    if cost.wall > 0.0 {
        cost.cpu / cost.wall
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(wall: f64, cpu: f64, after: &[usize]) -> Task {
        Task {
            cost: Cost { wall, cpu },
            after: after.to_vec(),
        }
    }

    fn wall(tasks: &[Task], jobs: usize) -> f64 {
        let seconds = schedule(tasks, jobs).wall;
        (seconds * 1000.0).round() / 1000.0
    }

    #[test]
    fn tasks_wait_for_a_job_and_for_each_other() {
        let tasks = [
            task(3.0, 1.5, &[]),
            task(1.0, 0.5, &[]),
            task(1.0, 0.5, &[]),
        ];
        assert_eq!([1, 2].map(|jobs| wall(&tasks, jobs)), [5.0, 3.0]);
        let chain = [
            task(3.0, 1.5, &[]),
            task(1.0, 0.5, &[0]),
            task(1.0, 0.5, &[1]),
        ];
        assert_eq!(wall(&chain, 8), 5.0);
        assert_eq!(wall(&[], 2), 0.0);
    }

    #[test]
    fn what_needs_more_cores_than_there_are_takes_longer() {
        let busy = |seconds| task(seconds, CORES * seconds, &[]);
        let tasks = [busy(2.0), busy(2.0)];
        assert_eq!([1, 2].map(|jobs| wall(&tasks, jobs)), [4.0, 4.0]);
        // Once the short one is done, the long one has all cores to itself.
        assert_eq!(wall(&[busy(1.0), busy(3.0)], 2), 4.0);
        let waiting = [
            task(2.0, 0.0, &[]),
            task(2.0, 0.0, &[]),
            task(2.0, 0.0, &[]),
        ];
        assert_eq!(wall(&waiting, 3), 2.0);
    }
}
