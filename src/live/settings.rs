//! The numbers of the live feed.

use std::time::Duration;

use tokio::time::Instant;

use super::bucket::TokenBucket;

/// Paces and limits of the live feed. The defaults are those of a production node.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The least time between two frames of one deal.
    pub frame_period: Duration,
    /// How often the figures of every watched deal are read again, in case the bus lost some.
    pub resync_every: Duration,
    /// Deals that one socket may watch.
    pub deals_per_socket: usize,
    /// Sockets open at once from one address (an IPv4 address, or the /56 of an IPv6 one).
    pub sockets_per_address: u32,
    /// Sockets open at once on this node.
    pub sockets_per_node: usize,
    /// Upgrades a second on this node; as many may come at once after a quiet second.
    pub upgrades_per_s: u32,
    /// Bytes that a client may send at once; they come back over `inbound_period`.
    pub inbound_burst_bytes: u32,
    /// The time in which `inbound_burst_bytes` are allowed again.
    pub inbound_period: Duration,
    /// The largest message that a client may send.
    pub frame_max_bytes: usize,
    /// Messages that a client may send at once; they come back over `messages_period`.
    pub messages_burst: u32,
    /// The time in which `messages_burst` messages are allowed again.
    pub messages_period: Duration,
    /// How often a socket is pinged, so that proxies keep it and dead ones are noticed.
    pub ping_every: Duration,
    /// A socket from which nothing was read for so long is closed.
    pub silent_after: Duration,
    /// How long a closed socket may take to send what is left, before it is cut.
    pub farewell_grace: Duration,
    /// `TCP_USER_TIMEOUT`: how long sent bytes may stay unacknowledged, or a full window closed.
    pub unacknowledged_max: Duration,
    /// `SO_SNDBUF` of a socket: what the kernel queues for a slow reader.
    pub send_buffer_bytes: usize,
    /// The share of the sockets that is closed each second when the node shuts down, in percent.
    pub drain_percent_per_s: u32,
    /// Origins (`https://example.org`) that may open sockets besides the one that the request itself names as its host.
    pub allowed_origins: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            frame_period: Duration::from_millis(100),
            resync_every: Duration::from_millis(1_500),
            deals_per_socket: 32,
            sockets_per_address: 200,
            sockets_per_node: 20_000,
            upgrades_per_s: 2_000,
            inbound_burst_bytes: 16 * 1024,
            inbound_period: Duration::from_secs(16),
            frame_max_bytes: 4096,
            messages_burst: 20,
            messages_period: Duration::from_secs(10),
            ping_every: Duration::from_secs(25),
            silent_after: Duration::from_secs(45),
            farewell_grace: Duration::from_secs(5),
            unacknowledged_max: Duration::from_secs(20),
            send_buffer_bytes: 32 * 1024,
            drain_percent_per_s: 2,
            allowed_origins: Vec::new(),
        }
    }
}

impl Settings {
    /// A new client's budget of bytes.
    #[must_use]
    pub fn inbound_bucket(&self, now: Instant) -> TokenBucket {
        TokenBucket::new(self.inbound_burst_bytes, self.inbound_period, now)
    }

    /// A new client's budget of messages.
    #[must_use]
    pub fn messages_bucket(&self, now: Instant) -> TokenBucket {
        TokenBucket::new(self.messages_burst, self.messages_period, now)
    }
}
