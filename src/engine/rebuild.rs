//! Redis again from Postgres, by hand: what is there is compared and repaired, what is missing is loaded.
//!
//! Nodes need none of this: they repair by themselves, and load a deal at its first join. Done before the crowd comes, that
//! join need not wait for it.

use futures_util::{StreamExt, stream};

use super::Engine;
use super::load::{Loaded, Loader};
use super::reconcile::Catching;
use crate::quota::LinkEvent;
use crate::store::StoreError;

/// Deals loaded at the same time.
const AT_ONCE: usize = 8;

/// How far rebuilding has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebuildStep {
    /// So many of so many deals were compared with Redis, and repaired there.
    Compared {
        /// How many were.
        done: usize,
        /// Of how many.
        total: usize,
    },
    /// So many of the deals that can be joined are in Redis.
    Loaded {
        /// How many are.
        done: usize,
        /// Of how many.
        total: usize,
    },
}

/// What rebuilding came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// Deals that were compared.
    pub looked_at: usize,
    /// Deals of which Redis said something else.
    pub repaired: usize,
    /// Deals that can be joined; all of them are in Redis now.
    pub loaded: usize,
}

/// Why Redis is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// It does not answer, or went away in the middle.
    #[error("Redis is away: joins go on without it, and nodes catch up with it when it is back")]
    RedisAway,
    /// Postgres does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Compares every deal that lives with Redis, and loads those that can be joined. Safe next to nodes that serve.
    ///
    /// # Errors
    /// Redis or Postgres is away: what was done by then is right, and it can be called again.
    pub async fn rebuild(&self, tell: impl Fn(RebuildStep) + Sync) -> Result<Rebuilt, RebuildError> {
        let event = self.quota.link_events().borrow().clone();
        let (LinkEvent::CatchingUp(link) | LinkEvent::Online(link)) = event else {
            return Err(RebuildError::RedisAway);
        };
        let compared = |done, total| tell(RebuildStep::Compared { done, total });
        let reconciled = self.reconcile_over(&link, None, Catching::Everything, &compared).await?;
        if !reconciled.whole {
            return Err(RebuildError::RedisAway);
        }
        self.quota.admit_over(&link);

        let deals = self.store.changed_deals(None).await?;
        let ids: Vec<_> = deals
            .iter()
            .map(|deal| deal.progress)
            .filter(|deal| !deal.state.is_final())
            .map(|deal| deal.deal)
            .collect();
        let (loader, total) = (Loader::new(self.store.clone(), self.quota.clone()), ids.len());
        let mut loads = stream::iter(ids)
            .map(|deal| {
                let loader = loader.clone();
                async move { loader.load(deal).await }
            })
            .buffer_unordered(AT_ONCE);
        let mut done = 0;
        while let Some(load) = loads.next().await {
            if load == Loaded::Away {
                return Err(RebuildError::RedisAway);
            }
            done += 1;
            tell(RebuildStep::Loaded { done, total });
        }
        Ok(Rebuilt { looked_at: reconciled.looked_at, repaired: reconciled.repaired, loaded: done })
    }
}
