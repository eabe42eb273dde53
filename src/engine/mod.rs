//! The verbs: join, leave, publish, raise a cap, withdraw, close, settle, redeem, reconcile, audit. A file or folder each.
//!
//! Owns the path of a join through admission ([`crate::quota`]) and the lanes to Postgres ([`crate::store`]). Those two never import
//! each other: the engine connects them. Must never answer "joined" before Postgres has committed. Must never commit in the
//! future of a request, which is dropped halfway when the client resets its connection.

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
    /// The versions that the reconciler saw last.
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

    /// Whether Redis admits joins now. Otherwise Postgres decides alone, more slowly.
    #[must_use]
    pub fn admits(&self) -> bool {
        self.quota.is_online()
    }

    /// The auditor.
    #[must_use]
    pub const fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Waits until the settler has something to do, at most this long.
    pub async fn wait_to_settle(&self, most: Duration) {
        // The settler looks for work after a wake-up and after a timeout alike.
        drop(tokio::time::timeout(most, self.settle_soon.notified()).await);
    }

    /// Waits until no join is queued or being recorded. The caller must keep new joins out meanwhile.
    pub async fn drain(&self) {
        self.lanes.drain().await;
    }

    /// Admits everybody on this node from now on, whatever Redis says.
    #[cfg(feature = "negative-controls")]
    pub fn admit_everybody(&self) {
        self.quota.admit_everybody();
    }

    /// Tells Redis of a change that affected no buyer, with the figures that the change's function returned under the
    /// deal's lock. Figures read later could include a join committed in between. Redis would then know that join's
    /// version without its buyer, and could refuse nobody until it learns of the buyer.
    async fn announce(&self, figures: Figures) {
        // If Redis is unavailable, the reconciler applies the change later.
        self.quota.apply(&change(figures)).await.ok();
    }
}

/// The change as sent to Redis, before its joins and buyers are added.
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
