//! What can be set, one file per concern; the defaults and what each key means stand in `config/*.toml`.
//!
//! Later sources win: defaults, profile, file, `DATABASE_URL` and `REDIS_URL`, `MUSTER__SECTION__KEY` in the environment,
//! and what the command line sets. Unknown keys are refused, and all problems are reported at once, each with its path.
//! After [`Config::load`] nobody checks again.

mod lanes;
mod limits;
mod live;
mod load;
mod mail;
mod network;
mod postgres;
mod problem;
mod redis;
mod security;
mod server;
mod tree;
mod units;
mod workers;

#[cfg(test)]
mod tests;

use serde::Deserialize;

pub use self::lanes::LanesConfig;
pub use self::limits::{LimitsConfig, Rate};
pub use self::live::LiveConfig;
pub use self::load::{Profile, Sources};
pub use self::mail::MailConfig;
pub use self::network::Network;
pub use self::postgres::PostgresConfig;
pub use self::problem::{ConfigProblem, ConfigProblems};
pub use self::redis::RedisConfig;
pub use self::security::{CouponKey, SecurityConfig};
pub use self::server::{BaseUrl, ServerConfig};
pub use self::workers::WorkersConfig;

/// Everything that can be set. Secrets are redacted in `Debug`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The HTTP server.
    pub server: ServerConfig,
    /// Postgres, lanes apart.
    pub postgres: PostgresConfig,
    /// The lanes that commit joins.
    pub lanes: LanesConfig,
    /// Redis.
    pub redis: RedisConfig,
    /// The live counter.
    pub live: LiveConfig,
    /// Rate limits.
    pub limits: LimitsConfig,
    /// Passwords, sessions, coupon keys.
    pub security: SecurityConfig,
    /// E-mail.
    pub mail: MailConfig,
    /// Periods of what happens by itself.
    pub workers: WorkersConfig,
}

impl Config {
    /// Reads all sources and checks the whole.
    ///
    /// # Errors
    /// All problems that were found, each with the path of its key.
    pub fn load(sources: &Sources) -> Result<Self, ConfigProblems> {
        let mut problems = ConfigProblems::default();
        let config = load::read(sources, &mut problems);
        if let Some(config) = &config {
            config.check(&mut problems);
        }
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(problems),
        }
    }

    fn check(&self, problems: &mut ConfigProblems) {
        self.server.check(problems);
        self.postgres.check(problems);
        self.lanes.check(problems);
        self.redis.check(problems);
        self.live.check(problems);
        self.limits.check(problems);
        self.security.check(problems);
        self.mail.check(problems);
        self.workers.check(problems);
    }
}
