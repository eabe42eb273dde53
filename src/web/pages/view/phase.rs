//! What a visitor sees a deal as: its state, the window and the numbers, made one word.

use chrono::{DateTime, Utc};

use crate::domain::{DealState, Progress};
use crate::web::words::{PHASES, PhaseWords};

/// The states of the progress block. `static/js/progress.js` decides the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not published.
    Draft,
    /// Published, but the window has not begun.
    Scheduled,
    /// Below the tipping point.
    Open,
    /// Below the tipping point, at least four fifths of the way.
    Almost,
    /// Tipped, and still selling.
    On,
    /// Tipped, and no unit is left.
    SoldOut,
    /// The window is over, and the closer has not been here yet.
    Closing,
    /// Ended after it tipped.
    Happened,
    /// Ended below its tipping point.
    Failed,
    /// Taken down.
    Withdrawn,
}

impl Phase {
    /// The phase at this moment.
    #[must_use]
    pub fn of(progress: &Progress, opens_at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        match progress.state {
            DealState::Draft => Self::Draft,
            DealState::Succeeded => Self::Happened,
            DealState::Failed => Self::Failed,
            DealState::Withdrawn => Self::Withdrawn,
            DealState::Open | DealState::Tipped if now >= progress.closes_at => Self::Closing,
            DealState::Open | DealState::Tipped if progress.sold_out() => Self::SoldOut,
            DealState::Tipped => Self::On,
            DealState::Open if now < opens_at => Self::Scheduled,
            DealState::Open if u64::from(progress.buyers) * 5 >= u64::from(progress.tipping_point) * 4 => Self::Almost,
            DealState::Open => Self::Open,
        }
    }

    /// The word for it in markup.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Open => "open",
            Self::Almost => "almost",
            Self::On => "on",
            Self::SoldOut => "sold_out",
            Self::Closing => "closing",
            Self::Happened => "happened",
            Self::Failed => "failed",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// What is said in it.
    #[must_use]
    pub const fn words(self) -> &'static PhaseWords {
        match self {
            Self::Draft => &PHASES.draft,
            Self::Scheduled => &PHASES.scheduled,
            Self::Open => &PHASES.open,
            Self::Almost => &PHASES.almost,
            Self::On => &PHASES.on,
            Self::SoldOut => &PHASES.sold_out,
            Self::Closing => &PHASES.closing,
            Self::Happened => &PHASES.happened,
            Self::Failed => &PHASES.failed,
            Self::Withdrawn => &PHASES.withdrawn,
        }
    }

    /// Whether a buyer may join.
    #[must_use]
    pub const fn takes_joins(self) -> bool {
        matches!(self, Self::Open | Self::Almost | Self::On)
    }

    /// Whether joining may become possible while the page is open, so that the form should be there, hidden.
    #[must_use]
    pub const fn may_take_joins(self) -> bool {
        self.takes_joins() || matches!(self, Self::Scheduled | Self::SoldOut)
    }
}
