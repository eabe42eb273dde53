//! The states of a deal with their data, and the transitions between them.

use chrono::{DateTime, Utc};

use super::progress::DealState;

/// The state of a deal, with the times at which it changed. Only transitions change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    Draft,
    Open {
        published_at: DateTime<Utc>,
    },
    Tipped {
        published_at: DateTime<Utc>,
        tipped_at: DateTime<Utc>,
    },
    Succeeded {
        published_at: DateTime<Utc>,
        tipped_at: DateTime<Utc>,
        ended_at: DateTime<Utc>,
    },
    Failed {
        published_at: DateTime<Utc>,
        ended_at: DateTime<Utc>,
    },
    Withdrawn {
        /// `None` if the deal was a draft.
        published_at: Option<DateTime<Utc>>,
        /// `None` if the deal had not tipped.
        tipped_at: Option<DateTime<Utc>>,
        ended_at: DateTime<Utc>,
        /// The merchant's reason, shown to buyers.
        reason: String,
    },
}

/// An event that moves a deal from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DealEvent {
    /// The merchant publishes the deal.
    Publish,
    /// A join reaches the tipping point.
    Tip,
    /// The window ends.
    Close,
    /// The merchant withdraws the deal.
    Withdraw,
}

/// An event that does not apply to the deal's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a deal that is {} does not {event:?}", .from.as_str())]
pub struct NoSuchTransition {
    pub from: DealState,
    pub event: DealEvent,
}

/// The columns that store a [`Lifecycle`] beside its state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LifecycleColumns {
    pub published_at: Option<DateTime<Utc>>,
    pub tipped_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub withdrawn_reason: Option<String>,
}

impl Lifecycle {
    /// The lifecycle in this state with these columns. `None` if they contradict the state.
    #[must_use]
    pub fn read(state: DealState, columns: LifecycleColumns) -> Option<Self> {
        let LifecycleColumns { published_at, tipped_at, ended_at, withdrawn_reason } = columns;
        Some(match (state, published_at, tipped_at, ended_at, withdrawn_reason) {
            (DealState::Draft, None, None, None, None) => Self::Draft,
            (DealState::Open, Some(published_at), None, None, None) => Self::Open { published_at },
            (DealState::Tipped, Some(published_at), Some(tipped_at), None, None) => {
                Self::Tipped { published_at, tipped_at }
            }
            (DealState::Succeeded, Some(published_at), Some(tipped_at), Some(ended_at), None) => {
                Self::Succeeded { published_at, tipped_at, ended_at }
            }
            (DealState::Failed, Some(published_at), None, Some(ended_at), None) => {
                Self::Failed { published_at, ended_at }
            }
            (DealState::Withdrawn, published_at, tipped_at, Some(ended_at), Some(reason))
                if published_at.is_some() || tipped_at.is_none() =>
            {
                Self::Withdrawn { published_at, tipped_at, ended_at, reason }
            }
            _ => return None,
        })
    }

    /// The state without its data.
    #[must_use]
    pub const fn state(&self) -> DealState {
        match self {
            Self::Draft => DealState::Draft,
            Self::Open { .. } => DealState::Open,
            Self::Tipped { .. } => DealState::Tipped,
            Self::Succeeded { .. } => DealState::Succeeded,
            Self::Failed { .. } => DealState::Failed,
            Self::Withdrawn { .. } => DealState::Withdrawn,
        }
    }

    /// The merchant publishes the deal.
    ///
    /// # Errors
    /// The deal is not a draft.
    pub fn publish(self, at: DateTime<Utc>) -> Result<Self, NoSuchTransition> {
        match self {
            Self::Draft => Ok(Self::Open { published_at: at }),
            other => Err(other.refuses(DealEvent::Publish)),
        }
    }

    /// A join reaches the tipping point.
    ///
    /// # Errors
    /// The deal is not open.
    pub fn tip(self, at: DateTime<Utc>) -> Result<Self, NoSuchTransition> {
        match self {
            Self::Open { published_at } => Ok(Self::Tipped { published_at, tipped_at: at }),
            other => Err(other.refuses(DealEvent::Tip)),
        }
    }

    /// The window ends: a tipped deal succeeds, and an open one fails.
    ///
    /// # Errors
    /// The deal is neither open nor tipped.
    pub fn close(self, at: DateTime<Utc>) -> Result<Self, NoSuchTransition> {
        match self {
            Self::Open { published_at } => Ok(Self::Failed { published_at, ended_at: at }),
            Self::Tipped { published_at, tipped_at } => Ok(Self::Succeeded { published_at, tipped_at, ended_at: at }),
            other => Err(other.refuses(DealEvent::Close)),
        }
    }

    /// The merchant withdraws the deal.
    ///
    /// # Errors
    /// The deal has ended.
    pub fn withdraw(self, at: DateTime<Utc>, reason: String) -> Result<Self, NoSuchTransition> {
        if !self.may_be_withdrawn() {
            return Err(self.refuses(DealEvent::Withdraw));
        }
        let (published_at, tipped_at) = (self.published_at(), self.tipped_at());
        Ok(Self::Withdrawn { published_at, tipped_at, ended_at: at, reason })
    }

    const fn refuses(&self, event: DealEvent) -> NoSuchTransition {
        NoSuchTransition { from: self.state(), event }
    }

    /// Whether the merchant can publish the deal.
    #[must_use]
    pub const fn may_be_published(&self) -> bool {
        matches!(self, Self::Draft)
    }

    /// Whether the merchant can withdraw the deal.
    #[must_use]
    pub const fn may_be_withdrawn(&self) -> bool {
        matches!(self, Self::Draft | Self::Open { .. } | Self::Tipped { .. })
    }

    /// Whether the merchant can change all terms, and not only the texts.
    #[must_use]
    pub const fn terms_may_change(&self) -> bool {
        matches!(self, Self::Draft)
    }

    /// Whether everybody can see the deal. If not, only its merchant can.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        self.published_at().is_some()
    }

    #[must_use]
    pub const fn published_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Draft => None,
            Self::Open { published_at }
            | Self::Tipped { published_at, .. }
            | Self::Succeeded { published_at, .. }
            | Self::Failed { published_at, .. } => Some(*published_at),
            Self::Withdrawn { published_at, .. } => *published_at,
        }
    }

    #[must_use]
    pub const fn tipped_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Draft | Self::Open { .. } | Self::Failed { .. } => None,
            Self::Tipped { tipped_at, .. } | Self::Succeeded { tipped_at, .. } => Some(*tipped_at),
            Self::Withdrawn { tipped_at, .. } => *tipped_at,
        }
    }

    /// When the deal reached a final state.
    #[must_use]
    pub const fn ended_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Draft | Self::Open { .. } | Self::Tipped { .. } => None,
            Self::Succeeded { ended_at, .. } | Self::Failed { ended_at, .. } | Self::Withdrawn { ended_at, .. } => {
                Some(*ended_at)
            }
        }
    }

    #[must_use]
    pub fn withdrawn_reason(&self) -> Option<&str> {
        match self {
            Self::Withdrawn { reason, .. } => Some(reason),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "lifecycle_tests.rs"]
mod tests;
