//! Raising a deal's cap.
//!
//! For [`COUNTS_FOR`], a node may refuse joins from its local note that a deal is sold out. So the order is: admission
//! is told first and stops answering "sold out"; then every note expires; then the cap is raised. No note can be valid
//! at that time or later. The wait is also needed without Redis: a node may still have a note from before Redis became
//! unavailable.

use std::time::Duration;

use super::sold_out::COUNTS_FOR;
use super::{Engine, run_to_completion};
use crate::domain::{DealId, MerchantId, Progress};
use crate::store::{RaiseCapAnswer, StoreError};

/// The wait between telling admission and raising the cap. The margin above [`COUNTS_FOR`] allows for clock differences
/// between nodes.
const WAIT: Duration = COUNTS_FOR.saturating_add(Duration::from_millis(100));

/// The outcome of raising a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RaiseCapOutcome {
    /// The deal has the new cap.
    Raised(Progress),
    /// The deal already had this cap.
    Unchanged(Progress),
    /// The merchant has no such deal.
    NoSuchDeal,
    /// The deal is a draft.
    NotPublished,
    /// The deal is over, or its window is.
    Closed,
    /// The new cap is lower than the present one.
    NotInBuyersFavour,
}

impl Engine {
    /// Raises the cap of a merchant's deal, or removes it (`None`). Takes more than a second.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn raise_cap(
        &self,
        merchant: MerchantId,
        deal: DealId,
        cap: Option<u32>,
    ) -> Result<RaiseCapOutcome, StoreError> {
        let engine = self.clone();
        run_to_completion(async move {
            // If Redis is unavailable to every node, none asks it for admission, so the failure is harmless. If only this node
            // has lost it, the others refuse by the old cap until the reconciler applies the raise.
            engine.quota.announce_raise(deal, cap).await.ok();
            tokio::time::sleep(WAIT).await;
            Ok(match engine.store.raise_cap(merchant, deal, cap).await? {
                RaiseCapAnswer::Raised(figures) => {
                    engine.announce(figures).await;
                    RaiseCapOutcome::Raised(figures.progress)
                }
                RaiseCapAnswer::Unchanged(figures) => RaiseCapOutcome::Unchanged(figures.progress),
                RaiseCapAnswer::NoSuchDeal => RaiseCapOutcome::NoSuchDeal,
                RaiseCapAnswer::NotPublished => RaiseCapOutcome::NotPublished,
                RaiseCapAnswer::Closed => RaiseCapOutcome::Closed,
                RaiseCapAnswer::NotInBuyersFavour => RaiseCapOutcome::NotInBuyersFavour,
            })
        })
        .await
    }
}
