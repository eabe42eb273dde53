//! `muster reconcile`: compares every live deal with Redis and repairs differences in Redis. After that, it loads every
//! open or tipped deal.
//!
//! Nodes do not depend on this command: they reconcile periodically, and load a deal at its first join. Loading before
//! a rush spares the first join that wait.

use futures_util::{StreamExt, stream};

use super::Engine;
use super::load::{Loaded, Loader};
use super::reconcile::Catching;
use crate::quota::LinkEvent;
use crate::store::StoreError;

/// The maximum number of concurrent loads.
const CONCURRENT_LOADS: usize = 8;

/// The progress of reconciling everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReconcileStep {
    /// Deals were compared with Redis, and differences in Redis were repaired.
    Compared {
        /// Deals compared so far.
        done: usize,
        /// Deals to compare.
        total: usize,
    },
    /// Deals that can be joined were loaded into Redis.
    Loaded {
        /// Deals loaded so far.
        done: usize,
        /// Deals to load.
        total: usize,
    },
}

/// The result of reconciling everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconciledAll {
    /// Deals that were compared.
    pub looked_at: usize,
    /// Deals that differed in Redis.
    pub repaired: usize,
    /// Deals that can be joined. All of them are loaded now.
    pub loaded: usize,
}

/// Why Redis may still differ from Postgres.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// Redis is unavailable, or failed before everything was reconciled.
    #[error("Redis is unavailable: joins continue without it, and nodes catch up when they have connected again")]
    RedisUnavailable,
    /// Postgres does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Compares every live deal with Redis, and loads those that can be joined. Safe while nodes are serving.
    ///
    /// # Errors
    /// Redis or Postgres is unavailable. The repairs and loads done so far stay, and the call can be repeated.
    pub async fn reconcile_all(&self, on_step: impl Fn(ReconcileStep) + Sync) -> Result<ReconciledAll, ReconcileError> {
        let event = self.quota.link_events().borrow().clone();
        let (LinkEvent::CatchingUp(link) | LinkEvent::Online(link)) = event else {
            return Err(ReconcileError::RedisUnavailable);
        };
        let on_compared = |done, total| on_step(ReconcileStep::Compared { done, total });
        let reconciled = self.reconcile_over(&link, None, Catching::Everything, &on_compared).await?;
        if !reconciled.whole {
            return Err(ReconcileError::RedisUnavailable);
        }
        self.quota.admit_over(&link);

        let deals = self.store.changed_deals(None).await?;
        let live = deals.iter().map(|deal| deal.progress).filter(|progress| !progress.state.is_final());
        let ids: Vec<_> = live.map(|progress| progress.deal).collect();
        let (loader, total) = (Loader::new(self.store.clone(), self.quota.clone()), ids.len());
        let mut loads = stream::iter(ids)
            .map(|deal| {
                let loader = loader.clone();
                async move { loader.load(deal).await }
            })
            .buffer_unordered(CONCURRENT_LOADS);
        let mut done = 0;
        while let Some(load) = loads.next().await {
            if load == Loaded::Unavailable {
                return Err(ReconcileError::RedisUnavailable);
            }
            done += 1;
            on_step(ReconcileStep::Loaded { done, total });
        }
        Ok(ReconciledAll { looked_at: reconciled.looked_at, repaired: reconciled.repaired, loaded: done })
    }
}
