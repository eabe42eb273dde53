//! Settings of the lanes, the queues that commit joins and leaves in groups.

use std::time::Duration;

use serde::Deserialize;

use super::problem::ConfigProblems;
use super::units;

/// Settings of the lanes. `config/lanes.toml` has the defaults and explains each key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanesConfig {
    /// Number of lanes on this node.
    pub count: usize,
    /// Maximum joins in one commit.
    pub batch_max: usize,
    /// Maximum joins and leaves waiting in one lane.
    pub queue_max: usize,
    /// Share of a lane's queue that one deal may fill, in percent.
    pub deal_share_percent: usize,
    /// Longest wait in the queue before a join gets a 503.
    #[serde(rename = "queue_wait_max_ms", deserialize_with = "units::ms")]
    pub queue_wait_max: Duration,
    /// Time after which an uncommitted join is answered 202.
    #[serde(rename = "reply_after_ms", deserialize_with = "units::ms")]
    pub reply_after: Duration,
    /// Lock timeout of a lane's connection.
    #[serde(rename = "lock_timeout_ms", deserialize_with = "units::ms")]
    pub lock_timeout: Duration,
    /// Maximum joins in flight per lane while Redis is unavailable.
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
