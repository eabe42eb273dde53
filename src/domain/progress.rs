//! The progress of a deal: the figures that pages and live frames show, and by which Redis admits.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::DealId;

/// The state of a deal. A tipped deal never becomes open again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DealState {
    /// Not published; only its merchant sees it.
    Draft,
    /// Published and below its tipping point. The window may not have begun.
    Open,
    /// The tipping point was reached. The deal keeps selling until it closes.
    Tipped,
    /// Closed after it tipped.
    Succeeded,
    /// Closed below its tipping point, so nobody pays.
    Failed,
    /// Ended early by its merchant.
    Withdrawn,
}

impl DealState {
    /// Every state, in the order of a deal's life.
    pub const ALL: [Self; 6] = [Self::Draft, Self::Open, Self::Tipped, Self::Succeeded, Self::Failed, Self::Withdrawn];

    /// The word for this state in SQL, JSON and Redis.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Tipped => "tipped",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Parses a word of [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether buyers may join while the window is open and units are left.
    #[must_use]
    pub const fn sells(self) -> bool {
        matches!(self, Self::Open | Self::Tipped)
    }

    /// Whether buyers get coupons, now or soon.
    #[must_use]
    pub const fn issues_coupons(self) -> bool {
        matches!(self, Self::Tipped | Self::Succeeded)
    }

    /// Whether buyers may leave while the window is open.
    #[must_use]
    pub const fn lets_buyers_leave(self) -> bool {
        matches!(self, Self::Open)
    }

    /// Whether the deal has ended, so that no event changes its state.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Withdrawn)
    }
}

/// The figures of a deal at one version of its row.
///
/// They are totals, never differences, so the figures with the highest `(epoch, rev)` replace all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The deal that the figures are of.
    pub deal: DealId,
    /// The history of Postgres that `rev` belongs to. It rises when a failover or a restored backup loses commits.
    pub epoch: i64,
    /// The version of the deal's row within the epoch.
    pub rev: i64,
    /// The state at this version.
    pub state: DealState,
    /// Distinct buyers who hold at least one unit.
    pub buyers: u32,
    /// Units taken.
    pub units: u32,
    /// The number of distinct buyers at which the deal tips.
    pub tipping_point: u32,
    /// The maximum number of units that the deal sells; `None` without a limit.
    pub cap: Option<u32>,
    /// The end of the window.
    pub closes_at: DateTime<Utc>,
}

impl Progress {
    /// The number of buyers still missing to the tipping point.
    #[must_use]
    pub const fn needed(&self) -> u32 {
        self.tipping_point.saturating_sub(self.buyers)
    }

    /// The units still free under the cap; `None` without a cap.
    #[must_use]
    pub fn left(&self) -> Option<u32> {
        self.cap.map(|cap| cap.saturating_sub(self.units))
    }

    /// Whether no unit is left. This is not a state: the deal stays open or tipped.
    #[must_use]
    pub fn sold_out(&self) -> bool {
        self.left() == Some(0)
    }

    /// Epoch and rev, by which two sets of figures are compared.
    #[must_use]
    pub const fn version(&self) -> (i64, i64) {
        (self.epoch, self.rev)
    }

    /// Whether these figures replace `other`.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.version() > other.version()
    }
}

/// The figures in API answers and live frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Progress)]
pub struct Figures {
    /// Rises when the server loses commits. Figures of a higher epoch replace all others.
    pub epoch: i64,
    /// The version of the figures within the epoch.
    pub rev: i64,
    /// The state at this version.
    pub state: DealState,
    /// Distinct buyers who joined.
    pub buyers: u32,
    /// The number of buyers still missing to the tipping point.
    pub needed: u32,
    /// The number of distinct buyers at which the deal tips.
    pub tipping_point: u32,
    /// Units taken.
    pub units: u32,
    /// The units still free; null without a cap.
    pub left: Option<u32>,
    /// The maximum number of units that the deal sells; null without a cap.
    pub cap: Option<u32>,
    /// The end of the window.
    pub closes_at: DateTime<Utc>,
}

impl From<&Progress> for Figures {
    fn from(progress: &Progress) -> Self {
        Self {
            epoch: progress.epoch,
            rev: progress.rev,
            state: progress.state,
            buyers: progress.buyers,
            needed: progress.needed(),
            tipping_point: progress.tipping_point,
            units: progress.units,
            left: progress.left(),
            cap: progress.cap,
            closes_at: progress.closes_at,
        }
    }
}
