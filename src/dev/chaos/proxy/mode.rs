//! The modes of a link.

use std::time::Duration;

/// How a link treats the bytes that it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dev::chaos) enum Mode {
    /// Forwards bytes unchanged.
    Pass,
    /// Drops every connection and refuses new ones.
    Cut,
    /// Keeps connections open but holds bytes back until the mode changes.
    Silent,
    /// Delays both directions.
    Delay(Duration),
    /// Delays replies only.
    DelayReplies(Duration),
    /// Limits the rate of each direction of each connection.
    Slow { bytes_per_second: u32 },
    /// Resets the connection instead of forwarding every n-th reply.
    ResetOnReply { every: u32 },
    /// Cuts a lane's connection instead of forwarding every n-th reply to a batch, which has been committed by then.
    CutOnCommit { every: u32 },
}

impl Mode {
    pub(super) fn lets_connect(self) -> bool {
        self != Self::Cut
    }
}
