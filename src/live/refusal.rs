//! Why a socket was not opened.

/// Why a request for a socket was refused, before anything was upgraded. The web layer makes problem documents of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A page of another site asked.
    #[error("this origin may not open live sockets")]
    WrongOrigin,
    /// No deal was named.
    #[error("name at least one deal: ?deal=ID")]
    NoDeal,
    /// More deals were named than one socket may watch.
    #[error("one socket watches at most {max} deals")]
    TooManyDeals {
        /// The most deals of one socket.
        max: usize,
    },
    /// Too many sockets are open from this address.
    #[error("too many live sockets are open from this address")]
    AddressFull,
    /// This address opens sockets faster than it may, whether or not it closes them again.
    #[error("this address opens live sockets too fast")]
    AddressTooFast,
    /// The node has as many sockets as it takes, or too many came within a second.
    #[error("this server takes no more live sockets at the moment")]
    NodeBusy,
    /// The node is shutting down.
    #[error("this server is restarting")]
    Draining,
    /// The request is not a WebSocket handshake.
    #[error("this address speaks WebSocket only")]
    NotAWebSocket,
}

impl Refusal {
    /// The word for it, in problem documents and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WrongOrigin => "wrong_origin",
            Self::NoDeal => "no_deal",
            Self::TooManyDeals { .. } => "too_many_deals",
            Self::AddressFull => "too_many_sockets",
            Self::AddressTooFast => "sockets_too_fast",
            Self::NodeBusy => "busy",
            Self::Draining => "restarting",
            Self::NotAWebSocket => "not_a_websocket",
        }
    }

    /// How long the client should wait before it tries again; none if trying again is of no use.
    #[must_use]
    pub const fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::AddressFull => Some(30),
            Self::AddressTooFast | Self::NodeBusy | Self::Draining => Some(5),
            Self::WrongOrigin | Self::NoDeal | Self::TooManyDeals { .. } | Self::NotAWebSocket => None,
        }
    }
}
