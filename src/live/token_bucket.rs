//! A token bucket with integer arithmetic: allows a burst, then a steady rate.

use tokio::time::Instant;

/// Levels are kept in millionths of a token, so that refilling needs no fractions.
const MICRO: u64 = 1_000_000;

/// A token bucket that starts full. Callers pass the current time.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    capacity_micro: u64,
    per_second: u64,
    level_micro: u64,
    refilled_at: Instant,
}

impl TokenBucket {
    /// A full bucket that holds `burst` tokens and refills at `per_second` tokens a second.
    #[must_use]
    pub fn new(burst: usize, per_second: usize, now: Instant) -> Self {
        let capacity_micro = micro(burst);
        let per_second = u64::try_from(per_second).unwrap_or(u64::MAX);
        Self { capacity_micro, per_second, level_micro: capacity_micro, refilled_at: now }
    }

    /// Takes `tokens` if the bucket holds that many; otherwise takes none and returns false.
    pub fn take(&mut self, tokens: usize, now: Instant) -> bool {
        let enough = self.has(tokens, now);
        if enough {
            self.level_micro -= micro(tokens);
        }
        enough
    }

    /// Whether the bucket holds at least `tokens`.
    pub fn has(&mut self, tokens: usize, now: Instant) -> bool {
        self.refill(now);
        micro(tokens) <= self.level_micro
    }

    /// Whether the bucket is full again. A full bucket can be dropped and recreated without changing any outcome.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.level_micro == self.capacity_micro
    }

    fn refill(&mut self, now: Instant) {
        let elapsed_us = now.saturating_duration_since(self.refilled_at).as_micros();
        // One token a second is one millionth of a token a microsecond.
        let gained_micro = u64::try_from(elapsed_us).unwrap_or(u64::MAX).saturating_mul(self.per_second);
        self.level_micro = self.level_micro.saturating_add(gained_micro).min(self.capacity_micro);
        self.refilled_at = now;
    }
}

fn micro(tokens: usize) -> u64 {
    u64::try_from(tokens).unwrap_or(u64::MAX).saturating_mul(MICRO)
}
