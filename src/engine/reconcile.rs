//! Reconciles Redis with Postgres: applies to Redis the changes that it missed.
//!
//! For each deal, Redis stores the version up to which it has every change (`applied`). If a change is missing, the
//! reconciler reads from Postgres the buyers that changed after that version, and applies them with the current figures
//! and terms.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Engine;
use crate::domain::{DealId, Progress};
use crate::quota::{BuyerUnits, Change, DealInRedis, Link, LinkEvent};
use crate::store::{DealVersion, StoreError};

/// The maximum number of deals compared in one pipelined call.
const CHUNK: usize = 500;
/// The maximum number of buyers in one script call. After a long outage of Redis, a call with all buyers would exceed
/// the reply timeout on every attempt.
const BUYERS_CHUNK: usize = 2_000;

/// The result of a reconciliation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Deals that were compared.
    pub looked_at: usize,
    /// Deals that are loaded.
    pub loaded: usize,
    /// Deals that were behind in Redis.
    pub repaired: usize,
    /// Whether every deal was compared. False if Redis was unavailable or failed before the last deal.
    pub whole: bool,
}

/// Whether to skip changes that nodes may still be applying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Catching {
    /// Repair only what was already committed at the last call. Nodes are probably still applying newer changes.
    Stragglers,
    /// Repair everything.
    Everything,
}

/// The state kept from the last reconciliation.
#[derive(Clone, Default)]
pub(super) struct Behind(Arc<Mutex<LastRun>>);

#[derive(Default)]
struct LastRun {
    epoch: i64,
    /// For each loaded deal, the version that Redis should have by the next call.
    versions: HashMap<DealId, (i64, i64)>,
}

impl Behind {
    fn last_run(&self) -> MutexGuard<'_, LastRun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Compares with Redis the deals that changed within this time, and applies the changes that Redis missed. `None`
    /// compares all live deals and those that ended within the last hour.
    ///
    /// # Errors
    /// Postgres is unavailable. If Redis is unavailable, there is nothing to do.
    pub async fn reconcile(&self, within: Option<Duration>, catching: Catching) -> Result<Reconciled, StoreError> {
        let link = self.quota.link_events().borrow().clone();
        match link {
            LinkEvent::Disconnected => Ok(Reconciled::default()),
            LinkEvent::CatchingUp(link) | LinkEvent::Online(link) => {
                self.reconcile_over(&link, within, catching, &|_, _| {}).await
            }
        }
    }

