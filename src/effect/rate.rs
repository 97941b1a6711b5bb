//! How fast bytes move, over the last minute. It asks no clock: whoever counts says when.

use std::collections::VecDeque;
use std::time::Duration;

/// The stretch over which the rate is measured.
const RATE_OVER: Duration = Duration::from_secs(60);

/// Moments since the start, with the bytes done by then.
#[derive(Debug)]
pub(super) struct Rate(VecDeque<(Duration, u64)>);

impl Rate {
    /// So many bytes were done before the start.
    pub(super) fn from(bytes: u64) -> Self {
        Self(VecDeque::from([(Duration::ZERO, bytes)]))
    }

    /// So many bytes are done at a moment.
    pub(super) fn sample(&mut self, at: Duration, bytes: u64) {
        self.0.push_back((at, bytes));
        while self.0.len() > 2 && self.0[1].0 + RATE_OVER <= at {
            self.0.pop_front();
        }
    }

    /// Bytes a second, over the last minute or since the start.
    pub(super) fn bytes_per_second(&self) -> u64 {
        let (Some(first), Some(last)) = (self.0.front(), self.0.back()) else {
            return 0;
        };
        let seconds = (last.0 - first.0).as_secs_f64();
        if seconds > 0.0 {
            (last.1.saturating_sub(first.1) as f64 / seconds) as u64
        } else {
            0
        }
    }

    /// Seconds until so many bytes are through, at this rate; `None` while none are moved.
    pub(super) fn seconds_left(&self, bytes: u64) -> Option<u64> {
        let rate = self.bytes_per_second();
        (bytes > 0 && rate > 0).then(|| bytes.div_ceil(rate))
    }
}
