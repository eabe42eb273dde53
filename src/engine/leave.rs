//! Leaving a deal before it tips.

use super::Engine;
use crate::domain::{AccountId, LeaveOutcome, SignupId};

impl Engine {
    /// Gives up a signup. The leave goes through the same lane as the deal's joins, so joins and leaves have one order.
    pub async fn leave(&self, buyer: AccountId, signup: SignupId) -> LeaveOutcome {
        let found = match self.store.signup(buyer, signup).await {
            Ok(None) if self.pending(buyer, signup).await.is_some() => return LeaveOutcome::Pending,
            // The signup may have been recorded between the two lookups.
            Ok(None) => self.store.signup(buyer, signup).await,
            found => found,
        };
        match found {
            Ok(Some(found)) => self.lanes.leave(found.id, found.deal, buyer).await,
            Ok(None) => LeaveOutcome::NoSuchSignup,
            Err(error) => {
                tracing::warn!(%error, "cannot read a signup");
                LeaveOutcome::Busy { retry_after_s: 1 }
            }
        }
    }
}