    /// Waits for a new connection to Redis, applies every change that Redis missed, and lets Redis admit joins.
    ///
    /// # Errors
    /// Postgres is unavailable: call again.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        let mut events = self.quota.link_events();
        let event = events.wait_for(|event| matches!(event, LinkEvent::CatchingUp(_))).await.map(|event| event.clone());
        let Ok(LinkEvent::CatchingUp(link)) = event else { return Ok(()) };
        let reconciled = self.reconcile_over(&link, None, Catching::Everything, &|_, _| {}).await?;
        self.quota.admit_over(&link);
        tracing::info!(repaired = reconciled.repaired, "Redis admits joins");
        Ok(())
    }

    /// Catches up over the current connection if Redis is behind. Does nothing if Redis is unavailable.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn catch_up_now(&self) -> Result<(), StoreError> {
        let event = self.quota.link_events().borrow().clone();
        match event {
            LinkEvent::CatchingUp(_) => self.catch_up().await,
            LinkEvent::Disconnected | LinkEvent::Online(_) => Ok(()),
        }
    }

    /// Applies to Redis the changes of one deal that it missed, even if the deal ended too long ago for
    /// [`Engine::reconcile`].
    ///
    /// # Errors
    /// Postgres is unavailable. If Redis is unavailable, there is nothing to do.
    pub(crate) async fn reconcile_deal(&self, deal: DealId) -> Result<(), StoreError> {
        let event = self.quota.link_events().borrow().clone();
        let (LinkEvent::CatchingUp(link) | LinkEvent::Online(link)) = event else { return Ok(()) };
        let Some(truth) = self.store.load_snapshot(deal).await? else { return Ok(()) };
        let Ok(in_redis) = self.quota.figures_over(&link, &[deal]).await else { return Ok(()) };
        let Some(known) = in_redis.get(&deal) else { return Ok(()) };
        let truth = DealVersion { progress: truth.progress, opens_at: truth.opens_at };
        self.repair(&link, &truth, known).await?;
        Ok(())
    }

    /// Reconciles over this connection. `on_progress` receives the number of deals compared so far, and the total.
    pub(super) async fn reconcile_over(
        &self,
        link: &Link,
        within: Option<Duration>,
        catching: Catching,
        on_progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Reconciled, StoreError> {
        // In a new epoch, Redis may have changes that Postgres has lost, even for deals that have not changed since.
        let epoch = self.store.check_epoch().await?;
        let same_epoch = self.behind.last_run().epoch == epoch;
        let (within, catching) = if same_epoch { (within, catching) } else { (None, Catching::Everything) };
        let deals = self.store.changed_deals(within).await?;
        let mut reconciled = Reconciled { looked_at: deals.len(), ..Reconciled::default() };
        let mut versions = HashMap::new();
        let mut done = 0;
        for chunk in deals.chunks(CHUNK) {
            let ids: Vec<DealId> = chunk.iter().map(|truth| truth.progress.deal).collect();
            let Ok(in_redis) = self.quota.figures_over(link, &ids).await else { return Ok(reconciled) };
            reconciled.loaded += in_redis.len();
            for truth in chunk {
                done += 1;
                on_progress(done, deals.len());
                let progress = &truth.progress;
                let Some(known) = in_redis.get(&progress.deal) else { continue };
                versions.insert(progress.deal, progress.version());
                let may_be_in_flight = catching == Catching::Stragglers && !self.was_behind(known, progress.deal);
                if !is_behind(known, progress) || may_be_in_flight {
                    continue;
                }
                if !self.repair(link, truth, known).await? {
                    return Ok(reconciled);
                }
                reconciled.repaired += 1;
            }
        }
        reconciled.whole = true;
        *self.behind.last_run() = LastRun { epoch, versions };
        metrics::counter!("muster_reconciled_deals_total").increment(reconciled.repaired as u64);
        Ok(reconciled)
    }

    /// Whether Redis is behind the version that Postgres had at the last call.
    fn was_behind(&self, known: &DealInRedis, deal: DealId) -> bool {
        let last = self.behind.last_run().versions.get(&deal).copied();
        last.is_some_and(|(epoch, rev)| known.epoch < epoch || known.applied < rev || known.rev < rev)
    }

    /// Applies to Redis the changes of one deal that it missed. Returns false if Redis is unavailable.
    async fn repair(&self, link: &Link, truth: &DealVersion, known: &DealInRedis) -> Result<bool, StoreError> {
        let DealVersion { progress, opens_at } = *truth;
        let changed = self.store.buyers_changed_after(progress.deal, known.applied).await?;
        let mut buyers: Vec<_> =
            changed.into_iter().map(|(buyer, units, rev)| BuyerUnits { buyer, units, rev }).collect();
        let change_of = |rev_before, buyers| Change { progress, opens_at, rev_before, done: Vec::new(), buyers };
        while buyers.len() > BUYERS_CHUNK {
            // These chunks do not advance `applied`. The last chunk covers the whole range of versions.
            let part = change_of(progress.rev, buyers.split_off(buyers.len() - BUYERS_CHUNK));
            if self.quota.apply_over(link, &part).await.is_err() {
                return Ok(false);
            }
        }
        let rest = change_of(known.applied.min(progress.rev), buyers);
        Ok(self.quota.apply_over(link, &rest).await.is_ok())
    }
}

fn is_behind(known: &DealInRedis, truth: &Progress) -> bool {
    (known.epoch, known.rev) < truth.version() || known.applied < truth.rev
}
