//! The arithmetic of a limit (GCRA, the leaky bucket turned round): all that is kept of somebody is the moment at which
//! everything that was taken will have come back. Times are microseconds; the caller brings them.

use crate::config::Rate;

/// How fast one comes back, and how many may be used at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) interval_us: i64,
    pub(super) burst: u32,
}

/// What somebody has used, and how much of it the other nodes have not heard of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    back_us: i64,
    untold: u32,
}

/// What this node says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Less than half is used: nobody else need be asked.
    Fine,
    /// This node would allow it, but much is used: what do the others say?
    Ask {
        /// What the others have not heard of, without this one.
        debt: u32,
    },
    /// Too much was used here.
    Limited {
        /// When one has come back.
        retry_us: i64,
    },
}

impl Pace {
    /// `None`: so many come back so fast that there is no limit.
    pub(super) fn of(rate: Rate) -> Option<Self> {
        let period_us = i64::try_from(rate.period.as_micros()).unwrap_or(i64::MAX);
        let interval_us = period_us / i64::from(rate.count.max(1));
        (interval_us > 0).then_some(Self { interval_us, burst: rate.count })
    }

    fn whole_us(self) -> i64 {
        self.interval_us.saturating_mul(i64::from(self.burst))
    }
}

impl Usage {
    /// Takes one, if this node allows it.
    pub(super) fn take(&mut self, pace: Pace, now_us: i64) -> Verdict {
        let in_use_us = (self.back_us - now_us).max(0);
        let wanted_us = in_use_us.saturating_add(pace.interval_us);
        if wanted_us > pace.whole_us() {
            return Verdict::Limited { retry_us: wanted_us - pace.whole_us() };
        }
        self.back_us = now_us + wanted_us;
        if wanted_us <= pace.whole_us() / 2 {
            self.untold = self.untold.saturating_add(1);
            return Verdict::Fine;
        }
        // What has come back since counts no more, whether it was told or not.
        let in_use = u32::try_from(in_use_us / pace.interval_us).unwrap_or(u32::MAX);
        let debt = std::mem::take(&mut self.untold).min(in_use);
        Verdict::Ask { debt }
    }

    /// The others were asked in vain: what they should have heard stays to be told.
    pub(super) fn not_told(&mut self, debt: u32) {
        self.untold = self.untold.saturating_add(debt).saturating_add(1);
    }

    /// The others say that too much was used: refuse without asking again until then.
    pub(super) fn wait(&mut self, pace: Pace, now_us: i64, retry_us: i64) {
        let full_until_us = now_us.saturating_add(retry_us).saturating_add(pace.whole_us() - pace.interval_us);
        self.back_us = self.back_us.max(full_until_us);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND_US: i64 = 1_000_000;

    fn ten_in_ten_seconds() -> Pace {
        Pace::of(Rate { count: 10, period: Duration::from_secs(10) }).unwrap()
    }

    #[test]
    fn the_whole_burst_may_be_used_at_once_and_comes_back_evenly() {
        let (pace, mut usage) = (ten_in_ten_seconds(), Usage::default());
        let allowed = (0..20).filter(|_| !matches!(usage.take(pace, 0), Verdict::Limited { .. })).count();
        assert_eq!(allowed, 10);
        assert_eq!(usage.take(pace, 0), Verdict::Limited { retry_us: SECOND_US });
        assert!(matches!(usage.take(pace, SECOND_US), Verdict::Ask { .. }));
        assert!(matches!(usage.take(pace, SECOND_US), Verdict::Limited { .. }));
    }

    #[test]
    fn nobody_else_is_asked_while_less_than_half_is_used_and_then_hears_of_all() {
        let (pace, mut usage) = (ten_in_ten_seconds(), Usage::default());
        for _ in 0..5 {
            assert_eq!(usage.take(pace, 0), Verdict::Fine);
        }
        assert_eq!(usage.take(pace, 0), Verdict::Ask { debt: 5 });
        assert_eq!(usage.take(pace, 0), Verdict::Ask { debt: 0 });
    }

    #[test]
    fn what_came_back_meanwhile_is_no_debt() {
        let (pace, mut usage) = (ten_in_ten_seconds(), Usage::default());
        for second in 0..100 {
            assert_eq!(usage.take(pace, second * SECOND_US), Verdict::Fine);
        }
        for _ in 0..4 {
            assert_eq!(usage.take(pace, 100 * SECOND_US), Verdict::Fine);
        }
        assert!(matches!(usage.take(pace, 100 * SECOND_US), Verdict::Fine | Verdict::Ask { debt: ..=5 }));
    }

    #[test]
    fn a_refusal_of_the_others_is_remembered_until_its_end() {
        let (pace, mut usage) = (ten_in_ten_seconds(), Usage::default());
        usage.wait(pace, 0, 3 * SECOND_US);
        assert_eq!(usage.take(pace, 0), Verdict::Limited { retry_us: 3 * SECOND_US });
        assert!(matches!(usage.take(pace, 3 * SECOND_US), Verdict::Ask { .. }));
    }

    #[test]
    fn what_could_not_be_told_is_told_the_next_time() {
        let (pace, mut usage) = (ten_in_ten_seconds(), Usage::default());
        (0..5).for_each(|_| assert_eq!(usage.take(pace, 0), Verdict::Fine));
        assert_eq!(usage.take(pace, 0), Verdict::Ask { debt: 5 });
        usage.not_told(5);
        assert_eq!(usage.take(pace, 0), Verdict::Ask { debt: 6 });
    }

    #[test]
    fn so_many_that_each_takes_no_time_are_no_limit() {
        assert_eq!(Pace::of(Rate { count: 1_000_000_000, period: Duration::from_secs(1) }), None);
    }
}
