//! The slots of a lane. Every channel of the lane has room for a request with a slot. A join takes its slot before its
//! buyer's token is looked up, and frees the slot when it is answered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::LaneSettings;
use crate::domain::DealId;
use crate::quota::Quota;

/// The slots of one lane.
pub(super) struct Slots {
    taken: Arc<Taken>,
    capacity: usize,
    capacity_of_deal: usize,
    capacity_degraded: usize,
    quota: Quota,
}

#[derive(Default)]
struct Taken {
    counts: Mutex<Counts>,
    freed: Notify,
}

#[derive(Default)]
struct Counts {
    all: usize,
    of_deal: HashMap<DealId, usize>,
}

/// A permit of a lane's queue. Freed when dropped.
pub(in crate::engine) struct Slot {
    deal: DealId,
    taken: Arc<Taken>,
}

impl Slots {
    pub(super) fn new(settings: &LaneSettings, quota: Quota) -> Self {
        Self {
            taken: Arc::default(),
            capacity: settings.queue_max,
            capacity_of_deal: (settings.queue_max * settings.deal_share_percent / 100).max(1),
            capacity_degraded: settings.degraded_in_flight_max,
            quota,
        }
    }

    /// Takes a slot for a request to this deal, if one is free. While Redis is unavailable, the lane has fewer slots,
    /// because Postgres also answers joins that admission would have refused.
    pub(super) fn take(&self, deal: DealId) -> Option<Slot> {
        let mut counts = self.counts();
        if !self.has_room(&counts, deal) {
            return None;
        }
        counts.all += 1;
        *counts.of_deal.entry(deal).or_default() += 1;
        Some(Slot { deal, taken: Arc::clone(&self.taken) })
    }

    fn has_room(&self, counts: &Counts, deal: DealId) -> bool {
        let capacity = if self.quota.is_online() { self.capacity } else { self.capacity_degraded.min(self.capacity) };
        counts.all < capacity && counts.of_deal.get(&deal).is_none_or(|of_deal| *of_deal < self.capacity_of_deal)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.taken.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until every slot is free.
    pub(super) async fn all_free(&self) {
        loop {
            let freed = self.taken.freed.notified();
            if self.counts().all == 0 {
                return;
            }
            freed.await;
        }
    }
}

impl Slot {
    /// Whether the slot was taken for a request to this deal. The slot of another deal may be of another lane.
    pub(super) fn is_of(&self, deal: DealId) -> bool {
        self.deal == deal
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.taken.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all = counts.all.saturating_sub(1);
        if let Some(of_deal) = counts.of_deal.get_mut(&self.deal) {
            *of_deal = of_deal.saturating_sub(1);
            if *of_deal == 0 {
                counts.of_deal.remove(&self.deal);
            }
        }
        if counts.all == 0 {
            self.taken.freed.notify_waiters();
        }
    }
}
