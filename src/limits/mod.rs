//! Rate limits.
//!
//! Defines which limits exist and what each of them counts. Every node counts locally. It calls Redis for the shared
//! count only when more than half of a limit is used, so a typical request costs no I/O. While Redis is unavailable the
//! local count decides alone, so some limit always applies.
//!
//! Memory is bounded: a subject without recent requests is forgotten, and then starts with a full limit.

mod gcra;

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use self::gcra::{GcraRate, Usage, Verdict};
use crate::clock::Clock;
use crate::config::{LimitsConfig, Rate};
use crate::domain::{AccountId, DealId, Email};
use crate::quota::{Draw, Quota, Taken};
use crate::recent::Recent;

/// Maximum subjects that a node remembers, over all limits.
const SUBJECTS_MAX: usize = 262_144;
/// The map is sharded so that requests rarely wait for each other's lock.
const SHARDS: usize = 16;

/// The network that a request comes from: the /24 of an IPv4 address, the /56 of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & 0xffff_ff00).into()),
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 72)).into()),
        })
    }
}

/// A limit, with the subject that it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// All requests from one network.
    Requests(Network),
    /// Joins and leaves from one network.
    JoinsFrom(Network),
    /// Joins and leaves of one account.
    JoinsOf(AccountId),
    /// Joins and leaves of one account in one deal.
    JoinsIn(AccountId, DealId),
    /// All other writes of one account.
    WritesOf(AccountId),
    /// Sign-in attempts for one e-mail address from one network. Attackers in other networks cannot lock the owner out.
    LoginsOf(EmailDigest, Network),
    /// Sign-in attempts from one network.
    LoginsFrom(Network),
    /// Requests to this node that hash a password. Never shared.
    LoginsHere,
    /// New accounts from one network.
    AccountsFrom(Network),
    /// New tokens of one account.
    TokensOf(AccountId),
}

/// A digest of an e-mail address, because Redis keys must not contain addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EmailDigest(u64);

impl From<&Email> for EmailDigest {
    fn from(email: &Email) -> Self {
        let digest = Sha256::digest(email.as_str());
        Self(digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first)))
    }
}

/// A limit was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests: try again in {retry_after_s} s")]
pub struct RateLimited {
    /// Seconds until the next attempt can succeed; at least 1.
    pub retry_after_s: u32,
}

/// Applies rate limits. Cheap to clone.
#[derive(Clone)]
pub struct Limits {
    shared: Arc<Shared>,
}

struct Shared {
    config: LimitsConfig,
    clock: Clock,
    quota: Quota,
    hasher: RandomState,
    shards: [Mutex<Recent<Limit, Usage>>; SHARDS],
}

impl Limits {
    /// Creates limiters with these rates.
    #[must_use]
    pub fn new(config: LimitsConfig, clock: Clock, quota: Quota) -> Self {
        let shards = std::array::from_fn(|_| Mutex::new(Recent::new(SUBJECTS_MAX / SHARDS)));
        Self { shared: Arc::new(Shared { config, clock, quota, hasher: RandomState::new(), shards }) }
    }

    /// Counts one request against a limit.
    ///
    /// # Errors
    /// The limit was exceeded; the request was not counted.
    pub async fn take(&self, limit: Limit) -> Result<(), RateLimited> {
        let Some(rate) = GcraRate::new(self.shared.config.rate_of(&limit)) else { return Ok(()) };
        match self.with_usage(limit, |usage, now_us| usage.take(rate, now_us)) {
            Verdict::Allowed => Ok(()),
            Verdict::Limited { retry_us } => Err(rate_limited(retry_us)),
            Verdict::AskShared { debt } => self.ask_shared(limit, rate, debt).await,
        }
    }

    async fn ask_shared(&self, limit: Limit, rate: GcraRate, debt: u32) -> Result<(), RateLimited> {
        let Some(subject) = limit.subject() else { return Ok(()) };
        let draw = Draw { interval_us: rate.interval_us, burst: rate.burst, cost: 1, debt };
        match self.shared.quota.draw(limit.name(), &subject, draw).await {
            Ok(Taken::Ok { .. }) => Ok(()),
            Ok(Taken::Limited { retry_after }) => {
                let retry_us = i64::try_from(retry_after.as_micros()).unwrap_or(i64::MAX);
                self.with_usage(limit, |usage, now_us| usage.refuse_for(rate, now_us, retry_us));
                Err(rate_limited(retry_us))
            }
            Err(_unavailable) => {
                self.with_usage(limit, |usage, _| usage.keep_unreported(debt));
                Ok(())
            }
        }
    }

