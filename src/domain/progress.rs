//! How far a deal has come: the figures that pages, live frames and Redis show.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::DealId;

/// The state of a deal's row. `tipped → open` does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DealState {
    /// Being written; only its merchant sees it.
    Draft,
    /// Published, below its tipping point. Before `opens_at` it is shown as "opens …".
    Open,
    /// The tipping point was reached; the deal is on, and goes on selling until it closes.
    Tipped,
    /// Closed after it tipped.
    Succeeded,
    /// Closed below its tipping point: nobody pays.
    Failed,
    /// Taken down by a person.
    Withdrawn,
}

impl DealState {
    /// Every state, in the order of a deal's life.
    pub const ALL: [Self; 6] = [Self::Draft, Self::Open, Self::Tipped, Self::Succeeded, Self::Failed, Self::Withdrawn];

    /// The word for it in SQL, JSON and Redis.
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

    /// The state of this word, if it is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether buyers may join (if the window is open and places are left).
    #[must_use]
    pub const fn sells(self) -> bool {
        matches!(self, Self::Open | Self::Tipped)
    }

    /// Whether nothing can happen to the deal any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Withdrawn)
    }
}

/// The figures of a deal at one version of its row. Absolute, so the newest `(epoch, rev)` is all that anybody needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Whose figures these are.
    pub deal: DealId,
    /// Which Postgres history the version belongs to; rises after a failover that lost commits.
    pub epoch: i64,
    /// Version of the deal's row within its epoch.
    pub rev: i64,
    /// The deal's state.
    pub state: DealState,
    /// Distinct buyers who hold at least one unit.
    pub buyers: u32,
    /// Units taken.
    pub units: u32,
    /// Distinct buyers that make the deal happen.
    pub tipping_point: u32,
    /// The most units that the deal sells; none = unlimited.
    pub cap: Option<u32>,
    /// When the window ends.
    pub closes_at: DateTime<Utc>,
}

impl Progress {
    /// Buyers still missing to the tipping point.
    #[must_use]
    pub const fn needed(&self) -> u32 {
        self.tipping_point.saturating_sub(self.buyers)
    }

    /// Units still free under the cap; none without a cap.
    #[must_use]
    pub fn left(&self) -> Option<u32> {
        self.cap.map(|cap| cap.saturating_sub(self.units))
    }

    /// Whether no unit is left. A flag, never a state.
    #[must_use]
    pub fn sold_out(&self) -> bool {
        self.left() == Some(0)
    }

    /// What decides which of two figures is newer.
    #[must_use]
    pub const fn version(&self) -> (i64, i64) {
        (self.epoch, self.rev)
    }

    /// Whether these figures replace the others.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.version() > other.version()
    }
}

/// The figures as the API and the live frames show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Progress)]
pub struct Figures {
    /// See [`Progress::epoch`].
    pub epoch: i64,
    /// See [`Progress::rev`].
    pub rev: i64,
    /// The deal's state.
    pub state: DealState,
    /// Distinct buyers who joined.
    pub buyers: u32,
    /// Buyers still missing to the tipping point.
    pub needed: u32,
    /// Distinct buyers that make the deal happen.
    pub tipping_point: u32,
    /// Units taken.
    pub units: u32,
    /// Units still free; null without a cap.
    pub left: Option<u32>,
    /// The most units that the deal sells; null without a cap.
    pub cap: Option<u32>,
    /// When the window ends.
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
