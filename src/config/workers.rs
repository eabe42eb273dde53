//! What happens by itself, and how often.

use std::time::Duration;

use serde::Deserialize;

use super::problem::ConfigProblems;
use super::units;

/// See `config/workers.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkersConfig {
    /// How often to look for signups without coupons.
    #[serde(rename = "settle_every_ms", deserialize_with = "units::ms")]
    pub settle_every: Duration,
    /// The most signups settled in one call.
    pub settle_chunk: u32,
    /// How often to look for deals whose window is over.
    #[serde(rename = "close_every_ms", deserialize_with = "units::ms")]
    pub close_every: Duration,
    /// How often to tell Redis what changed.
    #[serde(rename = "reconcile_every_ms", deserialize_with = "units::ms")]
    pub reconcile_every: Duration,
    /// How far back that looks.
    #[serde(rename = "reconcile_window_s", deserialize_with = "units::s")]
    pub reconcile_window: Duration,
    /// How often to look for mails that are due.
    #[serde(rename = "outbox_every_ms", deserialize_with = "units::ms")]
    pub outbox_every: Duration,
    /// The most mails taken at once.
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
