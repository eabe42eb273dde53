//! The generic cell rate algorithm (GCRA), a leaky bucket that stores a single time: the theoretical arrival time, at
//! which the whole burst is available again. Times are in microseconds; callers pass the current one.

use crate::config::Rate;

/// A rate in GCRA terms: one request per `interval_us`, and a burst of `burst` requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GcraRate {
    pub(super) interval_us: i64,
    pub(super) burst: u32,
}

/// The usage of one subject of a limit, and the part of it that has not been reported to Redis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// The theoretical arrival time.
    tat_us: i64,
    /// Requests that have not been reported to Redis.
    unreported: u32,
}

/// The local decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// At most half of the burst is used, so no call to Redis is needed.
    Allowed,
    /// Allowed locally, but more than half of the burst is used: Redis decides by the usage of all nodes.
    AskShared {
        /// Earlier requests that have not been reported to Redis.
        debt: u32,
    },
    /// Refused locally.
    Limited {
        /// How long until the next request is allowed.
        retry_us: i64,
    },
}

impl GcraRate {
    /// Converts a configured rate. `None` if it allows more than one request per microsecond: then there is no limit.
    pub(super) fn new(rate: Rate) -> Option<Self> {
        let period_us = i64::try_from(rate.period.as_micros()).unwrap_or(i64::MAX);
        let interval_us = period_us / i64::from(rate.count.max(1));
        (interval_us > 0).then_some(Self { interval_us, burst: rate.count })
    }

    fn burst_us(self) -> i64 {
        self.interval_us.saturating_mul(i64::from(self.burst))
    }
}

impl Usage {
    /// Takes one request if the local usage allows it.
    pub(super) fn take(&mut self, rate: GcraRate, now_us: i64) -> Verdict {
        let used_us = (self.tat_us - now_us).max(0);
        let requested_us = used_us.saturating_add(rate.interval_us);
        if requested_us > rate.burst_us() {
            return Verdict::Limited { retry_us: requested_us - rate.burst_us() };
        }
        self.tat_us = now_us + requested_us;
        if requested_us <= rate.burst_us() / 2 {
            self.unreported = self.unreported.saturating_add(1);
            return Verdict::Allowed;
        }
        // Usage that has expired by now need not be reported.
        let used = u32::try_from(used_us / rate.interval_us).unwrap_or(u32::MAX);
        let debt = std::mem::take(&mut self.unreported).min(used);
        Verdict::AskShared { debt }
    }

    /// Keeps `debt` and the current request as unreported, because Redis did not answer.
    pub(super) fn keep_unreported(&mut self, debt: u32) {
        self.unreported = self.unreported.saturating_add(debt).saturating_add(1);
    }

    /// Refuses locally until `retry_us` has passed, because Redis refused.
    pub(super) fn refuse_for(&mut self, rate: GcraRate, now_us: i64, retry_us: i64) {
        let refused_tat_us = now_us.saturating_add(retry_us).saturating_add(rate.burst_us() - rate.interval_us);
        self.tat_us = self.tat_us.max(refused_tat_us);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND_US: i64 = 1_000_000;

    fn ten_per_ten_seconds() -> GcraRate {
        GcraRate::new(Rate { count: 10, period: Duration::from_secs(10) }).unwrap()
    }

    #[test]
    fn a_burst_may_use_the_whole_count_which_refills_evenly() {
        let (rate, mut usage) = (ten_per_ten_seconds(), Usage::default());
        let allowed = (0..20).filter(|_| !matches!(usage.take(rate, 0), Verdict::Limited { .. })).count();
        assert_eq!(allowed, 10);
        assert_eq!(usage.take(rate, 0), Verdict::Limited { retry_us: SECOND_US });
        assert!(matches!(usage.take(rate, SECOND_US), Verdict::AskShared { .. }));
        assert!(matches!(usage.take(rate, SECOND_US), Verdict::Limited { .. }));
    }

    #[test]
    fn redis_decides_above_half_of_the_burst_and_receives_the_earlier_usage() {
        let (rate, mut usage) = (ten_per_ten_seconds(), Usage::default());
        for _ in 0..5 {
            assert_eq!(usage.take(rate, 0), Verdict::Allowed);
        }
        assert_eq!(usage.take(rate, 0), Verdict::AskShared { debt: 5 });
        assert_eq!(usage.take(rate, 0), Verdict::AskShared { debt: 0 });
    }

    #[test]
    fn expired_usage_is_not_reported() {
        let (rate, mut usage) = (ten_per_ten_seconds(), Usage::default());
        for second in 0..100 {
            assert_eq!(usage.take(rate, second * SECOND_US), Verdict::Allowed);
        }
        for _ in 0..5 {
            assert_eq!(usage.take(rate, 100 * SECOND_US), Verdict::Allowed);
        }
        // 100 of these 105 have expired unreported; 5 are still in use.
        assert_eq!(usage.take(rate, 100 * SECOND_US), Verdict::AskShared { debt: 5 });
    }

    #[test]
    fn a_shared_refusal_is_remembered_until_it_expires() {
        let (rate, mut usage) = (ten_per_ten_seconds(), Usage::default());
        usage.refuse_for(rate, 0, 3 * SECOND_US);
        assert_eq!(usage.take(rate, 0), Verdict::Limited { retry_us: 3 * SECOND_US });
        assert!(matches!(usage.take(rate, 3 * SECOND_US), Verdict::AskShared { .. }));
    }

    #[test]
    fn usage_that_could_not_be_reported_is_reported_the_next_time() {
        let (rate, mut usage) = (ten_per_ten_seconds(), Usage::default());
        (0..5).for_each(|_| assert_eq!(usage.take(rate, 0), Verdict::Allowed));
        assert_eq!(usage.take(rate, 0), Verdict::AskShared { debt: 5 });
        usage.keep_unreported(5);
        assert_eq!(usage.take(rate, 0), Verdict::AskShared { debt: 6 });
    }

    #[test]
    fn a_rate_above_one_per_microsecond_is_no_limit() {
        assert_eq!(GcraRate::new(Rate { count: 1_000_000_000, period: Duration::from_secs(1) }), None);
    }
}
