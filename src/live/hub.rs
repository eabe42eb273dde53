//! The newest figures of each deal that somebody on this node watches.
//!
//! Figures come in any order, more than once or not at all, from [`Hub::offer`]; watchers get frames that only go
//! forward, at the deal's pace, and always the latest in the end. A deal that nobody watches takes no memory.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{Counter, counter};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::message::{self, Frame};
use super::pace::{Pace, Turn};
use super::sockets::Sockets;
use crate::clock::Clock;
use crate::config::{BaseUrl, LiveConfig};
use crate::domain::{DealId, DealState, Progress};

/// A frame older than this is written anew for a newcomer, who takes the server's time from it.
const FRAME_FRESH: Duration = Duration::from_millis(250);

/// The node's live feed. Clones share it.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    config: Arc<LiveConfig>,
    clock: Clock,
    deals: Mutex<Deals>,
    /// The keys of `deals.watched`, for those who bring their figures.
    watched: watch::Sender<HashSet<DealId>>,
    /// Rung when a frame becomes due earlier than all others.
    due_earlier: Notify,
    sockets: Sockets,
    sent: Counter,
    conflated: Counter,
}

#[derive(Default)]
struct Deals {
    watched: HashMap<DealId, Channel>,
    due: BTreeSet<(Instant, DealId)>,
}

/// One watched deal.
struct Channel {
    frames: watch::Sender<Option<Frame>>,
    watchers: usize,
    newest: Option<Progress>,
    pace: Pace,
    written_at: Option<Instant>,
    /// Whether the relay has been told to read this deal's figures.
    asked_for: bool,
}

impl Hub {
    /// An empty hub, whose sockets pages of `base_url` may open. Its frames go out on time only while [`Hub::keep_pace`] runs; it counts only if the recorder of metrics
    /// was there before it.
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
            due_earlier: Notify::new(),
            sent: counter!("muster_live_frames_sent_total"),
            conflated: counter!("muster_live_frames_conflated_total"),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The numbers that this feed keeps to.
    #[must_use]
    pub fn config(&self) -> &LiveConfig {
        &self.shared.config
    }

    /// The open sockets of this node.
    #[must_use]
    pub fn sockets(&self) -> &Sockets {
        &self.shared.sockets
    }

    /// Watches a deal: its latest frame at once if there is one, then whatever is the latest.
    #[must_use]
    pub fn subscribe(&self, deal: DealId) -> Subscription {
        let mut deals = self.lock();
        let mut is_new = false;
        let channel = deals.watched.entry(deal).or_insert_with(|| {
            is_new = true;
            Channel::new()
        });
        channel.watchers += 1;
        channel.refresh(&self.shared.clock, Instant::now());
        let mut frames = channel.frames.subscribe();
        frames.mark_changed();
        if is_new {
            self.shared.watched.send_if_modified(|watched| watched.insert(deal));
        }
        drop(deals);
        Subscription { deal, frames, hub: self.clone() }
    }

    /// Takes figures in. Ignored if nobody watches the deal, if newer ones are known, and while the deal is a draft, which
    /// is only its merchant's to see.
    pub fn offer(&self, progress: Progress) {
        self.offer_at(progress, Instant::now());
    }

    /// As [`Hub::offer`], at a given time.
    pub fn offer_at(&self, progress: Progress, now: Instant) {
        let mut deals = self.lock();
        let Deals { watched, due } = &mut *deals;
        let Some(channel) = watched.get_mut(&progress.deal) else { return };
        if progress.state == DealState::Draft || channel.newest.is_some_and(|known| !progress.is_newer_than(&known)) {
            return;
        }
        channel.newest = Some(progress);
        channel.pace.keep(self.shared.config.frame_period(channel.watchers));
        match channel.pace.change(now) {
            Turn::Now => channel.send(&self.shared.clock, now),
            Turn::Waiting => self.shared.conflated.increment(1),
            Turn::At(due_at) => {
                due.insert((due_at, progress.deal));
                self.shared.due_earlier.notify_one();
            }
        }
    }

    /// Sends what becomes due, when it does. Never returns.
    pub async fn keep_pace(&self) {
        loop {
            let rung = self.shared.due_earlier.notified();
            let next = self.lock().due.first().map(|(due_at, _deal)| *due_at);
            match next {
                Some(due_at) => tokio::select! {
                    () = sleep_until(due_at) => self.send_due(Instant::now()),
                    () = rung => {}
                },
                None => rung.await,
            }
        }
    }

