//! `muster reconcile`: compares every live deal with Redis and repairs it there, then loads every deal that can be joined.
//!
//! Nodes do not need it: they repair by themselves, and load a deal at its first join. Run before a rush, it spares
//! that join the wait for the load.

use futures_util::{StreamExt, stream};

use super::Engine;
use super::load::{Loaded, Loader};
use super::reconcile::Catching;
use crate::quota::LinkEvent;
use crate::store::StoreError;

/// Deals loaded at the same time.
const AT_ONCE: usize = 8;

/// The progress of reconciling everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReconcileStep {
    /// Deals were compared with Redis, and repaired there.
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
    /// Deals that can be joined; all of them are in Redis now.
    pub loaded: usize,
}

/// Why Redis may still differ from Postgres.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// Redis is unavailable, or failed before the end.
    #[error("Redis is away: joins go on without it, and nodes catch up with it when it is back")]
    RedisUnavailable,
    /// Postgres does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Compares every live deal with Redis, and loads those that can be joined. Safe next to nodes that serve.
    ///
    /// # Errors
    /// Redis or Postgres is unavailable. The work done so far is valid, and the call can be repeated.
    pub async fn reconcile_all(&self, tell: impl Fn(ReconcileStep) + Sync) -> Result<ReconciledAll, ReconcileError> {
        let event = self.quota.link_events().borrow().clone();
        let (LinkEvent::CatchingUp(link) | LinkEvent::Online(link)) = event else {
            return Err(ReconcileError::RedisUnavailable);
        };
        let compared = |done, total| tell(ReconcileStep::Compared { done, total });
        let reconciled = self.reconcile_over(&link, None, Catching::Everything, &compared).await?;
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
            .buffer_unordered(AT_ONCE);
        let mut done = 0;
        while let Some(load) = loads.next().await {
            if load == Loaded::Unavailable {
                return Err(ReconcileError::RedisUnavailable);
            }
            done += 1;
            tell(ReconcileStep::Loaded { done, total });
        }
        Ok(ReconciledAll { looked_at: reconciled.looked_at, repaired: reconciled.repaired, loaded: done })
    }
}
