//! The only place that asks what time it is.
//!
//! Postgres' clock decides whether a join was in time. A node's own clock is only used for hints (the admission check in
//! Redis has two seconds of slack, pages show countdowns), and is corrected by the offset that was last seen from Postgres.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// The node's clock, corrected by what Postgres last said. Clones share the correction.
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

    /// The present moment, as Postgres would see it.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        system_now() + TimeDelta::milliseconds(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Takes over what Postgres just said the time was. A reading is at most a round trip old, which is far inside the slack
    /// of every check that uses this clock.
    pub fn correct(&self, postgres_now: DateTime<Utc>) {
        let offset_ms = (postgres_now - system_now()).num_milliseconds();
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that may ask the system")]
fn system_now() -> DateTime<Utc> {
    Utc::now() + skew::of_system()
}

/// A system clock that is wrong, for fault tests: `MUSTER_CLOCK_SKEW_MS`, read once. No release has this.
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

/// How wrong the system's clock is said to be, in milliseconds.
#[cfg(any(debug_assertions, feature = "failpoints"))]
pub const SKEW_VARIABLE: &str = "MUSTER_CLOCK_SKEW_MS";