    /// Sends what is due by now.
    pub fn send_due(&self, now: Instant) {
        let mut deals = self.lock();
        let Deals { watched, due } = &mut *deals;
        while let Some((due_at, deal)) = due.pop_first() {
            if due_at > now {
                due.insert((due_at, deal));
                break;
            }
            if let Some(channel) = watched.get_mut(&deal)
                && channel.pace.come_due(now)
            {
                channel.send(&self.shared.clock, now);
            }
        }
    }

    /// The deals that somebody watches, whenever they change.
    #[must_use]
    pub fn watched(&self) -> watch::Receiver<HashSet<DealId>> {
        self.shared.watched.subscribe()
    }

    /// Watched deals whose figures were never offered nor asked for. Each is named once.
    #[must_use]
    pub fn newly_watched(&self) -> Vec<DealId> {
        let mut deals = self.lock();
        let unasked = deals.watched.iter_mut().filter(|(_deal, channel)| !channel.asked_for);
        unasked
            .map(|(deal, channel)| {
                channel.asked_for = true;
                *deal
            })
            .collect()
    }

    /// Takes note of frames that went out.
    pub(super) fn count_sent(&self, frames: u64) {
        self.shared.sent.increment(frames);
    }

    /// One watcher of a deal has gone. Forgets the deal if it was the last.
    fn leave(&self, deal: DealId) {
        let mut deals = self.lock();
        let Some(channel) = deals.watched.get_mut(&deal) else { return };
        channel.watchers -= 1;
        if channel.watchers == 0 {
            deals.watched.remove(&deal);
            self.shared.watched.send_if_modified(|watched| watched.remove(&deal));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Deals> {
        self.shared.deals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channel {
    fn new() -> Self {
        Self {
            frames: watch::Sender::new(None),
            watchers: 0,
            newest: None,
            pace: Pace::new(Duration::ZERO),
            written_at: None,
            asked_for: false,
        }
    }

    /// Writes the frame of the newest figures and wakes the watchers.
    fn send(&mut self, clock: &Clock, now: Instant) {
        if let Some(frame) = self.write(clock, now) {
            self.frames.send_replace(Some(frame));
        }
    }

    /// Writes the frame anew if its `server_time` has grown old. Those who saw it are not woken: nothing else is new.
    fn refresh(&mut self, clock: &Clock, now: Instant) {
        let is_stale = self.written_at.is_some_and(|at| now.saturating_duration_since(at) > FRAME_FRESH);
        if is_stale && let Some(frame) = self.write(clock, now) {
            self.frames.send_if_modified(|latest| {
                *latest = Some(frame);
                false
            });
        }
    }

    fn write(&mut self, clock: &Clock, now: Instant) -> Option<Frame> {
        self.written_at = Some(now);
        let text = message::frame(self.newest.as_ref()?, clock.now());
        let text = text.inspect_err(|error| tracing::error!(%error, "a frame could not be written")).ok()?;
        Some(Frame::new(text))
    }
}

/// One watcher of one deal, who skips to the latest frame. Dropping it stops watching.
pub struct Subscription {
    deal: DealId,
    frames: watch::Receiver<Option<Frame>>,
    hub: Hub,
}

impl Subscription {
    /// The latest frame, if it was not taken yet.
    pub fn newer(&mut self) -> Option<Frame> {
        if !self.frames.has_changed().unwrap_or(false) {
            return None;
        }
        self.frames.borrow_and_update().clone()
    }

    /// The latest frame that was not taken yet, as soon as there is one.
    pub async fn next(&mut self) -> Frame {
        loop {
            if let Some(frame) = self.newer() {
                return frame;
            }
            // The hub holds the sender for as long as anybody watches. To be woken is not to have taken it.
            if self.frames.changed().await.is_ok() {
                self.put_back();
            }
        }
    }

    /// The latest frame is to be taken, again if it was.
    pub(super) fn put_back(&mut self) {
        self.frames.mark_changed();
    }

    /// Says when there is a new frame.
    pub(super) fn changes(&self) -> watch::Receiver<Option<Frame>> {
        self.frames.clone()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.leave(self.deal);
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Hub").field("watched", &self.lock().watched.len()).finish_non_exhaustive()
    }
}
