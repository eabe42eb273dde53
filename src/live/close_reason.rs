//! Why the server closes a socket, and the close code of each reason.

/// Why the server closes a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CloseReason {
    /// The node is shutting down; the client should reconnect, which takes it to another node.
    Restart = 1,
    /// The client sent nothing for too long, not even pongs.
    Silent,
    /// The client exceeded its rate of bytes or messages.
    OverBudget,
    /// A message exceeded the size limit.
    TooBig,
    /// A message arrived in fragments, which the server does not reassemble.
    Fragmented,
    /// The bytes were not valid WebSocket frames.
    Protocol,
}

impl CloseReason {
    const ALL: [Self; 6] =
        [Self::Restart, Self::Silent, Self::OverBudget, Self::TooBig, Self::Fragmented, Self::Protocol];

    pub(super) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| *reason as u8 == number)
    }

    /// The close code (RFC 6455, 7.4.1, and the IANA registry for 1012).
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Restart => 1012,
            Self::Silent | Self::OverBudget => 1008,
            Self::TooBig => 1009,
            Self::Fragmented => 1003,
            Self::Protocol => 1002,
        }
    }

    /// The reason's name in close frames and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Silent => "silent",
            Self::OverBudget => "over_budget",
            Self::TooBig => "too_big",
            Self::Fragmented => "fragmented",
            Self::Protocol => "protocol",
        }
    }
}
