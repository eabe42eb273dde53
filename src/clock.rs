//! The only module that reads the system clock.
//!
//! The clock of Postgres decides whether a join was in time. A node's clock is used only for hints: admission allows
//! two seconds of slack, and pages show countdowns. It is corrected by the last measured offset from the clock of
//! Postgres.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// The node's clock, corrected by the offset from the clock of Postgres. Clones share the offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// A clock without a correction.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The best estimate of the current time by the clock of Postgres.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        system_now() + TimeDelta::milliseconds(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Sets the offset from the current time of Postgres. `postgres_now` may be a round trip old, which is less than
    /// the slack of every check that uses this clock.
    pub fn correct(&self, postgres_now: DateTime<Utc>) {
        let offset_ms = (postgres_now - system_now()).num_milliseconds();
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "the only place that may read the system clock")]
fn system_now() -> DateTime<Utc> {
    Utc::now() + skew::of_system()
}

/// Skews the system clock for fault tests by `MUSTER_CLOCK_SKEW_MS`, which is read once. Release builds leave this out.
#[cfg(any(debug_assertions, feature = "failpoints"))]
mod skew {
    use std::sync::OnceLock;

    use chrono::TimeDelta;

    pub(super) fn of_system() -> TimeDelta {
        static SKEW_MS: OnceLock<i64> = OnceLock::new();
        let read = || std::env::var(super::SKEW_VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        TimeDelta::milliseconds(*SKEW_MS.get_or_init(read))
    }
}

#[cfg(not(any(debug_assertions, feature = "failpoints")))]
mod skew {
    pub(super) const fn of_system() -> chrono::TimeDelta {
        chrono::TimeDelta::zero()
    }
}

/// The environment variable that skews the system clock, in milliseconds.
#[cfg(any(debug_assertions, feature = "failpoints"))]
pub const SKEW_VARIABLE: &str = "MUSTER_CLOCK_SKEW_MS";
