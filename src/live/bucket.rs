//! A token bucket in whole numbers: allow a burst, then a steady rate.

use std::time::Duration;

use tokio::time::Instant;

/// Tokens are counted in millionths, so that a rate a second needs no fractions.
const MICRO: u64 = 1_000_000;

/// A bucket that starts full. The caller brings the time.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    burst: u32,
    refill: Duration,
    level_micro: u64,
    as_of: Instant,
}

impl TokenBucket {
    /// A full bucket of `burst` tokens, refilled from empty within `refill`.
    #[must_use]
    pub fn new(burst: u32, refill: Duration, now: Instant) -> Self {
        Self { burst, refill, level_micro: u64::from(burst) * MICRO, as_of: now }
    }

    /// Takes `tokens` if there are as many; else takes none.
    pub fn take(&mut self, tokens: usize, now: Instant) -> bool {
        self.fill(now);
        let wanted_micro = u64::try_from(tokens).unwrap_or(u64::MAX).saturating_mul(MICRO);
        let enough = wanted_micro <= self.level_micro;
        if enough {
            self.level_micro -= wanted_micro;
        }
        enough
    }

    fn fill(&mut self, now: Instant) {
        let passed_us = now.saturating_duration_since(self.as_of).as_micros();
        let full_micro = u64::from(self.burst) * MICRO;
        let gained_micro = passed_us * u128::from(full_micro) / self.refill.as_micros().max(1);
        let level_micro = u128::from(self.level_micro).saturating_add(gained_micro);
        self.level_micro = u64::try_from(level_micro).map_or(full_micro, |level| level.min(full_micro));
        self.as_of = now;
    }
}
