//! Throttles the frames of one deal. The first change after a quiet period goes out immediately. Later changes wait for
//! the end of the period; only the latest is sent.

use std::time::Duration;

use tokio::time::Instant;

/// When to send the frame of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Send it now.
    Now,
    /// Send the latest figures at this time.
    At(Instant),
    /// A send is already scheduled; it carries this change instead of the previous one.
    AlreadyScheduled,
}

/// The throttle of one deal. Callers pass the current time.
#[derive(Debug)]
pub struct Throttle {
    period: Duration,
    sent_at: Option<Instant>,
    due_at: Option<Instant>,
}

impl Throttle {
    /// Allows at most one frame in each `period`.
    #[must_use]
    pub const fn new(period: Duration) -> Self {
        Self { period, sent_at: None, due_at: None }
    }

    /// Sets the period. A send that is already scheduled keeps its time.
    pub const fn set_period(&mut self, period: Duration) {
        self.period = period;
    }

    /// Records a change and decides when to send it.
    pub fn record_change(&mut self, now: Instant) -> Schedule {
        let free_at = self.sent_at.map_or(now, |sent_at| sent_at + self.period);
        if free_at <= now {
            self.record_sent(now);
            Schedule::Now
        } else if self.due_at.is_some() {
            Schedule::AlreadyScheduled
        } else {
            self.due_at = Some(free_at);
            Schedule::At(free_at)
        }
    }

    /// Whether a scheduled send has fallen due. If so, it counts as sent.
    pub fn take_due(&mut self, now: Instant) -> bool {
        let is_due = self.due_at.is_some_and(|due_at| due_at <= now);
        if is_due {
            self.record_sent(now);
        }
        is_due
    }

    fn record_sent(&mut self, now: Instant) {
        self.sent_at = Some(now);
        self.due_at = None;
    }
}
