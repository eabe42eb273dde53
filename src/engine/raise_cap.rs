//! Raising a deal's cap.
//!
//! A node may refuse joins by its own note that a deal is sold out, without asking anybody, for [`COUNTS_FOR`]. So the order is:
//! admission is told first and stops saying "sold out"; then every note expires; then the cap is raised. No note can count at that time
//! or later. Waiting is right without Redis, too: a node that made its note before Redis went away still has it.

use std::time::Duration;

use super::sold_out::COUNTS_FOR;
use super::{Engine, to_the_end};
use crate::domain::{DealId, MerchantId, Progress};
use crate::store::{RaiseCapAnswer, StoreError};

/// From the moment when admission was told to the commit. What is added to [`COUNTS_FOR`] allows for the nodes' clocks.
const WAIT: Duration = COUNTS_FOR.saturating_add(Duration::from_millis(100));

/// The outcome of raising a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RaiseCapOutcome {
    /// The deal has the new cap.
    Raised(Progress),
    /// The deal had this cap already.
    Unchanged(Progress),
    /// This merchant has no such deal.
    NoSuchDeal,
    /// The deal is a draft.
    NotPublished,
    /// The deal is over, or its window is.
    Closed,
    /// The cap would become lower.
    NotInBuyersFavour,
}

impl Engine {
    /// Raises the cap of a merchant's deal, or takes it away (`None`). Takes more than a second.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn raise_cap(
        &self,
        merchant: MerchantId,
        deal: DealId,
        cap: Option<u32>,
    ) -> Result<RaiseCapOutcome, StoreError> {
        let engine = self.clone();
        to_the_end(async move {
            // Without Redis there is nothing to tell: no node asks it.
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
