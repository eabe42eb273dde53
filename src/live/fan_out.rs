//! Sends each new frame of a deal to all sockets of one worker that watch the deal.
//!
//! One task per deal and worker visits the sockets and writes the frame to each connection directly. That is cheaper
//! than waking one task per socket. If a connection cannot take the frame without waiting, the task wakes the socket,
//! which takes the latest frame when it can.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use actix_web::rt;
use slab::Slab;
use tokio::sync::watch;
use tokio::task::{AbortHandle, yield_now};

use super::connection::{Connection, Written};
use super::control::SocketControl;
use super::hub::{Hub, Subscription};
use super::message::Frame;
use crate::domain::DealId;

/// Sockets that one turn writes to before the worker's other tasks run. A turn takes about a quarter of a millisecond.
const SOCKETS_PER_TURN: usize = 32;

/// The watched deals of one worker. Clones share them.
#[derive(Clone)]
pub struct FanOut {
    hub: Hub,
    deals: Deals,
}

type Deals = Rc<RefCell<HashMap<DealId, WatchedDeal>>>;

/// One deal and this worker's sockets that watch it. Dropping it ends its task.
struct WatchedDeal {
    recipients: Slab<Rc<Recipient>>,
    task: AbortHandle,
}

/// One socket's subscription to one deal, and the way to write to the socket.
struct Recipient {
    subscription: RefCell<Subscription>,
    writer: Rc<FrameWriter>,
}

/// Writes frames to one socket's connection, without its task.
pub(super) struct FrameWriter {
    connection: Option<Connection>,
    control: Arc<SocketControl>,
    is_enabled: Cell<bool>,
}

/// A socket's subscription to one deal. Dropping it unsubscribes.
pub(super) struct SocketSubscription {
    fan_out: FanOut,
    deal: DealId,
    key: usize,
    recipient: Rc<Recipient>,
}

impl FanOut {
    /// A fan-out without any watched deals.
    #[must_use]
    pub fn new(hub: Hub) -> Self {
        Self { hub, deals: Rc::default() }
    }

    /// The node's hub.
    #[must_use]
    pub const fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Subscribes a socket to a deal. The socket gets the latest frame immediately if there is one, then each new
    /// latest frame.
    pub(super) fn subscribe(&self, deal: DealId, writer: Rc<FrameWriter>) -> SocketSubscription {
        let subscription = self.hub.subscribe(deal);
        let mut deals = self.deals.borrow_mut();
        let watched = deals.entry(deal).or_insert_with(|| {
            let task = send_changes(self.hub.clone(), Rc::downgrade(&self.deals), deal, subscription.changes());
            WatchedDeal { recipients: Slab::new(), task: rt::spawn(task).abort_handle() }
        });
        let recipient = Rc::new(Recipient { subscription: RefCell::new(subscription), writer });
        let key = watched.recipients.insert(Rc::clone(&recipient));
        drop(deals);
        SocketSubscription { fan_out: self.clone(), deal, key, recipient }
    }
}

/// Sends each new frame of a deal to the sockets that watch it, a few at a time.
async fn send_changes(
    hub: Hub,
    deals: Weak<RefCell<HashMap<DealId, WatchedDeal>>>,
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

impl WatchedDeal {
    /// Sends the latest frame to the next few recipients that lack it, starting at the key `from`.
    ///
    /// Returns the key to continue from, if recipients remain, and the number of frames sent.
    fn send(&self, from: usize) -> (Option<usize>, u64) {
        let (mut tried, mut sent) = (0, 0);
        for key in from..self.recipients.capacity() {
            if tried == SOCKETS_PER_TURN {
                return (Some(key), sent);
            }
            if let Some(is_sent) = self.recipients.get(key).and_then(|recipient| recipient.send()) {
                tried += 1;
                sent += u64::from(is_sent);
            }
        }
        (None, sent)
    }
}

impl Drop for WatchedDeal {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Recipient {
    /// Whether the latest frame was written; `None` if the socket already has it.
    fn send(&self) -> Option<bool> {
        let mut subscription = self.subscription.borrow_mut();
        let frame = subscription.take_latest()?;
        let is_sent = self.writer.send(&frame);
        if !is_sent {
            // The socket's task takes this frame, or a newer one, from its send queue.
            subscription.mark_unsent();
            self.writer.control.wake();
        }
        Some(is_sent)
    }
}

impl FrameWriter {
    /// A disabled writer. Without a connection, every frame goes through the socket's task.
    pub(super) fn new(connection: Option<Connection>, control: Arc<SocketControl>) -> Self {
        Self { connection, control, is_enabled: Cell::new(false) }
    }

    /// Allows direct writes: the head of the HTTP response has been handed to the dispatcher.
    pub(super) fn enable(&self) {
        self.is_enabled.set(true);
    }

    /// Stops direct writes: a close frame is about to be sent, and nothing may follow it.
    pub(super) fn disable(&self) {
        self.is_enabled.set(false);
    }

    fn send(&self, frame: &Frame) -> bool {
        let Some(connection) = self.connection.as_ref().filter(|_| self.is_enabled.get()) else { return false };
        let written = connection.try_write(frame.encoded());
        if written == Written::Part {
            self.control.wake();
        }
        written != Written::Nothing
    }
}

impl SocketSubscription {
    /// The latest frame, if the socket has not taken it yet.
    pub(super) fn take_latest(&self) -> Option<Frame> {
        let frame = self.recipient.subscription.borrow_mut().take_latest()?;
        self.fan_out.hub.count_sent(1);
        Some(frame)
    }
}

impl Drop for SocketSubscription {
    fn drop(&mut self) {
        let mut deals = self.fan_out.deals.borrow_mut();
        let Some(watched) = deals.get_mut(&self.deal) else { return };
        watched.recipients.try_remove(self.key);
        if watched.recipients.is_empty() {
            deals.remove(&self.deal);
        }
    }
}
