//! Limits the bytes that a client may send, before anything decodes or buffers them.
//!
//! The WebSocket codec reads everything that has arrived into one buffer of unlimited size. A client that sends empty
//! messages in a tight loop grows that buffer by gigabytes within seconds, so the bytes are counted in front of the
//! codec.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::Stream;
use tokio::time::Instant;

use super::close_reason::CloseReason;
use super::control::{Command, SocketControl};
use super::token_bucket::TokenBucket;

/// A client's byte stream, rate-limited. Exceeding the limit stops the stream and closes the socket.
#[derive(Debug)]
pub struct LimitedPayload<S> {
    stream: S,
    bytes: TokenBucket,
    exceeded: bool,
    control: Arc<SocketControl>,
}

impl<S> LimitedPayload<S> {
    /// Passes on as many bytes of `stream` as `bytes` has tokens, and records every read in `control`.
    pub fn new(stream: S, bytes: TokenBucket, control: Arc<SocketControl>) -> Self {
        Self { stream, bytes, exceeded: false, control }
    }
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Stream for LimitedPayload<S> {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.exceeded {
            // Ending the stream here would end the socket before it sends its close frame.
            return Poll::Pending;
        }
        let next = Pin::new(&mut self.stream).poll_next(context);
        if let Poll::Ready(Some(Ok(chunk))) = &next {
            let now = Instant::now();
            self.control.record_read(now);
            if !self.bytes.take(chunk.len(), now) {
                self.exceeded = true;
                self.control.send(Command::Close(CloseReason::OverBudget));
                return Poll::Pending;
            }
        }
        next
    }
}
