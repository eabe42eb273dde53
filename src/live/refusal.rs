//! Why a socket was not opened.

/// Why a request for a socket was refused, before the connection was upgraded. The web layer turns the refusal into a
/// problem document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The `Origin` header names a site that may not connect.
    #[error("this origin may not open live sockets")]
    WrongOrigin,
    /// The request named no deal.
    #[error("name at least one deal: ?deal=ID")]
    NoDeal,
    /// The request named more deals than one socket may watch.
    #[error("one socket watches at most {max} deals")]
    TooManyDeals {
        /// Maximum deals that one socket may watch.
        max: usize,
    },
    /// The address has too many open sockets.
    #[error("too many live sockets are open from this address")]
    AddressFull,
    /// The address opens sockets too fast, whether or not it closes them again.
    #[error("this address opens live sockets too fast")]
    AddressTooFast,
    /// The node is full, or too many sockets opened within the last second.
    #[error("this server takes no more live sockets at the moment")]
    NodeBusy,
    /// The node is shutting down.
    #[error("this server is restarting")]
    Draining,
    /// The request is not a WebSocket handshake.
    #[error("this route accepts only WebSocket handshakes")]
    NotAWebSocket,
}

impl Refusal {
    /// The refusal's code in problem documents and metrics.
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

    /// Seconds to wait before trying again; `None` if trying again cannot help.
    #[must_use]
    pub const fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::AddressFull => Some(30),
            Self::AddressTooFast | Self::NodeBusy | Self::Draining => Some(5),
            Self::WrongOrigin | Self::NoDeal | Self::TooManyDeals { .. } | Self::NotAWebSocket => None,
        }
    }
}
