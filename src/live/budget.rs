//! What a client may send, checked before anything decodes or keeps it.
//!
//! The WebSocket codec gathers whatever has arrived into one buffer without a limit: empty messages that nobody answers
//! made a server grow by what was sent, gigabytes within seconds. So the bytes are counted in front of it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::Stream;
use tokio::time::Instant;

use super::bucket::TokenBucket;
use super::line::{Farewell, Line, Wish};

/// A stream of what the client sends that dries up, and has the socket sent away, when it exceeds its budget.
#[derive(Debug)]
pub struct Budgeted<S> {
    stream: S,
    bytes: TokenBucket,
    exceeded: bool,
    line: Arc<Line>,
}

impl<S> Budgeted<S> {
    /// Lets as much of `stream` through as `bytes` has tokens. The line hears of everything that was read.
    pub fn new(stream: S, bytes: TokenBucket, line: Arc<Line>) -> Self {
        Self { stream, bytes, exceeded: false, line }
    }
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Stream for Budgeted<S> {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.exceeded {
            // Not the end of the stream: that would end the socket without a farewell. Nothing more is read.
            return Poll::Pending;
        }
        let next = Pin::new(&mut self.stream).poll_next(context);
        if let Poll::Ready(Some(Ok(chunk))) = &next {
            let now = Instant::now();
            self.line.hear(now);
            if !self.bytes.take(chunk.len(), now) {
                self.exceeded = true;
                self.line.ask(Wish::Leave(Farewell::OverBudget));
                return Poll::Pending;
            }
        }
        next
    }
}
