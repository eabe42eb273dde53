//! Joining a deal.

use super::Engine;
use super::lanes::Slot;
use crate::domain::{AccountId, DealId, JoinOutcome, JoinRequest, SignupId};

/// A place in the queue that is reserved for a join. Freed when dropped.
pub struct Place {
    /// None if the join will be refused in any case.
    _slot: Option<Slot>,
}

impl Engine {
    /// Joins a deal: takes a place in the lane's queue, asks Redis for admission, and records a batch in Postgres.
    ///
    /// Dropping the future does not cancel a queued join. A retry with the same key learns its outcome.
    pub async fn join(&self, request: JoinRequest) -> JoinOutcome {
        let outcome = self.lanes.join(request).await;
        if outcome == JoinOutcome::Pending(request.id) {
            self.quota.note_pending(&request).await;
        }
        outcome
    }

    /// The outcome of a join to this deal if its queue is full. Costs next to nothing, so a request checks it before rate limits and
    /// look-ups. [`Engine::join`] may still find the queue full.
    #[must_use]
    pub fn turn_away(&self, deal: DealId, buyer: AccountId) -> Option<JoinOutcome> {
        self.lanes.turn_away(deal, buyer)
    }

    /// Reserves a place in the queue while the buyer's token is looked up, so a rush of unknown tokens cannot flood Postgres.
    ///
    /// # Errors
    /// The queue is full: the outcome to send.
    pub fn keep_place(&self, deal: DealId) -> Result<Place, JoinOutcome> {
        self.lanes.place(deal).map(|slot| Place { _slot: slot })
    }

    /// The deal of this buyer's signup if the signup is still being recorded after a 202.
    pub async fn pending(&self, buyer: AccountId, signup: SignupId) -> Option<DealId> {
        self.quota.pending(buyer, signup).await.ok().flatten()
    }
}
