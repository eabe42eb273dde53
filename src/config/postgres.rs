//! Settings of the Postgres connection pool.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::problem::ConfigProblems;
use super::units;

/// Settings of the Postgres pool. `config/postgres.toml` has the defaults and explains each key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresConfig {
    /// URL of the database, which may contain a password.
    pub database_url: SecretString,
    /// Maximum connections in the pool. The lanes' own connections are not part of it.
    pub pool_max: u32,
    /// How long to wait for a pooled connection.
    #[serde(rename = "acquire_timeout_ms", deserialize_with = "units::ms")]
    pub acquire_timeout: Duration,
    /// Statement timeout of pooled connections.
    #[serde(rename = "statement_timeout_ms", deserialize_with = "units::ms")]
    pub statement_timeout: Duration,
    /// Lock timeout of pooled connections.
    #[serde(rename = "lock_timeout_ms", deserialize_with = "units::ms")]
    pub lock_timeout: Duration,
}

impl PostgresConfig {
    pub(super) fn check(&self, problems: &mut ConfigProblems) {
        let url = self.database_url.expose_secret();
        problems.require(
            url.starts_with("postgres://") || url.starts_with("postgresql://"),
            "postgres.database_url",
            "is required and must begin with postgres://; set DATABASE_URL, or use `muster dev`, which starts a private server",
        );
        problems.require(self.pool_max >= 2, "postgres.pool_max", "must be at least 2");
        problems.require(!self.acquire_timeout.is_zero(), "postgres.acquire_timeout_ms", "must be above 0");
        problems.require(!self.statement_timeout.is_zero(), "postgres.statement_timeout_ms", "must be above 0");
        problems.require(!self.lock_timeout.is_zero(), "postgres.lock_timeout_ms", "must be above 0");
    }
}
