//! The verbs: join, leave, publish, raise a cap, withdraw, close, settle, redeem, reconcile, audit. Each has a file or
//! folder.
//!
//! Owns the path of a join through admission ([`crate::quota`]) and the lanes to Postgres ([`crate::store`]). `quota`
//! and `store` never import each other: the engine connects them. Must never answer "joined" before Postgres has
//! committed. Must never commit in the future of a request, which is dropped when the client resets its connection.

mod audit;
mod close;
mod coupon_codes;
mod join;
mod lanes;
mod leave;
mod load;
mod own_deal;
mod publish;
mod raise_cap;
mod reconcile;
mod reconcile_all;
mod redeem;
mod settle;
mod sold_out;
mod withdraw;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::Notify;

pub use audit::{
    Audit, AuditError, AuditOptions, AuditOutcome, AuditReport, AuditStep, CheckReport, Finding, client_log,
};
pub use coupon_codes::{CodeKeys, NoCodeKey};
pub use join::{LaneFull, Reservation};
pub use lanes::LaneSettings;
pub use publish::PublishOutcome;
pub use raise_cap::RaiseCapOutcome;
pub use reconcile::{Catching, Reconciled};
pub use reconcile_all::{ReconcileError, ReconcileStep, ReconciledAll};
pub use redeem::{Coupon as ShownCoupon, RedeemOutcome};
pub use withdraw::WithdrawOutcome;

use crate::clock::Clock;
use crate::quota::{Change, Quota};
use crate::store::{Figures, Store, StoreError};

/// The verbs and their dependencies. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    store: Store,
    quota: Quota,
    lanes: lanes::Lanes,
    codes: Arc<CodeKeys>,
    /// Wakes the settler after a deal tips or a buyer joins a tipped deal.
    settle_soon: Arc<Notify>,
    /// Whether more coupons are due than one call issues.
    many_to_settle: Arc<AtomicBool>,
    /// The versions that Redis should have by the next reconciliation.
    behind: reconcile::Behind,
    audit: Audit,
}

impl Engine {
    /// Starts the lanes.
    #[must_use]
    pub fn start(store: Store, quota: Quota, clock: &Clock, codes: CodeKeys, settings: &LaneSettings) -> Self {
        let settle_soon = Arc::new(Notify::new());
        let lanes = lanes::Lanes::start(&store, &quota, clock, settings, &settle_soon);
        let audit = Audit::new(store.clone(), quota.clone());
        Self {
            store,
            quota,
            lanes,
            codes: Arc::new(codes),
            settle_soon,
            many_to_settle: Arc::default(),
            behind: reconcile::Behind::default(),
            audit,
        }
    }

    /// Whether Redis admits joins now. If not, Postgres decides alone, with fewer joins at a time.
    #[must_use]
    pub fn admits(&self) -> bool {
        self.quota.is_online()
    }

    /// The auditor.
    #[must_use]
    pub const fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Waits until the settler has work, or until `most` has passed.
    pub async fn wait_to_settle(&self, most: Duration) {
        // The settler checks for work after a wake-up and after a timeout.
        drop(tokio::time::timeout(most, self.settle_soon.notified()).await);
    }

    /// Waits until no join or leave is queued or being recorded. The caller must accept no new requests during the
    /// call.
    pub async fn drain(&self) {
        self.lanes.drain().await;
    }

    /// Admits everybody on this node from now on, without a call to Redis.
    #[cfg(feature = "negative-controls")]
    pub fn admit_everybody(&self) {
        self.quota.admit_everybody();
    }

    /// Applies to Redis a change that affected no buyer. The figures must be those that the SQL function returned under
    /// the deal's lock. Figures that are read later could include a join. Redis would have that join's version without
    /// its buyer, and so could wrongly refuse a retry by that buyer.
    async fn announce(&self, figures: Figures) {
        // If Redis is unavailable, the reconciler applies the change later.
        self.quota.apply(&change(figures)).await.ok();
    }
}

/// A change for Redis, without joins and buyers.
fn change(figures: Figures) -> Change {
    let Figures { progress, opens_at, rev_before } = figures;
    Change { progress, opens_at, rev_before, done: Vec::new(), buyers: Vec::new() }
}

/// Runs a write in its own task, so that it completes even if its request is dropped.
async fn run_to_completion<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(_panicked) => Err(StoreError::crashed()),
    }
}
