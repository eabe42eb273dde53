//! Settings of the Redis connections.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::problem::ConfigProblems;
use super::units;

const SCHEMES: [&str; 4] = ["redis://", "rediss://", "redis+unix://", "unix://"];

/// Settings of the Redis connections. `config/redis.toml` has the defaults and explains each key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// URL of Redis, which may contain a password.
    pub url: SecretString,
    /// Prefix of every key.
    pub prefix: String,
    /// Lifetime of a hold, the reservation in Redis while a join is being committed.
    #[serde(rename = "hold_ttl_ms", deserialize_with = "units::ms")]
    pub hold_ttl: Duration,
    /// Timeout for connecting.
    #[serde(rename = "connect_timeout_ms", deserialize_with = "units::ms")]
    pub connect_timeout: Duration,
    /// Timeout for a reply.
    #[serde(rename = "response_timeout_ms", deserialize_with = "units::ms")]
    pub response_timeout: Duration,
    /// Whether to start even if Redis may evict keys.
    pub allow_eviction: bool,
}

impl RedisConfig {
    pub(super) fn check(&self, problems: &mut ConfigProblems) {
        let url = self.url.expose_secret();
        problems.require(
            SCHEMES.iter().any(|scheme| url.starts_with(scheme)),
            "redis.url",
            "is required and must begin with redis://, rediss:// or redis+unix://; set REDIS_URL, or use `muster dev`, which starts a private server",
        );
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        problems.require(
            (1..=64).contains(&self.prefix.len()) && self.prefix.chars().all(is_word),
            "redis.prefix",
            "must be 1 to 64 letters, digits, hyphens or underscores",
        );
        problems.require(
            self.hold_ttl >= Duration::from_secs(1),
            "redis.hold_ttl_ms",
            "must be at least 1000: a hold must outlive the commit that it waits for",
        );
        problems.require(!self.connect_timeout.is_zero(), "redis.connect_timeout_ms", "must be above 0");
        problems.require(!self.response_timeout.is_zero(), "redis.response_timeout_ms", "must be above 0");
    }
}
