//! Settings of the background workers.

use std::time::Duration;

use serde::Deserialize;

use super::problem::ConfigProblems;
use super::units;

/// Settings of the background workers. `config/workers.toml` has the defaults and explains each key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkersConfig {
    /// Interval at which the settler looks for signups without coupons.
    #[serde(rename = "settle_every_ms", deserialize_with = "units::ms")]
    pub settle_every: Duration,
    /// Maximum coupons issued in one call.
    pub settle_chunk: u32,
    /// Interval at which the closer looks for deals whose window has ended.
    #[serde(rename = "close_every_ms", deserialize_with = "units::ms")]
    pub close_every: Duration,
    /// Interval at which the reconciler compares recently changed deals with Redis.
    #[serde(rename = "reconcile_every_ms", deserialize_with = "units::ms")]
    pub reconcile_every: Duration,
    /// How recently a deal must have changed for the reconciler to compare it.
    #[serde(rename = "reconcile_window_s", deserialize_with = "units::s")]
    pub reconcile_window: Duration,
    /// Interval at which the outbox worker looks for due mails.
    #[serde(rename = "outbox_every_ms", deserialize_with = "units::ms")]
    pub outbox_every: Duration,
    /// Maximum mails claimed in one call.
    pub outbox_chunk: u32,
}

impl WorkersConfig {
    pub(super) fn check(&self, problems: &mut ConfigProblems) {
        let periods = [
            ("workers.settle_every_ms", self.settle_every),
            ("workers.close_every_ms", self.close_every),
            ("workers.reconcile_every_ms", self.reconcile_every),
            ("workers.outbox_every_ms", self.outbox_every),
        ];
        for (path, period) in periods {
            problems.require(period >= Duration::from_millis(10), path, "must be at least 10");
        }
        problems.require(
            self.reconcile_window > self.reconcile_every,
            "workers.reconcile_window_s",
            "must be longer than workers.reconcile_every_ms",
        );
        problems.require(
            (1..=10_000).contains(&self.settle_chunk),
            "workers.settle_chunk",
            "must be between 1 and 10000",
        );
        problems.require(
            (1..=10_000).contains(&self.outbox_chunk),
            "workers.outbox_chunk",
            "must be between 1 and 10000",
        );
    }
}
