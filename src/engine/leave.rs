//! Leaving a deal before it tips.

use super::Engine;
use crate::domain::{AccountId, LeaveOutcome, SignupId};

impl Engine {
    /// Gives a signup up. The same lane as the deal's joins, so that the order in which they are decided is one.
    pub async fn leave(&self, buyer: AccountId, signup: SignupId) -> LeaveOutcome {
        let found = match self.ledger.signup(buyer, signup).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "a signup could not be read");
                return LeaveOutcome::Busy { retry_after_s: 1 };
            }
        };
        match found {
            Some(found) => self.lanes.leave(found.id, found.deal, buyer).await,
            None if self.pending(buyer, signup).await.is_some() => LeaveOutcome::Pending,
            None => LeaveOutcome::NoSuchSignup,
        }
    }
}
