//! Redis: where it is, and how long to wait for it.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::problem::ConfigProblems;
use super::units;

const SCHEMES: [&str; 4] = ["redis://", "rediss://", "redis+unix://", "unix://"];

/// See `config/redis.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// Where Redis is; it may hold a password.
    pub url: SecretString,
    /// Begins the name of every key.
    pub prefix: String,
    /// How long a place is held for a join that is being recorded.
    #[serde(rename = "hold_ttl_ms", deserialize_with = "units::ms")]
    pub hold_ttl: Duration,
    /// How long connecting may take.
    #[serde(rename = "connect_timeout_ms", deserialize_with = "units::ms")]
    pub connect_timeout: Duration,
    /// How long an answer may take before it counts as none.
    #[serde(rename = "response_timeout_ms", deserialize_with = "units::ms")]
    pub response_timeout: Duration,
    /// Start although keys may be evicted.
    pub allow_eviction: bool,
}

impl RedisConfig {
    pub(super) fn check(&self, problems: &mut ConfigProblems) {
        let url = self.url.expose_secret();
        problems.require(
            SCHEMES.iter().any(|scheme| url.starts_with(scheme)),
            "redis.url",
            "is required, and begins with redis://, rediss:// or redis+unix://; REDIS_URL sets it, or `muster dev` brings a server of its own",
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
