//! What one socket has to send next: the wishes of the registry first, then the latest frame of each of its deals.
//!
//! It holds no frames of its own. A reader who is slow finds only the latest when it comes back.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytestring::ByteString;
use futures_util::Stream;

use super::fan_out::{Door, Place};
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
    door: Rc<Door>,
    feeds: Vec<Place>,
    next_feed: usize,
    closed: bool,
}

impl Outbox {
    /// What this seat's socket sends of these deals. Opens the door to frames when it is first asked.
    #[must_use]
    pub(super) fn new(seat: Seat, door: Rc<Door>, feeds: Vec<Place>) -> Self {
        Self { seat, door, feeds, next_feed: 0, closed: false }
    }

    /// The latest frame of a deal that has one, beginning with the deal after the one that was served last.
    fn next_frame(&mut self) -> Option<ByteString> {
        let (served, waiting) = self.feeds.split_at_checked(self.next_feed)?;
        let mut feeds = (self.next_feed..).zip(waiting).chain((0..).zip(served));
        let (place, frame) = feeds.find_map(|(place, feed)| Some((place, feed.newer()?)))?;
        self.next_feed = place + 1;
        Some(frame.into_text())
    }
}

impl Stream for Outbox {
    type Item = Push;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Push>> {
        if self.closed {
            return Poll::Ready(None);
        }
        let wish = self.seat.line().wish(context.waker());
        self.door.open();
        match wish {
            Some(Wish::Leave(farewell)) => {
                self.closed = true;
                self.door.close();
                Poll::Ready(Some(Push::Close(farewell)))
            }
            Some(Wish::Ping) => Poll::Ready(Some(Push::Ping)),
            // Who has the latest of everything is woken by the next round of frames.
            None => self.next_frame().map_or(Poll::Pending, |frame| Poll::Ready(Some(Push::Frame(frame)))),
        }
    }
}
