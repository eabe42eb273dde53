//! Postgres: where it is, and how long to wait for it.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::problem::ConfigProblems;
use super::units;

/// See `config/postgres.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresConfig {
    /// Where Postgres is; it may hold a password.
    pub database_url: SecretString,
    /// Connections for everything but the lanes.
    pub pool_max: u32,
    /// How long to wait for one of them.
    #[serde(rename = "acquire_timeout_ms", deserialize_with = "units::ms")]
    pub acquire_timeout: Duration,
    /// The longest statement of a page or a worker.
    #[serde(rename = "statement_timeout_ms", deserialize_with = "units::ms")]
    pub statement_timeout: Duration,
    /// The longest wait for a locked row.
    #[serde(rename = "lock_timeout_ms", deserialize_with = "units::ms")]
    pub lock_timeout: Duration,
}

impl PostgresConfig {
    pub(super) fn check(&self, problems: &mut ConfigProblems) {
        let url = self.database_url.expose_secret();
        problems.require(
            url.starts_with("postgres://") || url.starts_with("postgresql://"),
            "postgres.database_url",
            "is required, and begins with postgres://; DATABASE_URL sets it, or `muster dev` brings a server of its own",
        );
        problems.require(self.pool_max >= 2, "postgres.pool_max", "must be at least 2");
        problems.require(!self.acquire_timeout.is_zero(), "postgres.acquire_timeout_ms", "must be above 0");
        problems.require(!self.statement_timeout.is_zero(), "postgres.statement_timeout_ms", "must be above 0");
        problems.require(!self.lock_timeout.is_zero(), "postgres.lock_timeout_ms", "must be above 0");
    }
}
