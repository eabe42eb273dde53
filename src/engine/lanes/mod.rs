//! The lanes: group-commit queues that put the joins and leaves of each deal in order.
//!
//! A lane is three tasks:
//!
//! - The *admitter* calls Redis once for all requests to a deal that arrived during its last call.
//! - The *committer* records all requests that arrived during the last commit as the next batch. It has its own
//!   Postgres connection. No timer delays a batch.
//! - The *applier* applies committed changes to Redis.
//!
//! A deal belongs to one lane of a node, so its joins and leaves wait in a queue instead of competing for the deal's
//! row lock.
//!
//! Every queue is bounded. A request to a full lane is answered "busy" before any call to Redis, and one deal may fill
//! only its share of the queue.

mod admitter;
mod applier;
mod batch;
mod committer;
mod job;
mod slots;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::domain::{AccountId, DealId, JoinOutcome, JoinRequest, LeaveOutcome, Refusal, SignupId};
use crate::engine::join::LaneFull;
use crate::engine::load::Loader;
use crate::engine::sold_out::SoldOut;
use crate::quota::Quota;
use crate::store::Store;
use job::{Job, JoinJob, LeaveJob};
pub(super) use slots::Slot;
use slots::Slots;

/// Settings of the lanes.
#[derive(Clone, Copy, Debug)]
pub struct LaneSettings {
    /// Number of lanes.
    pub count: usize,
    /// The maximum number of requests in one commit.
    pub batch_max: usize,
    /// The number of slots of a lane: the maximum number of requests that wait or are being recorded.
    pub queue_max: usize,
    /// The share of a lane's queue that one deal may fill, in percent.
    pub deal_share_percent: usize,
    /// The maximum time that a request waits in the queue.
    pub queue_wait_max: Duration,
    /// How long a request may be undecided before it is answered "pending".
    pub reply_after: Duration,
    /// The maximum number of requests in one lane while Redis is unavailable.
    pub degraded_in_flight_max: usize,
    /// The interval at which the holds of a batch are renewed; well below their TTL.
    pub renew_every: Duration,
}

/// All lanes of this node.
#[derive(Clone)]
pub(super) struct Lanes {
    all: Arc<[Lane]>,
    sold_out: SoldOut,
    clock: Clock,
    settings: LaneSettings,
}

struct Lane {
    slots: Slots,
    arrivals: mpsc::Sender<Job>,
}

impl Lanes {
    pub(super) fn start(
        store: &Store,
        quota: &Quota,
        clock: &Clock,
        settings: &LaneSettings,
        settle_soon: &Arc<Notify>,
    ) -> Self {
        let sold_out = SoldOut::new(store.clone());
        let admitter = admitter::Admitter {
            quota: quota.clone(),
            loader: Loader::new(store.clone(), quota.clone()),
            sold_out: sold_out.clone(),
        };
        let lane = |number| {
            // No channel is ever full: every job has a slot, and each channel has room for all slots.
            let (arrivals, arrived) = mpsc::channel(settings.queue_max);
            let (commit_queue, to_commit) = mpsc::channel(settings.queue_max);
            let (changes, to_apply) = mpsc::channel(settings.queue_max);
            tokio::spawn(admitter::run(arrived, commit_queue, admitter.clone(), clock.clone(), settings.batch_max));
            let committer = committer::Committer {
                number,
                store: store.clone(),
                quota: quota.clone(),
                clock: clock.clone(),
                settings: *settings,
                committed: changes,
                settle_soon: Arc::clone(settle_soon),
            };
            tokio::spawn(committer.run(to_commit));
            tokio::spawn(applier::run(to_apply, quota.clone()));
            Lane { slots: Slots::new(settings, quota.clone()), arrivals }
        };
        let all = (0..settings.count.max(1)).map(lane).collect();
        Self { all, sold_out, clock: clock.clone(), settings: *settings }
    }

    /// Queues a join, and waits up to `reply_after` for its outcome. If `slot` is `None` or belongs to another deal,
    /// the join takes a new slot.
    pub(super) async fn join(&self, slot: Option<Slot>, request: JoinRequest) -> JoinOutcome {
        if self.sold_out.refuses(request.deal, Some(request.buyer), self.clock.now()) {
            metrics::counter!("muster_joins_total", "outcome" => Refusal::SoldOut.word()).increment(1);
            return JoinOutcome::Refused(Refusal::SoldOut);
        }
        let (reply, outcome) = oneshot::channel();
        let slot = slot.filter(|slot| slot.is_of(request.deal));
        let queued = self
            .queue(request.deal, slot, |slot| Job::Join(JoinJob { request, reply, slot, queued_at: Instant::now() }));
        if !queued {
            return lane_full().into();
        }
        match tokio::time::timeout(self.settings.reply_after, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_dropped)) => JoinOutcome::Broken,
            Err(_elapsed) => {
                metrics::counter!("muster_joins_pending_total").increment(1);
                JoinOutcome::Pending(request.id)
            }
        }
    }

    /// Queues a leave, and waits up to `reply_after` for its outcome.
    pub(super) async fn leave(&self, id: SignupId, deal: DealId, buyer: AccountId) -> LeaveOutcome {
        let (reply, outcome) = oneshot::channel();
        let queued = self
            .queue(deal, None, |slot| Job::Leave(LeaveJob { id, deal, buyer, reply, slot, queued_at: Instant::now() }));
        if !queued {
            metrics::counter!("muster_leaves_total", "outcome" => "busy").increment(1);
            return LeaveOutcome::Busy { retry_after_s: 1 };
        }
        match tokio::time::timeout(self.settings.reply_after, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_dropped)) => LeaveOutcome::Broken,
            Err(_elapsed) => LeaveOutcome::Pending,
        }
    }

    /// Waits until every lane is empty.
    pub(super) async fn drain(&self) {
        for lane in self.all.iter() {
            lane.slots.all_free().await;
        }
    }

    /// Reserves a slot for a join to this deal. `Ok(None)`: the deal is sold out for this buyer. A caller who is not
    /// identified yet counts as a stranger, and gets `Ok(None)` only if the lane is full.
    pub(super) fn reserve(&self, deal: DealId, buyer: Option<AccountId>) -> Result<Option<Slot>, LaneFull> {
        let is_sold_out = || self.sold_out.refuses(deal, buyer, self.clock.now());
        if buyer.is_some() && is_sold_out() {
            return Ok(None);
        }
        match self.lane_of(deal).and_then(|lane| lane.slots.take(deal)) {
            Some(slot) => Ok(Some(slot)),
            None if buyer.is_none() && is_sold_out() => Ok(None),
            None => Err(lane_full()),
        }
    }

    fn queue(&self, deal: DealId, slot: Option<Slot>, job: impl FnOnce(Slot) -> Job) -> bool {
        let Some(lane) = self.lane_of(deal) else { return false };
        slot.or_else(|| lane.slots.take(deal)).is_some_and(|slot| lane.arrivals.try_send(job(slot)).is_ok())
    }

    fn lane_of(&self, deal: DealId) -> Option<&Lane> {
        let mut hash = DefaultHasher::new();
        deal.hash(&mut hash);
        let number = usize::try_from(hash.finish() % self.all.len() as u64).unwrap_or(0);
        self.all.get(number)
    }
}

fn lane_full() -> LaneFull {
    metrics::counter!("muster_joins_total", "outcome" => "busy").increment(1);
    LaneFull { retry_after_s: 1 }
}
