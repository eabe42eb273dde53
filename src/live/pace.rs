//! When a deal's next frame may go out: at once after a quiet spell, else when the period is over, and then the latest.

use std::time::Duration;

use tokio::time::Instant;

/// What to do with a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Send it now.
    Now,
    /// Send whatever is the latest at this moment.
    At(Instant),
    /// That moment is already arranged: this change replaces the one that was waiting.
    Waiting,
}

/// One deal's pace. The caller brings the time.
#[derive(Debug)]
pub struct Pace {
    period: Duration,
    sent_at: Option<Instant>,
    due: Option<Instant>,
}

impl Pace {
    /// A pace of at most one frame in each `period`.
    #[must_use]
    pub const fn new(period: Duration) -> Self {
        Self { period, sent_at: None, due: None }
    }

    /// From the next change on, this period counts.
    pub const fn keep(&mut self, period: Duration) {
        self.period = period;
    }

    /// Takes note of a change.
    pub fn change(&mut self, now: Instant) -> Turn {
        let free_at = self.sent_at.map_or(now, |sent_at| sent_at + self.period);
        if free_at <= now {
            self.sent(now);
            Turn::Now
        } else if self.due.replace(free_at).is_some() {
            Turn::Waiting
        } else {
            Turn::At(free_at)
        }
    }

    /// Whether a change waits for its moment and the moment has come; if so it counts as sent.
    pub fn come_due(&mut self, now: Instant) -> bool {
        let due = self.due.is_some_and(|due| due <= now);
        if due {
            self.sent(now);
        }
        due
    }

    fn sent(&mut self, now: Instant) {
        self.sent_at = Some(now);
        self.due = None;
    }
}
