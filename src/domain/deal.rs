//! Deals, and the transitions between their states.

use chrono::{DateTime, Utc};

use super::ids::{AccountId, DealId};
use super::problem::{FieldProblem, FieldProblemKind};
use super::progress::{DealState, Progress};
use super::terms::Terms;

/// An offer with terms, a window and a tipping point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deal {
    pub id: DealId,
    pub merchant: AccountId,
    /// The merchant's name, as buyers see it.
    pub merchant_name: String,
    pub terms: Terms,
    pub progress: Progress,
    /// The name of the deal's picture among the static files.
    pub picture: Option<String>,
    /// Rises with every change of the texts. The `ETag` combines it with the progress.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub published_at: Option<DateTime<Utc>>,
    pub tipped_at: Option<DateTime<Utc>>,
    /// The moment at which the deal reached a final state.
    pub ended_at: Option<DateTime<Utc>>,
    /// The merchant's words, for buyers to read.
    pub withdrawn_reason: Option<String>,
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
    /// The deal's state.
    pub from: DealState,
    /// The event.
    pub event: DealEvent,
}

impl DealState {
    /// The state after an event. The SQL functions encode the same table and are tested against this one.
    ///
    /// # Errors
    /// The event does not apply to this state.
    pub fn after(self, event: DealEvent) -> Result<Self, NoSuchTransition> {
        match (self, event) {
            (Self::Draft, DealEvent::Publish) => Ok(Self::Open),
            (Self::Open, DealEvent::Tip) => Ok(Self::Tipped),
            (Self::Open, DealEvent::Close) => Ok(Self::Failed),
            (Self::Tipped, DealEvent::Close) => Ok(Self::Succeeded),
            (Self::Draft | Self::Open | Self::Tipped, DealEvent::Withdraw) => Ok(Self::Withdrawn),
            (from, event) => Err(NoSuchTransition { from, event }),
        }
    }
}

impl Deal {
    /// Whether the deal is published and has not opened yet.
    #[must_use]
    pub fn opens_later(&self, now: DateTime<Utc>) -> bool {
        self.progress.state == DealState::Open && now < self.terms.opens_at
    }

    /// Whether buyers can join now, judging by state, window and cap.
    #[must_use]
    pub fn takes_joins(&self, now: DateTime<Utc>) -> bool {
        self.progress.state.sells()
            && now >= self.terms.opens_at
            && now < self.terms.closes_at
            && !self.progress.sold_out()
    }
}

/// Reads the reason for withdrawing a deal: 1 to 500 characters that buyers see.
///
/// # Errors
/// A problem with `/reason`.
pub fn parse_withdrawal_reason(text: &str) -> Result<String, FieldProblem> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(FieldProblem::new("reason", FieldProblemKind::ReasonRequired)),
        1..=500 if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        1..=500 => Err(FieldProblem::new("reason", FieldProblemKind::BadCharacter)),
        _ => Err(FieldProblem::new("reason", FieldProblemKind::TooLong { max: 500 })),
    }
}
