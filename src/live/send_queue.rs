//! What one socket sends next: a pending command first, then the latest frame of each of its deals.
//!
//! The queue stores no frames. A slow reader that catches up gets only the latest frame of each deal.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytestring::ByteString;
use futures_util::Stream;

use super::close_reason::CloseReason;
use super::control::Command;
use super::fan_out::{FrameWriter, SocketSubscription};
use super::sockets::Registration;

/// One WebSocket message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// The JSON text of a frame.
    Frame(ByteString),
    /// A ping, to check that the client is still connected.
    Ping,
    /// A close; nothing may follow it.
    Close(CloseReason),
}

/// The outgoing messages of one socket, as a stream that ends after a close.
pub struct SendQueue {
    registration: Registration,
    writer: Rc<FrameWriter>,
    subscriptions: Vec<SocketSubscription>,
    /// The subscription to check first, so that one busy deal cannot starve the others.
    next: usize,
    closed: bool,
}

impl SendQueue {
    /// The send queue of a registered socket with these subscriptions. The first poll enables `writer`.
    #[must_use]
    pub(super) fn new(
        registration: Registration,
        writer: Rc<FrameWriter>,
        subscriptions: Vec<SocketSubscription>,
    ) -> Self {
        Self { registration, writer, subscriptions, next: 0, closed: false }
    }

    /// The next unsent frame, in round-robin order over the deals.
    fn next_frame(&mut self) -> Option<ByteString> {
        let (served, waiting) = self.subscriptions.split_at_checked(self.next)?;
        let mut subscriptions = (self.next..).zip(waiting).chain((0..).zip(served));
        let (index, frame) =
            subscriptions.find_map(|(index, subscription)| Some((index, subscription.take_latest()?)))?;
        self.next = index + 1;
        Some(frame.into_text())
    }
}

impl Stream for SendQueue {
    type Item = Outgoing;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Outgoing>> {
        if self.closed {
            return Poll::Ready(None);
        }
        let command = self.registration.control().next_command(context.waker());
        self.writer.enable();
        match command {
            Some(Command::Close(reason)) => {
                self.closed = true;
                self.writer.disable();
                Poll::Ready(Some(Outgoing::Close(reason)))
            }
            Some(Command::Ping) => Poll::Ready(Some(Outgoing::Ping)),
            // With nothing left to send, the fan-out writes the next frame itself, or wakes this task if it cannot.
            None => self.next_frame().map_or(Poll::Pending, |frame| Poll::Ready(Some(Outgoing::Frame(frame)))),
        }
    }
}
