//! Joining a deal.

use super::Engine;
use super::lanes::Slot;
use crate::domain::{AccountId, DealId, JoinOutcome, JoinRequest, SignupId};

/// A slot in a deal's lane, reserved for a join. Freed when dropped.
pub struct Reservation {
    /// `None` if the deal is sold out for this caller, whose join is refused without entering the lane.
    slot: Option<Slot>,
}

/// The lane has no free slot: nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneFull {
    /// Seconds to wait before a retry.
    pub retry_after_s: u32,
}

impl From<LaneFull> for JoinOutcome {
    fn from(full: LaneFull) -> Self {
        Self::Busy { retry_after_s: full.retry_after_s }
    }
}

impl Engine {
    /// Reserves a slot for a join. This is cheap, so it comes before rate limits and lookups.
    ///
    /// `buyer` is `None` while the caller is being identified: the slot bounds these lookups, so a flood of unknown
    /// tokens cannot overload Postgres.
    ///
    /// # Errors
    /// The lane is full.
    pub fn reserve(&self, deal: DealId, buyer: Option<AccountId>) -> Result<Reservation, LaneFull> {
        self.lanes.reserve(deal, buyer).map(|slot| Reservation { slot })
    }

    /// Reserves a slot and joins a deal from it.
    pub async fn join(&self, request: JoinRequest) -> JoinOutcome {
        match self.reserve(request.deal, Some(request.buyer)) {
            Ok(reservation) => self.join_from(reservation, request).await,
            Err(full) => full.into(),
        }
    }

    /// Joins a deal from a reserved slot: Redis admits the request, and Postgres records it in a batch.
    ///
    /// Dropping the future does not cancel a queued join. A retry with the same key returns the outcome.
    pub async fn join_from(&self, reservation: Reservation, request: JoinRequest) -> JoinOutcome {
        let outcome = self.lanes.join(reservation.slot, request).await;
        if outcome == JoinOutcome::Pending(request.id) {
            self.quota.note_pending(&request).await;
        }
        outcome
    }

    /// The deal of this buyer's signup if the signup is still being recorded after a 202.
    pub async fn pending(&self, buyer: AccountId, signup: SignupId) -> Option<DealId> {
        self.quota.pending(buyer, signup).await.ok().flatten()
    }
}

impl Reservation {
    /// Whether the reservation has a slot. It has none if the deal is sold out for the caller.
    #[must_use]
    pub fn is_queued(&self) -> bool {
        self.slot.is_some()
    }
}
