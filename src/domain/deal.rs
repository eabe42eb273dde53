//! Deals, and the reason for withdrawing one.

use chrono::{DateTime, Utc};

use super::ids::{DealId, MerchantId};
use super::lifecycle::Lifecycle;
use super::problem::{FieldProblem, FieldProblemKind};
use super::progress::{DealState, Progress};
use super::terms::Terms;

/// An offer with terms, a window and a tipping point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deal {
    pub id: DealId,
    pub merchant: MerchantId,
    /// The merchant's name, as buyers see it.
    pub merchant_name: String,
    pub terms: Terms,
    pub progress: Progress,
    /// The name of the deal's picture among the static files.
    pub picture: Option<String>,
    /// The version of everything but the figures. It rises when the merchant edits, publishes or withdraws the deal or
    /// raises its cap, and when the deal is closed. The `ETag` combines it with the progress.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    /// The same state as in `progress`, with its data.
    pub lifecycle: Lifecycle,
}

impl Deal {
    /// Whether the deal is published and its window has not begun.
    #[must_use]
    pub fn opens_later(&self, now: DateTime<Utc>) -> bool {
        self.progress.state == DealState::Open && now < self.terms.opens_at
    }

    /// Whether state, window and cap let buyers join now.
    #[must_use]
    pub fn takes_joins(&self, now: DateTime<Utc>) -> bool {
        self.progress.state.sells()
            && now >= self.terms.opens_at
            && now < self.terms.closes_at
            && !self.progress.sold_out()
    }
}

/// Parses the reason for withdrawing a deal, which buyers see: 1 to 500 characters.
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
