//! A token bucket in whole numbers: allow a burst, then a steady rate.

use tokio::time::Instant;

/// Tokens are counted in millionths, so that a rate a second needs no fractions.
const MICRO: u64 = 1_000_000;

/// A bucket that starts full. The caller brings the time.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    full_micro: u64,
    per_second: u64,
    level_micro: u64,
    as_of: Instant,
}

impl TokenBucket {
    /// A full bucket of `burst` tokens.
    #[must_use]
    pub fn new(burst: usize, per_second: usize, now: Instant) -> Self {
        let full_micro = micro(burst);
        let per_second = u64::try_from(per_second).unwrap_or(u64::MAX);
        Self { full_micro, per_second, level_micro: full_micro, as_of: now }
    }

    /// Takes `tokens` if there are as many; else takes none.
    pub fn take(&mut self, tokens: usize, now: Instant) -> bool {
        let enough = self.has(tokens, now);
        if enough {
            self.level_micro -= micro(tokens);
        }
        enough
    }

    /// Whether there are as many.
    pub fn has(&mut self, tokens: usize, now: Instant) -> bool {
        self.fill(now);
        micro(tokens) <= self.level_micro
    }

    /// Whether it is as if it had never been used: nothing is lost by forgetting it.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.level_micro == self.full_micro
    }

    fn fill(&mut self, now: Instant) {
        let passed_us = now.saturating_duration_since(self.as_of).as_micros();
        // So many tokens a second are as many millionths in each microsecond.
        let gained_micro = u64::try_from(passed_us).unwrap_or(u64::MAX).saturating_mul(self.per_second);
        self.level_micro = self.level_micro.saturating_add(gained_micro).min(self.full_micro);
        self.as_of = now;
    }
}

fn micro(tokens: usize) -> u64 {
    u64::try_from(tokens).unwrap_or(u64::MAX).saturating_mul(MICRO)
}
