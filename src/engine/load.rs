//! Loads a deal into Redis: at its first join, and whenever a join finds its keys missing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::domain::{DealId, DealState};
use crate::quota::{Begun, BuyerUnits, Quota, Snapshot};
use crate::store::{Store, StoreError};

/// The outcome of loading a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loaded {
    /// The deal is loaded, and Redis admits joins to it.
    Ready,
    /// The deal does not exist, or it is a draft.
    NoSuchDeal,
    /// Redis or Postgres is unavailable: go on without admission.
    Unavailable,
}

/// The maximum number of buyers in one script call. Such a call blocks Redis for a few milliseconds.
const CHUNK: usize = 2_000;
/// The interval between checks while another node is loading the deal.
const WAIT: Duration = Duration::from_millis(10);
/// The maximum number of attempts to load a deal. After that, its joins continue without admission. Waiting for another
/// node, being superseded and a changed epoch each use up an attempt.
const ATTEMPTS_MAX: usize = 1_000;

/// Loads deals, with one load per deal at a time on this node (single-flight).
#[derive(Clone)]
pub(super) struct Loader {
    store: Store,
    quota: Quota,
    /// One lock for each deal that is being loaded. Concurrent callers wait for the lock.
    running: Arc<std::sync::Mutex<HashMap<DealId, Arc<Mutex<()>>>>>,
}

impl Loader {
    pub(super) fn new(store: Store, quota: Quota) -> Self {
        Self { store, quota, running: Arc::default() }
    }

    /// Loads a deal, unless it is loaded already.
    pub(super) async fn load(&self, deal: DealId) -> Loaded {
        let lock = self.lock_of(deal);
        let loaded = {
            let _guard = lock.lock().await;
            self.load_alone(deal).await.unwrap_or_else(|error| {
                tracing::warn!(%error, %deal, "cannot load a deal into Redis");
                Loaded::Unavailable
            })
        };
        drop(lock);
        self.forget_unused(deal);
        loaded
    }

    async fn load_alone(&self, deal: DealId) -> Result<Loaded, StoreError> {
        // Checked before any call to Redis, so that drafts and unknown ids create no keys.
        let found = self.store.progress_of(&[deal]).await?;
        if found.iter().all(|progress| progress.state == DealState::Draft) {
            return Ok(Loaded::NoSuchDeal);
        }
        for _ in 0..ATTEMPTS_MAX {
            let Ok(begun) = self.quota.begin_load(deal).await else { return Ok(Loaded::Unavailable) };
            let load = match begun {
                Begun::Loaded => return Ok(Loaded::Ready),
                Begun::Loading => {
                    tokio::time::sleep(WAIT).await;
                    continue;
                }
                Begun::Begun(load) => load,
            };
            let Some(deal) = self.store.load_snapshot(deal).await? else { return Ok(Loaded::NoSuchDeal) };
            let buyers: Vec<BuyerUnits> = deal
                .buyers
                .iter()
                .map(|(buyer, units, rev)| BuyerUnits { buyer: *buyer, units: *units, rev: *rev })
                .collect();
            let mut superseded = false;
            for chunk in buyers.chunks(CHUNK) {
                let Ok(taken) = load.buyers(chunk).await else { return Ok(Loaded::Unavailable) };
                superseded |= taken.is_err();
            }
            let snapshot = Snapshot { progress: deal.progress, opens_at: deal.opens_at, now: deal.now };
            match load.finish(&snapshot).await {
                Ok(Ok(())) if !superseded => return Ok(Loaded::Ready),
                Ok(_) => {}
                Err(_unavailable) => return Ok(Loaded::Unavailable),
            }
        }
        Ok(Loaded::Unavailable)
    }

    fn lock_of(&self, deal: DealId) -> Arc<Mutex<()>> {
        let mut running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(running.entry(deal).or_default())
    }

    fn forget_unused(&self, deal: DealId) {
        let mut running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if running.get(&deal).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            running.remove(&deal);
        }
    }
}
