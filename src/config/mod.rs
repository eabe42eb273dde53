//! Configuration: one file per section. `config/*.toml` holds the defaults and explains each key.
//!
//! Sources in order of precedence, lowest first: defaults, profile, file, `DATABASE_URL` and `REDIS_URL`,
//! `MUSTER__SECTION__KEY` in the environment, overrides of a test or a fault run. Unknown keys are errors.
//! [`Config::load`] reports all problems, each with the path of its key; the rest of the program relies on the values
//! being valid.

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
pub use self::security::{CouponKey, CouponLookupKey, SecurityConfig};
pub use self::server::{BaseUrl, ServerConfig};
pub use self::workers::WorkersConfig;

/// The validated configuration. `Debug` redacts secrets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// HTTP server.
    pub server: ServerConfig,
    /// Postgres connection pool.
    pub postgres: PostgresConfig,
    /// Lanes that commit joins and leaves.
    pub lanes: LanesConfig,
    /// Redis connection.
    pub redis: RedisConfig,
    /// WebSocket connections with live counts.
    pub live: LiveConfig,
    /// Rate limits.
    pub limits: LimitsConfig,
    /// Passwords, sessions and coupon keys.
    pub security: SecurityConfig,
    /// Outgoing mail.
    pub mail: MailConfig,
    /// Background workers.
    pub workers: WorkersConfig,
}

impl Config {
    /// Merges all sources and validates the result.
    ///
    /// # Errors
    /// Every problem that was found, each with the path of its key.
    pub fn load(sources: &Sources) -> Result<Self, ConfigProblems> {
        let (config, problems) = Self::read(sources);
        config.filter(|_| problems.is_empty()).ok_or(problems)
    }

    /// Like [`Config::load`], but ignores problems in all other sections. The caller must not use those sections.
    ///
    /// # Errors
    /// The problems in these sections, and problems that concern no section, such as an unreadable file.
    pub fn load_sections(sources: &Sources, sections: &[&str]) -> Result<Self, ConfigProblems> {
        let (config, mut problems) = Self::read(sources);
        problems.ignore(|path| {
            let section = path.split('.').next().unwrap_or_default();
            load::is_section(section) && !sections.contains(&section)
        });
        config.filter(|_| problems.is_empty()).ok_or(problems)
    }

    fn read(sources: &Sources) -> (Option<Self>, ConfigProblems) {
        let mut problems = ConfigProblems::default();
        let config = load::read(sources, &mut problems);
        if let Some(config) = &config {
            config.check(&mut problems);
        }
        (config, problems)
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
