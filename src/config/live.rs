//! The live counter's sockets.

use std::time::Duration;

use serde::Deserialize;

use super::problem::ConfigProblems;
use super::server::BaseUrl;
use super::units;

/// However many watch: live counts are right within two seconds.
const LONGEST_FRAME_PERIOD: Duration = Duration::from_secs(1);

/// See `config/live.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveConfig {
    /// The most frames per second and deal.
    pub frames_per_second_max: u32,
    /// The most frames per second that all watchers of one deal on this node get together.
    pub fan_out_per_second_max: u32,
    /// How often the figures of watched deals are read from Postgres.
    #[serde(rename = "resync_every_ms", deserialize_with = "units::ms")]
    pub resync_every: Duration,
    /// Bytes that a browser may send at once.
    pub inbound_burst_bytes: usize,
    /// Bytes that it may send per second in the long run.
    pub inbound_bytes_per_second: usize,
    /// Messages that it may send at once.
    pub messages_burst: usize,
    /// Messages that it may send per second in the long run.
    pub messages_per_second: usize,
    /// The largest frame that it may send.
    pub frame_max_bytes: usize,
    /// The most deals of one socket.
    pub deals_per_socket_max: usize,
    /// The most sockets of one address.
    pub sockets_per_address_max: usize,
    /// Sockets that one address may open at once, whether or not it closes them again.
    pub opens_per_address_burst: usize,
    /// Sockets that it may open per second in the long run.
    pub opens_per_address_per_second: usize,
    /// The most sockets of this node.
    pub sockets_per_node_max: usize,
    /// The most new sockets per second of this node.
    pub upgrades_per_second_max: usize,
    /// How often a browser is asked whether it is there.
    #[serde(rename = "ping_every_s", deserialize_with = "units::s")]
    pub ping_every: Duration,
    /// How long it may be silent.
    #[serde(rename = "pong_timeout_s", deserialize_with = "units::s")]
    pub pong_timeout: Duration,
    /// Websites that may open sockets, besides `server.base_url`.
    pub allowed_origins: Vec<BaseUrl>,
    /// What the kernel buffers for a reader.
    pub send_buffer_bytes: usize,
    /// When the kernel gives up on a reader.
    #[serde(rename = "user_timeout_ms", deserialize_with = "units::ms")]
    pub user_timeout: Duration,
    /// How long a socket that was told to go may take to do so.
    #[serde(rename = "farewell_grace_ms", deserialize_with = "units::ms")]
    pub farewell_grace: Duration,
    /// The share of the sockets that is told to go in each second of a shutdown.
    pub drain_percent_per_second: usize,
}

impl LiveConfig {
    /// The least time between two frames of a deal that so many watch on this node.
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
            "must be at least live.sockets_per_address_max: after a restart all of them come back at once",
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
