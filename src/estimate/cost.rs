//! What a piece of work costs: the time it takes alone, and the time of all cores together.
//! It knows no rates.

use std::ops::Mul;

/// What a piece of work costs, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Cost {
    /// From its begin to its end, with nothing beside it.
    pub(super) wall: f64,
    /// Of all cores together.
    pub(super) cpu: f64,
}

impl Cost {
    /// Work of one core.
    pub(super) fn of_one_core(seconds: f64) -> Self {
        Self {
            wall: seconds,
            cpu: seconds,
        }
    }

    /// Waiting, for a disk or an answer.
    pub(super) fn waiting(seconds: f64) -> Self {
        Self {
            wall: seconds,
            cpu: 0.0,
        }
    }

    /// This, and then another.
    pub(super) fn then(self, other: Self) -> Self {
        Self {
            wall: self.wall + other.wall,
            cpu: self.cpu + other.cpu,
        }
    }

    /// Both at once, the one handing its work to the other.
    pub(super) fn into(self, other: Self) -> Self {
        Self {
            wall: self.wall.max(other.wall),
            cpu: self.cpu + other.cpu,
        }
    }
}

impl Mul<f64> for Cost {
    type Output = Self;

    fn mul(self, times: f64) -> Self {
        Self {
            wall: self.wall * times,
            cpu: self.cpu * times,
        }
    }
}
