//! Settings of the rate limiters.

use std::time::Duration;

use serde::Deserialize;

use super::problem::ConfigProblems;
use super::units;

/// A rate: `count` requests per `period`. A burst may use the whole count; the count refills evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests per period, and the size of a burst.
    pub count: u32,
    /// The time in which an exhausted limit refills completely.
    #[serde(rename = "period_s", deserialize_with = "units::s")]
    pub period: Duration,
}

/// Settings of the rate limiters. `config/limits.toml` has the defaults and explains each key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// All requests from one address.
    pub requests_per_address: Rate,
    /// Joins and leaves from one address.
    pub joins_per_address: Rate,
    /// Joins and leaves of one account.
    pub joins_per_account: Rate,
    /// Joins and leaves of one account in one deal.
    pub joins_per_account_and_deal: Rate,
    /// All other writes of one account.
    pub writes_per_account: Rate,
    /// Sign-in attempts per pair of account and address.
    pub logins_per_account: Rate,
    /// Sign-in attempts from one address.
    pub logins_per_address: Rate,
    /// Sign-in attempts and new accounts on this node: each hashes a password.
    pub logins_per_node: Rate,
    /// New accounts from one address.
    pub accounts_per_address: Rate,
    /// New tokens of one account.
    pub tokens_per_account: Rate,
}

impl LimitsConfig {
    pub(super) fn check(&self, problems: &mut ConfigProblems) {
        let rates = [
            ("requests_per_address", self.requests_per_address),
            ("joins_per_address", self.joins_per_address),
            ("joins_per_account", self.joins_per_account),
            ("joins_per_account_and_deal", self.joins_per_account_and_deal),
            ("writes_per_account", self.writes_per_account),
            ("logins_per_account", self.logins_per_account),
            ("logins_per_address", self.logins_per_address),
            ("logins_per_node", self.logins_per_node),
            ("accounts_per_address", self.accounts_per_address),
            ("tokens_per_account", self.tokens_per_account),
        ];
        for (name, rate) in rates {
            problems.require(rate.count >= 1, &format!("limits.{name}.count"), "must be at least 1");
            problems.require(!rate.period.is_zero(), &format!("limits.{name}.period_s"), "must be at least 1");
        }
    }
}
