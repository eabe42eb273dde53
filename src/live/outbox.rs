//! What one socket has to send next: the wishes of the registry first, then the latest frame of each of its deals.
//!
//! It holds no frames of its own. A reader who is slow finds only the latest when it comes back.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytestring::ByteString;
use futures_util::Stream;

use super::hub::Subscription;
use super::line::{Farewell, Wish};
use super::sockets::Seat;

/// The next thing to put on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    /// A frame.
    Frame(ByteString),
    /// A ping, to see whether the client is there.
    Ping,
    /// A close; nothing comes after it.
    Close(Farewell),
}

/// One socket's outgoing side. Ends after a close.
pub struct Outbox {
    seat: Seat,
    feeds: Vec<Subscription>,
    next_feed: usize,
    closed: bool,
}

impl Outbox {
    /// What this seat's socket sends of these deals.
    #[must_use]
    pub fn new(seat: Seat, feeds: Vec<Subscription>) -> Self {
        Self { seat, feeds, next_feed: 0, closed: false }
    }

    /// The latest frame of a deal that has one, beginning with the deal after the one that was served last.
    fn poll_feeds(&mut self, context: &mut Context<'_>) -> Option<ByteString> {
        let (served, waiting) = self.feeds.split_at_mut_checked(self.next_feed)?;
        let places = (self.next_feed..).zip(waiting).chain((0..).zip(served));
        for (place, feed) in places {
            if let Poll::Ready(Some(frame)) = Pin::new(feed).poll_next(context) {
                self.next_feed = place + 1;
                return Some(frame);
            }
        }
        None
    }
}

impl Stream for Outbox {
    type Item = Push;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Push>> {
        if self.closed {
            return Poll::Ready(None);
        }
        match self.seat.line().wish(context.waker()) {
            Some(Wish::Leave(farewell)) => {
                self.closed = true;
                Poll::Ready(Some(Push::Close(farewell)))
            }
            Some(Wish::Ping) => Poll::Ready(Some(Push::Ping)),
            None => self.poll_feeds(context).map_or(Poll::Pending, |frame| Poll::Ready(Some(Push::Frame(frame)))),
        }
    }
}
