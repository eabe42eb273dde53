//! Refuses joins of staff to deals of their own merchant, so that a merchant cannot tip its own deals.

use super::Engine;
use crate::domain::{JoinRequest, StaffOf};
use crate::store::StoreError;

impl Engine {
    /// Whether to refuse this join because the buyer is staff of the deal's merchant. For a buyer who is staff of no
    /// merchant, this does no I/O.
    ///
    /// A request that is recorded already is not refused: the buyer may have become staff after joining.
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
