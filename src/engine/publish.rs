//! Publishing a draft.

use super::{Engine, run_to_completion};
use crate::domain::{Deal, DealId, MerchantId};
use crate::store::{PublishAnswer, StoreError};

/// The outcome of publishing a deal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishOutcome {
    /// The deal is open. Buyers can join when its window begins.
    Published(Box<Deal>),
    /// The merchant has no such deal.
    NoSuchDeal,
    /// The deal is not a draft.
    NotDraft,
    /// The deal's window is over.
    WindowOver,
}

impl Engine {
    /// Publishes a merchant's draft.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn publish(&self, merchant: MerchantId, deal: DealId) -> Result<PublishOutcome, StoreError> {
        let engine = self.clone();
        run_to_completion(async move {
            match engine.store.publish_deal(merchant, deal).await? {
                PublishAnswer::NoSuchDeal => return Ok(PublishOutcome::NoSuchDeal),
                PublishAnswer::NotDraft => return Ok(PublishOutcome::NotDraft),
                PublishAnswer::WindowOver => return Ok(PublishOutcome::WindowOver),
                PublishAnswer::Published(figures) => engine.announce(figures).await,
            }
            let Some(deal) = engine.store.deal(deal).await? else { return Ok(PublishOutcome::NoSuchDeal) };
            Ok(PublishOutcome::Published(Box::new(deal)))
        })
        .await
    }
}
