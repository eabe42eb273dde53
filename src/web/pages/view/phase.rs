//! The phase of a deal: its state, window and figures reduced to one value for display.

use chrono::{DateTime, Utc};

use crate::domain::{DealState, Progress};
use crate::web::words::{PHASES, PhaseWords};

/// The phase that a page shows. `phaseOf` in `static/js/progress.js` must decide the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not published.
    Draft,
    /// Published, before the window.
    Scheduled,
    /// Open, below four fifths of the tipping point.
    Open,
    /// Open, at four fifths of the tipping point or more.
    Almost,
    /// Tipped, with units left.
    On,
    /// No unit is left.
    SoldOut,
    /// After the window; the closer has not ended the deal yet.
    Closing,
    /// Succeeded: the window is over and the deal had tipped.
    Happened,
    /// The window is over and the deal had not tipped.
    Failed,
    /// Withdrawn by its merchant.
    Withdrawn,
}

impl Phase {
    /// The phase at the time `now`.
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

    /// The phase's name in HTML and scripts.
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

    /// The phase's texts.
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

    /// Whether a buyer may join, or may become able to while the page is open. If so, the page contains the join form,
    /// which may be hidden.
    #[must_use]
    pub const fn may_take_joins(self) -> bool {
        self.takes_joins() || matches!(self, Self::Scheduled | Self::SoldOut)
    }
}
