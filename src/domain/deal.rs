//! A deal, and the changes of state that exist.

use chrono::{DateTime, Utc};

use super::ids::{AccountId, DealId};
use super::problem::FieldProblem;
use super::progress::{DealState, Progress};
use super::terms::Terms;

/// An offer with terms and a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deal {
    /// Its id.
    pub id: DealId,
    /// Who offers it.
    pub merchant: AccountId,
    /// The merchant's name, as buyers see it.
    pub merchant_name: String,
    /// What is offered.
    pub terms: Terms,
    /// How far it has come.
    pub progress: Progress,
    /// The name of its picture among the static files, if it has one.
    pub picture: Option<String>,
    /// Rises with every change of its texts; the `ETag` is made of this and the progress.
    pub version: i64,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was published.
    pub published_at: Option<DateTime<Utc>>,
    /// When it tipped.
    pub tipped_at: Option<DateTime<Utc>>,
    /// When it reached a final state.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it was withdrawn.
    pub withdrawn_reason: Option<String>,
}

/// What makes a deal change its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DealEvent {
    /// Its merchant publishes it.
    Publish,
    /// A join reached the tipping point.
    Tip,
    /// Its window is over.
    Close,
    /// A person takes it down.
    Withdraw,
}

/// A change of state that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a deal that is {} does not {event:?}", .from.as_str())]
pub struct NoSuchTransition {
    /// The state that the deal is in.
    pub from: DealState,
    /// What was asked of it.
    pub event: DealEvent,
}

impl DealState {
    /// The state after an event. Payments will add states here, and nowhere else. SQL has the same table: the functions of
    /// the migrations are tested against this one.
    ///
    /// # Errors
    /// The event does not happen to a deal in this state.
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
    /// Whether its window has not begun.
    #[must_use]
    pub fn opens_later(&self, now: DateTime<Utc>) -> bool {
        self.progress.state == DealState::Open && now < self.terms.opens_at
    }

    /// Whether buyers can join now, as far as state, window and cap tell.
    #[must_use]
    pub fn takes_joins(&self, now: DateTime<Utc>) -> bool {
        self.progress.state.sells()
            && now >= self.terms.opens_at
            && now < self.terms.closes_at
            && !self.progress.sold_out()
    }
}

/// Why a deal is taken down: 1 to 500 characters that buyers read.
///
/// # Errors
/// A problem with `/reason`.
pub fn parse_withdrawal_reason(text: &str) -> Result<String, FieldProblem> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(FieldProblem::new("reason", "required", "Say why: buyers read it.")),
        1..=500 if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        1..=500 => Err(FieldProblem::new("reason", "bad_character", "Remove the control characters.")),
        _ => Err(FieldProblem::new("reason", "too_long", "Use at most 500 characters.")),
    }
}
