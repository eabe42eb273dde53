//! Withdrawing a deal.

use super::{Engine, run_to_completion};
use crate::domain::{Deal, DealId, MerchantId};
use crate::store::{StoreError, WithdrawAnswer};

/// The outcome of withdrawing a deal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WithdrawOutcome {
    /// The deal is withdrawn and its coupons are void.
    Withdrawn(Box<Deal>),
    /// The merchant has no such deal.
    NoSuchDeal,
    /// The deal has already succeeded or failed.
    Ended,
}

impl Engine {
    /// Withdraws a merchant's deal that is a draft, open or tipped.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn withdraw(
        &self,
        merchant: MerchantId,
        deal: DealId,
        reason: &str,
    ) -> Result<WithdrawOutcome, StoreError> {
        let (engine, reason) = (self.clone(), reason.to_owned());
        run_to_completion(async move {
            match engine.store.withdraw_deal(merchant, deal, &reason).await? {
                WithdrawAnswer::NoSuchDeal => return Ok(WithdrawOutcome::NoSuchDeal),
                WithdrawAnswer::Ended => return Ok(WithdrawOutcome::Ended),
                WithdrawAnswer::Withdrawn(figures) => engine.announce(figures).await,
            }
            let Some(deal) = engine.store.deal(deal).await? else { return Ok(WithdrawOutcome::NoSuchDeal) };
            Ok(WithdrawOutcome::Withdrawn(Box::new(deal)))
        })
        .await
    }
}
