//! Keeps staff out of the deals of their own merchants: nobody tips a deal alone.

use super::Engine;
use crate::domain::{JoinRequest, StaffOf};
use crate::store::StoreError;

impl Engine {
    /// Whether to refuse this join because the buyer is staff of the deal's merchant. A buyer who is staff of no merchant costs no I/O.
    ///
    /// A request that was recorded before is not refused: it repeats the join of somebody who became staff later.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn is_own_deal(&self, staff_of: &StaffOf, request: &JoinRequest) -> Result<bool, StoreError> {
        if staff_of.is_empty() {
            return Ok(false);
        }
        let deal = self.store.shared_deal(request.deal).await?;
        if !deal.is_some_and(|deal| staff_of.contains(deal.merchant)) {
            return Ok(false);
        }
        Ok(self.store.signup(request.buyer, request.id).await?.is_none())
    }
}
