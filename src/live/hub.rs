//! The newest figures of each watched deal.
//!
//! [`Hub::offer`] accepts figures in any order, repeated or with gaps. Subscribers get frames whose version only rises,
//! at a limited rate. The last frame always has the newest figures. A deal without subscribers uses no memory.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{Counter, counter};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::channel::Channel;
use super::message::Frame;
use super::sockets::Sockets;
use super::throttle::Schedule;
use crate::clock::Clock;
use crate::config::{BaseUrl, LiveConfig};
use crate::domain::{DealId, DealState, Progress};

/// The node's live feed. Clones share it.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    config: Arc<LiveConfig>,
    clock: Clock,
    deals: Mutex<Deals>,
    /// The keys of `deals.watched`, for the bus listener and the relay.
    watched: watch::Sender<HashSet<DealId>>,
    /// Notified when a frame is scheduled, because it may be due before all others.
    scheduled_earlier: Notify,
    sockets: Sockets,
    sent: Counter,
    conflated: Counter,
}

#[derive(Default)]
struct Deals {
    watched: HashMap<DealId, Channel>,
    due: BTreeSet<(Instant, DealId)>,
}

impl Hub {
    /// An empty hub. Pages of `base_url` and of the configured origins may open sockets.
    ///
    /// Scheduled frames go out only while [`Hub::run_schedule`] runs. Install the metrics recorder before calling this:
    /// the counters bind to the recorder.
    #[must_use]
    pub fn new(mut config: LiveConfig, base_url: BaseUrl, clock: Clock) -> Self {
        config.allowed_origins.push(base_url);
        let config = Arc::new(config);
        let shared = Shared {
            sockets: Sockets::new(Arc::clone(&config)),
            config,
            clock,
            deals: Mutex::default(),
            watched: watch::Sender::default(),
            scheduled_earlier: Notify::new(),
            sent: counter!("muster_live_frames_sent_total"),
            conflated: counter!("muster_live_frames_conflated_total"),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The configured limits and periods.
    #[must_use]
    pub fn config(&self) -> &LiveConfig {
        &self.shared.config
    }

    /// The open sockets of this node.
    #[must_use]
    pub fn sockets(&self) -> &Sockets {
        &self.shared.sockets
    }

    /// Subscribes to a deal. The subscriber gets the latest frame immediately if there is one, then each new latest
    /// frame.
    #[must_use]
    pub fn subscribe(&self, deal: DealId) -> Subscription {
        let mut deals = self.lock();
        let mut is_new = false;
        let channel = deals.watched.entry(deal).or_insert_with(|| {
            is_new = true;
            Channel::new()
        });
        channel.subscribers += 1;
        channel.refresh(&self.shared.clock, Instant::now());
        let mut frames = channel.frames.subscribe();
        frames.mark_changed();
        if is_new {
            self.shared.watched.send_if_modified(|watched| watched.insert(deal));
        }
        drop(deals);
        Subscription { deal, frames, hub: self.clone() }
    }

    /// Accepts figures of a deal. Ignores them if nobody watches the deal, or if they are not newer than the accepted
    /// figures. Also ignores drafts, which only the merchant's staff may see.
    pub fn offer(&self, progress: Progress) {
        self.offer_at(progress, Instant::now());
    }

    /// [`Hub::offer`] at a given time.
    pub fn offer_at(&self, progress: Progress, now: Instant) {
        let mut deals = self.lock();
        let Deals { watched, due } = &mut *deals;
        let Some(channel) = watched.get_mut(&progress.deal) else { return };
        if progress.state == DealState::Draft || channel.newest.is_some_and(|known| !progress.is_newer_than(&known)) {
            return;
        }
        channel.newest = Some(progress);
        channel.throttle.set_period(self.shared.config.frame_period(channel.subscribers));
        match channel.throttle.record_change(now) {
            Schedule::Now => channel.publish(&self.shared.clock, now),
            Schedule::AlreadyScheduled => self.shared.conflated.increment(1),
            Schedule::At(due_at) => {
                due.insert((due_at, progress.deal));
                self.shared.scheduled_earlier.notify_one();
            }
        }
    }

    /// Sends scheduled frames when they fall due. Never returns.
    pub async fn run_schedule(&self) {
        loop {
            let earlier = self.shared.scheduled_earlier.notified();
            let next = self.lock().due.first().map(|(due_at, _deal)| *due_at);
            match next {
                Some(due_at) => tokio::select! {
                    () = sleep_until(due_at) => self.send_due(Instant::now()),
                    () = earlier => {}
                },
                None => earlier.await,
            }
        }
    }

    /// Sends the frames that are due by `now`.
    pub fn send_due(&self, now: Instant) {
        let mut deals = self.lock();
        let Deals { watched, due } = &mut *deals;
        while let Some((due_at, deal)) = due.pop_first() {
            if due_at > now {
                due.insert((due_at, deal));
                break;
            }
            if let Some(channel) = watched.get_mut(&deal)
                && channel.throttle.take_due(now)
            {
                channel.publish(&self.shared.clock, now);
            }
        }
    }

    /// The set of watched deals, as a channel that reports each change.
    #[must_use]
    pub fn watched(&self) -> watch::Receiver<HashSet<DealId>> {
        self.shared.watched.subscribe()
    }

    /// The watched deals whose figures have not been read yet. Returns each deal only once.
    #[must_use]
    pub fn newly_watched(&self) -> Vec<DealId> {
        let mut deals = self.lock();
        let unread = deals.watched.iter_mut().filter(|(_deal, channel)| !channel.requested);
        unread
            .map(|(deal, channel)| {
                channel.requested = true;
                *deal
            })
            .collect()
    }

    /// Counts frames that were sent.
    pub(super) fn count_sent(&self, frames: u64) {
        self.shared.sent.increment(frames);
    }

    /// Removes one subscriber. Drops the deal after its last subscriber.
    fn unsubscribe(&self, deal: DealId) {
        let mut deals = self.lock();
        let Some(channel) = deals.watched.get_mut(&deal) else { return };
        channel.subscribers -= 1;
        if channel.subscribers == 0 {
            deals.watched.remove(&deal);
            self.shared.watched.send_if_modified(|watched| watched.remove(&deal));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Deals> {
        self.shared.deals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A subscription to one deal, which always skips to the latest frame. Dropping it unsubscribes.
pub struct Subscription {
    deal: DealId,
    frames: watch::Receiver<Option<Frame>>,
    hub: Hub,
}

impl Subscription {
    /// The latest frame, if this subscription has not taken it yet.
    pub fn take_latest(&mut self) -> Option<Frame> {
        if !self.frames.has_changed().unwrap_or(false) {
            return None;
        }
        self.frames.borrow_and_update().clone()
    }

    /// Waits for a frame that was not taken yet, and takes the latest.
    pub async fn next(&mut self) -> Frame {
        loop {
            if let Some(frame) = self.take_latest() {
                return frame;
            }
            // Cannot fail: the hub keeps the sender while a subscription exists. `changed` marks the frame as seen,
            // which the next line undoes.
            if self.frames.changed().await.is_ok() {
                self.mark_unsent();
            }
        }
    }

    /// Makes [`Subscription::take_latest`] return the latest frame again.
    pub(super) fn mark_unsent(&mut self) {
        self.frames.mark_changed();
    }

    /// A receiver that reports each new frame.
    pub(super) fn changes(&self) -> watch::Receiver<Option<Frame>> {
        self.frames.clone()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.unsubscribe(self.deal);
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Hub").field("watched", &self.lock().watched.len()).finish_non_exhaustive()
    }
}
