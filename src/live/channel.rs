//! A watched deal: its newest figures, and the frame that its subscribers see.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::message::{self, Frame};
use super::throttle::Throttle;
use crate::clock::Clock;
use crate::domain::Progress;

/// A new subscriber reads the server's time from its first frame, so a frame older than this is rendered again.
const FRAME_MAX_AGE: Duration = Duration::from_millis(250);

/// One watched deal.
pub(super) struct Channel {
    pub(super) frames: watch::Sender<Option<Frame>>,
    pub(super) subscribers: usize,
    pub(super) newest: Option<Progress>,
    pub(super) throttle: Throttle,
    pub(super) rendered_at: Option<Instant>,
    /// Whether the relay has received this deal, to read its figures.
    pub(super) requested: bool,
}

impl Channel {
    pub(super) fn new() -> Self {
        Self {
            frames: watch::Sender::new(None),
            subscribers: 0,
            newest: None,
            throttle: Throttle::new(Duration::ZERO),
            rendered_at: None,
            requested: false,
        }
    }

    /// Renders the newest figures and wakes the subscribers.
    pub(super) fn publish(&mut self, clock: &Clock, now: Instant) {
        if let Some(frame) = self.render(clock, now) {
            self.frames.send_replace(Some(frame));
        }
    }

    /// Renders the frame again if its `server_time` is too old. Subscribers that have the previous frame are not woken,
    /// because nothing else changed.
    pub(super) fn refresh(&mut self, clock: &Clock, now: Instant) {
        let is_stale = self.rendered_at.is_some_and(|at| now.saturating_duration_since(at) > FRAME_MAX_AGE);
        if is_stale && let Some(frame) = self.render(clock, now) {
            self.frames.send_if_modified(|latest| {
                *latest = Some(frame);
                false
            });
        }
    }

    pub(super) fn render(&mut self, clock: &Clock, now: Instant) -> Option<Frame> {
        self.rendered_at = Some(now);
        let text = message::frame(self.newest.as_ref()?, clock.now());
        let text = text.inspect_err(|error| tracing::error!(%error, "cannot serialise a frame")).ok()?;
        Some(Frame::new(text))
    }
}
