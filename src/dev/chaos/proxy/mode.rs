//! What a link can do.

use std::time::Duration;

/// What a link does with what comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dev::chaos) enum Mode {
    /// Hands it on.
    Pass,
    /// Drops every connection, and refuses new ones.
    Cut,
    /// Keeps every connection, and lets nothing through: it arrives when the link is well again.
    Silent,
    /// Hands it on later, in both directions.
    Delay(Duration),
    /// Hands on answers later, and questions at once.
    DelayAnswers(Duration),
    /// Hands on so many bytes in a second, each direction and connection by itself.
    Slow {
        /// Bytes in a second.
        bytes_per_second: u32,
    },
    /// Resets the connection on each so manieth answer, instead of handing it on.
    ResetOnAnswer {
        /// 1: on each.
        every: u32,
    },
    /// Cuts a lane's connection on each so manieth answer to a batch: it is committed, and the node does not know.
    CutOnCommit {
        /// 1: on each.
        every: u32,
    },
}

impl Mode {
    pub(super) fn lets_connect(self) -> bool {
        self != Self::Cut
    }
}