    fn with_usage<T>(&self, limit: Limit, change: impl FnOnce(&mut Usage, i64) -> T) -> T {
        let now_us = self.shared.clock.now().timestamp_micros();
        let mut shard = self.shared.shard(&limit);
        let mut usage = shard.get(&limit).copied().unwrap_or_default();
        let result = change(&mut usage, now_us);
        shard.put(limit, usage);
        result
    }
}

impl Shared {
    fn shard(&self, limit: &Limit) -> MutexGuard<'_, Recent<Limit, Usage>> {
        let [first, ..] = &self.shards;
        let index = self.hasher.hash_one(limit) % SHARDS as u64;
        let shard = usize::try_from(index).ok().and_then(|index| self.shards.get(index)).unwrap_or(first);
        // No code panics while it holds the lock, so poisoned data is intact.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LimitsConfig {
    fn rate_of(&self, limit: &Limit) -> Rate {
        match limit {
            Limit::Requests(_) => self.requests_per_address,
            Limit::JoinsFrom(_) => self.joins_per_address,
            Limit::JoinsOf(_) => self.joins_per_account,
            Limit::JoinsIn(..) => self.joins_per_account_and_deal,
            Limit::WritesOf(_) => self.writes_per_account,
            Limit::LoginsOf(..) => self.logins_per_account,
            Limit::LoginsFrom(_) => self.logins_per_address,
            Limit::LoginsHere => self.logins_per_node,
            Limit::AccountsFrom(_) => self.accounts_per_address,
            Limit::TokensOf(_) => self.tokens_per_account,
        }
    }
}

impl Limit {
    /// The limit's name in Redis keys.
    const fn name(&self) -> &'static str {
        match self {
            Self::Requests(_) => "requests",
            Self::JoinsFrom(_) => "joins-from",
            Self::JoinsOf(_) => "joins-of",
            Self::JoinsIn(..) => "joins-in",
            Self::WritesOf(_) => "writes-of",
            Self::LoginsOf(..) => "logins-of",
            Self::LoginsFrom(_) => "logins-from",
            Self::LoginsHere => "logins-here",
            Self::AccountsFrom(_) => "accounts-from",
            Self::TokensOf(_) => "tokens-of",
        }
    }

    /// The limit's subject in Redis keys. `None` if the limit counts only this node.
    fn subject(&self) -> Option<String> {
        Some(match self {
            Self::Requests(from) | Self::JoinsFrom(from) | Self::LoginsFrom(from) | Self::AccountsFrom(from) => {
                from.0.to_string()
            }
            Self::JoinsOf(account) | Self::WritesOf(account) | Self::TokensOf(account) => account.to_string(),
            Self::JoinsIn(account, deal) => format!("{account}:{deal}"),
            Self::LoginsOf(EmailDigest(email), from) => format!("{}:{email:016x}", from.0),
            Self::LoginsHere => return None,
        })
    }
}

fn rate_limited(retry_us: i64) -> RateLimited {
    let wait = Duration::from_micros(u64::try_from(retry_us).unwrap_or_default());
    let retry_after_s = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1);
    RateLimited { retry_after_s }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> Network {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn addresses_in_one_network_share_a_limit() {
        assert_eq!(from("192.0.2.7"), from("192.0.2.200"));
        assert_ne!(from("192.0.2.7"), from("192.0.3.7"));
        assert_eq!(from("::ffff:192.0.2.7"), from("192.0.2.8"));
        assert_eq!(from("2001:db8:0:ff::1"), from("2001:db8:0:1::9"));
        assert_ne!(from("2001:db8:0:100::1"), from("2001:db8:0:1::1"));
    }

    #[test]
    fn no_key_contains_an_e_mail_address_or_a_brace() {
        let email = Email::parse("ann@example.com").unwrap();
        let subject = Limit::LoginsOf((&email).into(), from("192.0.2.7")).subject().unwrap();
        assert!(subject.starts_with("192.0.2.0:") && !subject.contains("ann"), "{subject}");
        assert!(!subject.contains(['{', '}']), "{subject}");
    }
}
