//! Raising a deal's cap.
//!
//! For [`COUNTS_FOR`], a node may refuse joins from its local note that a deal is sold out. So the raise is announced
//! to admission first, which stops answering "sold out". The engine waits until every note has expired, and raises the
//! cap last. The wait is also needed while Redis is unavailable: a node may have a note from before the outage.

use std::time::Duration;

use super::sold_out::COUNTS_FOR;
use super::{Engine, run_to_completion};
use crate::domain::{DealId, MerchantId, Progress};
use crate::store::{RaiseCapAnswer, StoreError};

/// The wait between announcing and raising the cap. The margin above [`COUNTS_FOR`] covers timer inaccuracy between
/// nodes.
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
    /// The deal or its window is over.
    Closed,
    /// The new cap is lower than the current one.
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
            // A failure is harmless if Redis is unavailable to every node, because none of them uses admission. If only
            // this node has lost Redis, other nodes refuse by the old cap until the reconciler applies the raise.
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
