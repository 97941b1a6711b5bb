//! How fast the target applies, and when it will have caught up at that rate.
//! It asks nobody; it is told what was seen.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Standing;

/// The rate is measured over this time, so that a checkpoint does not look like a standstill.
const WINDOW: Duration = Duration::from_secs(60);

/// Less than this is no backlog: it comes and goes with every commit.
const BACKLOG_BYTES: u64 = 4 * 1024 * 1024;

/// Nothing is said to be so for ever that was seen for less than this.
const LONG_ENOUGH: Duration = Duration::from_secs(30);

/// When the target will have caught up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlook {
    /// After so many seconds.
    Seconds(u64),
    /// Never: the source writes as fast as the target applies, or faster.
    Never,
    /// Too little was seen.
    Unknown,
}

/// What was seen lately.
#[derive(Debug, Default)]
pub(super) struct Pace {
    seen: VecDeque<(Instant, u64, u64)>,
}

impl Pace {
    /// Takes in what was seen now.
    pub(super) fn saw(&mut self, standing: &Standing) {
        let now = Instant::now();
        if let Some((source, applied)) =
            position(&standing.source_lsn).zip(position(&standing.applied_lsn))
        {
            self.seen.push_back((now, source, applied));
        }
        while self.seen.len() > 2 && self.seen.front().is_some_and(|(at, ..)| now - *at > WINDOW) {
            self.seen.pop_front();
        }
    }

    /// Bytes of WAL that the target applies in a second.
    pub(super) fn applied_per_second(&self) -> u64 {
        self.rates().map_or(0, |(_, applied)| applied)
    }

    /// When the target will have caught up at this rate.
    pub(super) fn outlook(&self, lag_bytes: u64) -> Outlook {
        if lag_bytes == 0 {
            return Outlook::Seconds(0);
        }
        let Some((written, applied)) = self.rates() else {
            return Outlook::Unknown;
        };
        match applied.saturating_sub(written) {
            0 if lag_bytes < BACKLOG_BYTES || self.seen_for() < LONG_ENOUGH => Outlook::Unknown,
            0 => Outlook::Never,
            gain => Outlook::Seconds(lag_bytes.div_ceil(gain)),
        }
    }

    fn seen_for(&self) -> Duration {
        let ends = self.seen.front().zip(self.seen.back());
        ends.map_or(Duration::ZERO, |(first, last)| last.0 - first.0)
    }

    /// Bytes a second: written on the source, applied on the target.
    fn rates(&self) -> Option<(u64, u64)> {
        let (first, last) = (self.seen.front()?, self.seen.back()?);
        let millis = u64::try_from((last.0 - first.0).as_millis())
            .ok()
            .filter(|m| *m > 0)?;
        let rate = |from: u64, to: u64| to.saturating_sub(from).saturating_mul(1000) / millis;
        Some((rate(first.1, last.1), rate(first.2, last.2)))
    }
}

/// An LSN as the number of its byte: `16/B374D848` is two hexadecimal numbers of 32 bits.
fn position(lsn: &str) -> Option<u64> {
    let (high, low) = lsn.split_once('/')?;
    let part = |text| u64::from_str_radix(text, 16).ok();
    Some((part(high)? << 32) + part(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_lsn_is_the_number_of_its_byte() {
        assert_eq!(position("16/B374D848"), Some(0x16_B374_D848));
        assert_eq!(position("0/0"), Some(0));
        assert_eq!(position("nothing"), None);
    }

    #[test]
    fn a_source_that_writes_faster_than_the_target_applies_is_never_caught_up_with() {
        let start = Instant::now();
        let later = start + Duration::from_secs(10);
        let outlook = |seconds, lag| {
            let pace = Pace {
                seen: [
                    (start, 0, 0),
                    (start + Duration::from_secs(seconds), 2000, 1000),
                ]
                .into(),
            };
            pace.outlook(lag)
        };
        assert_eq!(outlook(30, BACKLOG_BYTES), Outlook::Never);
        assert_eq!(outlook(29, BACKLOG_BYTES), Outlook::Unknown);
        assert_eq!(outlook(30, BACKLOG_BYTES - 1), Outlook::Unknown);
        let soon = Pace {
            seen: [(start, 1000, 0), (later, 2000, 2000)].into(),
        };
        assert_eq!(soon.applied_per_second(), 200);
        assert_eq!(soon.outlook(1000), Outlook::Seconds(10));
    }
}
