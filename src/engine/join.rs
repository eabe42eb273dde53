//! Joining a deal.

use super::Engine;
use super::lanes::Slot;
use crate::domain::{AccountId, DealId, JoinOutcome, JoinRequest, SignupId};

/// A place that is kept for a join; free again when it is dropped.
pub struct Place {
    /// None where nobody needs one.
    _slot: Option<Slot>,
}

impl Engine {
    /// Joins a deal: a place in the lane's queue, admission by Redis, a batch in Postgres.
    ///
    /// Dropping the future does not undo anything: what was queued is decided all the same, and a repetition with the same
    /// key learns the outcome.
    pub async fn join(&self, request: JoinRequest) -> JoinOutcome {
        let outcome = self.lanes.join(request).await;
        if outcome == JoinOutcome::Pending(request.id) {
            self.quota.note_pending(&request).await;
        }
        outcome
    }

    /// What a join to this deal is told when there is no room for it now; else it may still be told so by [`Engine::join`]. Costs
    /// next to nothing, so it comes before all that a request costs and is counted for.
    #[must_use]
    pub fn turn_away(&self, deal: DealId, buyer: AccountId) -> Option<JoinOutcome> {
        self.lanes.turn_away(deal, buyer)
    }

    /// A place for a join to this deal, for as long as somebody is asked who the buyer is: no more wait for that than could join.
    ///
    /// # Errors
    /// There is none: what the join is told.
    pub fn keep_place(&self, deal: DealId) -> Result<Place, JoinOutcome> {
        self.lanes.place(deal).map(|slot| Place { _slot: slot })
    }

    /// The deal of this buyer's signup that is still being recorded, if it is: for those who ask after a 202.
    pub async fn pending(&self, buyer: AccountId, signup: SignupId) -> Option<DealId> {
        self.quota.pending(buyer, signup).await.ok().flatten()
    }
}
