//! The lanes that commit joins and leaves.

use std::time::Duration;

use serde::Deserialize;

use super::problem::ConfigProblems;
use super::units;

/// See `config/lanes.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanesConfig {
    /// How many lanes; the same on every node.
    pub count: usize,
    /// The most joins in one commit.
    pub batch_max: usize,
    /// The most joins that wait in one lane.
    pub queue_max: usize,
    /// The share of a lane's queue that one deal may fill, in percent.
    pub deal_share_percent: usize,
    /// How long a join may wait in the queue.
    #[serde(rename = "queue_wait_max_ms", deserialize_with = "units::ms")]
    pub queue_wait_max: Duration,
    /// When an uncommitted join is answered 202.
    #[serde(rename = "reply_after_ms", deserialize_with = "units::ms")]
    pub reply_after: Duration,
    /// How long a lane waits for a locked deal.
    #[serde(rename = "lock_timeout_ms", deserialize_with = "units::ms")]
    pub lock_timeout: Duration,
    /// Joins under way at a time while Redis is away.
    pub degraded_in_flight_max: usize,
}

impl LanesConfig {
    pub(super) fn check(&self, problems: &mut ConfigProblems) {
        problems.require((1..=256).contains(&self.count), "lanes.count", "must be between 1 and 256");
        problems.require((1..=2_000).contains(&self.batch_max), "lanes.batch_max", "must be between 1 and 2000");
        problems.require(
            self.queue_max >= self.batch_max && self.queue_max <= 1_000_000,
            "lanes.queue_max",
            "must be between lanes.batch_max and 1000000",
        );
        problems.require(
            (1..=100).contains(&self.deal_share_percent),
            "lanes.deal_share_percent",
            "must be between 1 and 100",
        );
        problems.require(!self.queue_wait_max.is_zero(), "lanes.queue_wait_max_ms", "must be above 0");
        problems.require(
            self.reply_after > self.queue_wait_max,
            "lanes.reply_after_ms",
            "must be above lanes.queue_wait_max_ms",
        );
        problems.require(!self.lock_timeout.is_zero(), "lanes.lock_timeout_ms", "must be above 0");
        problems.require(self.degraded_in_flight_max >= 1, "lanes.degraded_in_flight_max", "must be at least 1");
    }
}
