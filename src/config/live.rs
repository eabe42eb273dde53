//! Settings of the WebSocket connections that carry live counts.

use std::time::Duration;

use serde::Deserialize;

use super::problem::ConfigProblems;
use super::server::BaseUrl;
use super::units;

/// Upper bound on the time between frames, however many sockets watch a deal. Live counts must be right within 2
/// seconds.
const LONGEST_FRAME_PERIOD: Duration = Duration::from_secs(1);

/// Settings of live connections. `config/live.toml` has the defaults and explains each key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveConfig {
    /// Maximum frames per second for one socket and deal.
    pub frames_per_second_max: u32,
    /// Maximum frames per second for all watchers of one deal on this node together.
    pub fan_out_per_second_max: u32,
    /// Interval at which the counts of watched deals are read from Postgres.
    #[serde(rename = "resync_every_ms", deserialize_with = "units::ms")]
    pub resync_every: Duration,
    /// Inbound byte budget of one socket: burst size.
    pub inbound_burst_bytes: usize,
    /// Inbound byte budget of one socket: refill rate.
    pub inbound_bytes_per_second: usize,
    /// Inbound message budget of one socket: burst size.
    pub messages_burst: usize,
    /// Inbound message budget of one socket: refill rate.
    pub messages_per_second: usize,
    /// Largest inbound frame.
    pub frame_max_bytes: usize,
    /// Maximum deals that one socket may watch.
    pub deals_per_socket_max: usize,
    /// Maximum open sockets from one address.
    pub sockets_per_address_max: usize,
    /// Budget for opening sockets from one address: burst size. Closed sockets count too.
    pub opens_per_address_burst: usize,
    /// Budget for opening sockets from one address: refill rate.
    pub opens_per_address_per_second: usize,
    /// Maximum open sockets on this node.
    pub sockets_per_node_max: usize,
    /// Maximum new sockets per second on this node.
    pub upgrades_per_second_max: usize,
    /// Interval between pings.
    #[serde(rename = "ping_every_s", deserialize_with = "units::s")]
    pub ping_every: Duration,
    /// How long a browser may stay silent before its socket is closed.
    #[serde(rename = "pong_timeout_s", deserialize_with = "units::s")]
    pub pong_timeout: Duration,
    /// Origins that may open sockets, in addition to `server.base_url`.
    pub allowed_origins: Vec<BaseUrl>,
    /// Size of the kernel's send buffer for one socket.
    pub send_buffer_bytes: usize,
    /// How long sent data may stay unacknowledged (`TCP_USER_TIMEOUT`) before the connection is dropped.
    #[serde(rename = "user_timeout_ms", deserialize_with = "units::ms")]
    pub user_timeout: Duration,
    /// How long a socket may take to finish the closing handshake before the connection is dropped.
    #[serde(rename = "farewell_grace_ms", deserialize_with = "units::ms")]
    pub farewell_grace: Duration,
    /// Percentage of sockets closed per second during shutdown.
    pub drain_percent_per_second: usize,
}

impl LiveConfig {
    /// The minimum time between two frames of a deal with this many watchers on this node.
    #[must_use]
    pub fn frame_period(&self, watchers: usize) -> Duration {
        let of_each = Duration::from_secs(1) / self.frames_per_second_max.max(1);
        let watchers = u32::try_from(watchers).unwrap_or(u32::MAX);
        let of_all = Duration::from_secs(1) * watchers / self.fan_out_per_second_max.max(1);
        of_each.max(of_all).min(LONGEST_FRAME_PERIOD)
    }

    pub(super) fn check(&self, problems: &mut ConfigProblems) {
        problems.require(
            (1..=60).contains(&self.frames_per_second_max),
            "live.frames_per_second_max",
            "must be between 1 and 60",
        );
        problems.require(self.fan_out_per_second_max >= 100, "live.fan_out_per_second_max", "must be at least 100");
        problems.require(
            self.inbound_burst_bytes >= self.frame_max_bytes,
            "live.inbound_burst_bytes",
            "must be at least live.frame_max_bytes",
        );
        problems.require(self.inbound_bytes_per_second >= 1, "live.inbound_bytes_per_second", "must be at least 1");
        problems.require(
            (1..=2_000).contains(&self.resync_every.as_millis()),
            "live.resync_every_ms",
            "must be between 1 and 2000: live counts are right within 2 seconds",
        );
        problems.require(self.messages_burst >= 1, "live.messages_burst", "must be at least 1");
        problems.require(self.messages_per_second >= 1, "live.messages_per_second", "must be at least 1");
        problems.require(
            (1..=100).contains(&self.drain_percent_per_second),
            "live.drain_percent_per_second",
            "must be between 1 and 100",
        );
        problems.require(self.frame_max_bytes >= 125, "live.frame_max_bytes", "must be at least 125");
        problems.require(self.deals_per_socket_max >= 1, "live.deals_per_socket_max", "must be at least 1");
        problems.require(self.sockets_per_address_max >= 1, "live.sockets_per_address_max", "must be at least 1");
        problems.require(
            self.opens_per_address_burst >= self.sockets_per_address_max,
            "live.opens_per_address_burst",
            "must be at least live.sockets_per_address_max: after a restart, all of them reconnect within moments",
        );
        problems.require(
            self.opens_per_address_per_second >= 1,
            "live.opens_per_address_per_second",
            "must be at least 1",
        );
        problems.require(self.sockets_per_node_max >= 1, "live.sockets_per_node_max", "must be at least 1");
        problems.require(self.upgrades_per_second_max >= 1, "live.upgrades_per_second_max", "must be at least 1");
        problems.require(!self.ping_every.is_zero(), "live.ping_every_s", "must be at least 1");
        problems.require(self.pong_timeout > self.ping_every, "live.pong_timeout_s", "must be above live.ping_every_s");
        problems.require(self.send_buffer_bytes >= 4096, "live.send_buffer_bytes", "must be at least 4096");
        problems.require(!self.user_timeout.is_zero(), "live.user_timeout_ms", "must be above 0");
    }
}
