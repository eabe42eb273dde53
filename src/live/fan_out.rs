//! From a new frame of a deal to all of one worker's sockets that watch it.
//!
//! One task for each deal and worker goes from socket to socket and writes the frame past the HTTP server, instead of waking
//! a task for each of them. Whoever cannot be written to at once is woken, and takes the latest frame when it can.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use actix_web::rt;
use slab::Slab;
use tokio::sync::watch;
use tokio::task::{AbortHandle, yield_now};

use super::hub::{Hub, Subscription};
use super::line::Line;
use super::message::Frame;
use super::wire::{Sent, Wire};
use crate::domain::DealId;

/// After so many sockets, a quarter of a millisecond, the worker's other tasks have their turn.
const AT_ONCE: usize = 32;

/// The watched deals of one worker. Clones share them.
#[derive(Clone)]
pub struct FanOut {
    hub: Hub,
    deals: Deals,
}

type Deals = Rc<RefCell<HashMap<DealId, Watched>>>;

/// One deal, and who watches it on this worker. Dropping it ends its rounds.
struct Watched {
    feeds: Slab<Rc<Feed>>,
    rounds: AbortHandle,
}

/// What one socket hears of one deal.
struct Feed {
    subscription: RefCell<Subscription>,
    door: Rc<Door>,
}

/// Where frames get into a socket past its task.
pub(super) struct Door {
    wire: Option<Wire>,
    line: Arc<Line>,
    is_open: Cell<bool>,
}

/// A socket's place among those that watch a deal. Dropping it stops watching.
pub(super) struct Place {
    fan_out: FanOut,
    deal: DealId,
    key: usize,
    feed: Rc<Feed>,
}

impl FanOut {
    /// A worker on which nobody watches anything yet.
    #[must_use]
    pub fn new(hub: Hub) -> Self {
        Self { hub, deals: Rc::default() }
    }

    /// The node's live feed.
    #[must_use]
    pub const fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Has a socket get a deal's frames: the latest at once if there is one, then whatever is the latest.
    pub(super) fn watch(&self, deal: DealId, door: Rc<Door>) -> Place {
        let subscription = self.hub.subscribe(deal);
        let mut deals = self.deals.borrow_mut();
        let watched = deals.entry(deal).or_insert_with(|| {
            let rounds = go_round(self.hub.clone(), Rc::downgrade(&self.deals), deal, subscription.changes());
            Watched { feeds: Slab::new(), rounds: rt::spawn(rounds).abort_handle() }
        });
        let feed = Rc::new(Feed { subscription: RefCell::new(subscription), door });
        let key = watched.feeds.insert(Rc::clone(&feed));
        drop(deals);
        Place { fan_out: self.clone(), deal, key, feed }
    }
}

/// Goes round those who watch a deal, whenever it has a new frame.
async fn go_round(
    hub: Hub,
    deals: Weak<RefCell<HashMap<DealId, Watched>>>,
    deal: DealId,
    mut changes: watch::Receiver<Option<Frame>>,
) {
    while changes.changed().await.is_ok() {
        let mut next = Some(0);
        while let Some(from) = next {
            let Some(deals) = deals.upgrade() else { return };
            let sent;
            (next, sent) = deals.borrow().get(&deal).map_or((None, 0), |watched| watched.send(from));
            hub.count_sent(sent);
            drop(deals);
            yield_now().await;
        }
    }
}

impl Watched {
    /// Sends the latest frame to the next few who have not got it; where to go on, if there are more, and how many got it.
    fn send(&self, from: usize) -> (Option<usize>, u64) {
        let (mut tried, mut sent) = (0, 0);
        for key in from..self.feeds.capacity() {
            if tried == AT_ONCE {
                return (Some(key), sent);
            }
            if let Some(is_sent) = self.feeds.get(key).and_then(|feed| feed.send()) {
                tried += 1;
                sent += u64::from(is_sent);
            }
        }
        (None, sent)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.rounds.abort();
    }
}

impl Feed {
    /// Whether the latest frame went out; nothing if the socket has it.
    fn send(&self) -> Option<bool> {
        let mut subscription = self.subscription.borrow_mut();
        let frame = subscription.newer()?;
        let is_sent = self.door.send(&frame);
        if !is_sent {
            // The socket's task takes it, or one that is newer by then.
            subscription.put_back();
            self.door.line.wake();
        }
        Some(is_sent)
    }
}

impl Door {
    /// A door that is closed, until the task of the socket says that it has begun.
    pub(super) fn new(wire: Option<Wire>, line: Arc<Line>) -> Self {
        Self { wire, line, is_open: Cell::new(false) }
    }

    /// From now on frames may come this way: the head of the answer is on its way.
    pub(super) fn open(&self) {
        self.is_open.set(true);
    }

    /// No frame comes this way any more, because a close does, and nothing may come after it.
    pub(super) fn close(&self) {
        self.is_open.set(false);
    }

    fn send(&self, frame: &Frame) -> bool {
        let Some(wire) = self.wire.as_ref().filter(|_| self.is_open.get()) else { return false };
        let sent = wire.send(frame.on_the_wire());
        if sent == Sent::Begun {
            self.line.wake();
        }
        sent != Sent::Not
    }
}

impl Place {
    /// The latest frame, if the socket has not got it.
    pub(super) fn newer(&self) -> Option<Frame> {
        let frame = self.feed.subscription.borrow_mut().newer()?;
        self.fan_out.hub.count_sent(1);
        Some(frame)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut deals = self.fan_out.deals.borrow_mut();
        let Some(watched) = deals.get_mut(&self.deal) else { return };
        watched.feeds.try_remove(self.key);
        if watched.feeds.is_empty() {
            deals.remove(&self.deal);
        }
    }
}
