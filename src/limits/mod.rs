//! Rate limits: who asks for too much in too short a time is told to wait.
//!
//! Owns which limits exist and whom each counts. Every limit is counted on the node, and shared through Redis only by those who
//! have used half of it: a usual request costs no I/O. While Redis is away the node's own count decides alone, so there is
//! never no limit. Bounded: who was not seen lately is forgotten, and starts afresh.

mod gcra;

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use self::gcra::{Pace, Usage, Verdict};
use crate::clock::Clock;
use crate::config::{LimitsConfig, Rate};
use crate::domain::{AccountId, DealId, Email};
use crate::quota::{Draw, Quota, Taken};
use crate::recent::Recent;

/// How many of whom a node remembers, over all limits.
const REMEMBERED_MAX: usize = 262_144;
/// Separate locks, so that requests do not wait for each other.
const SHARDS: usize = 16;

/// Where a request comes from, as far as limits tell addresses apart: the /24 network of an IPv4 address, the /56 of an IPv6 one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Neighbourhood(IpAddr);

impl From<IpAddr> for Neighbourhood {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & 0xffff_ff00).into()),
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 72)).into()),
        })
    }
}

/// One limit, and whom it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Everything from one neighbourhood.
    Requests(Neighbourhood),
    /// Joins and leaves from one neighbourhood.
    JoinsFrom(Neighbourhood),
    /// Joins and leaves of one account.
    JoinsOf(AccountId),
    /// Joins and leaves of one account in one deal.
    JoinsIn(AccountId, DealId),
    /// Everything else that one account changes.
    WritesOf(AccountId),
    /// Attempts to sign in to one account from one neighbourhood: strangers elsewhere lock nobody out.
    LoginsOf(EmailDigest, Neighbourhood),
    /// Attempts to sign in from one neighbourhood.
    LoginsFrom(Neighbourhood),
    /// Attempts to sign in at this node. Never shared.
    LoginsHere,
    /// New accounts from one neighbourhood.
    AccountsFrom(Neighbourhood),
    /// New tokens of one account.
    TokensOf(AccountId),
}

/// Stands for an e-mail address in keys, which must not hold one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EmailDigest(u64);

impl From<&Email> for EmailDigest {
    fn from(email: &Email) -> Self {
        let digest = Sha256::digest(email.as_str());
        Self(digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first)))
    }
}

/// Too much in too short a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests: try again in {retry_after_s} s")]
pub struct TooMany {
    /// When to try again; at least 1.
    pub retry_after_s: u32,
}

/// Counts who asks for how much. Cheap to clone.
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
    /// Limits of these rates.
    #[must_use]
    pub fn new(config: LimitsConfig, clock: Clock, quota: Quota) -> Self {
        let shards = std::array::from_fn(|_| Mutex::new(Recent::new(REMEMBERED_MAX / SHARDS)));
        Self { shared: Arc::new(Shared { config, clock, quota, hasher: RandomState::new(), shards }) }
    }

    /// Takes one from a limit.
    ///
    /// # Errors
    /// Too much was used: nothing was taken.
    pub async fn take(&self, limit: Limit) -> Result<(), TooMany> {
        let Some(pace) = Pace::of(self.shared.config.rate_of(&limit)) else { return Ok(()) };
        match self.with_usage(limit, |usage, now_us| usage.take(pace, now_us)) {
            Verdict::Fine => Ok(()),
            Verdict::Limited { retry_us } => Err(too_many(retry_us)),
            Verdict::Ask { debt } => self.ask_others(limit, pace, debt).await,
        }
    }

    async fn ask_others(&self, limit: Limit, pace: Pace, debt: u32) -> Result<(), TooMany> {
        let Some(who) = limit.who() else { return Ok(()) };
        let draw = Draw { interval_us: pace.interval_us, burst: pace.burst, cost: 1, debt };
        match self.shared.quota.draw(limit.name(), &who, draw).await {
            Ok(Taken::Ok { .. }) => Ok(()),
            Ok(Taken::Limited { retry_after }) => {
                let retry_us = i64::try_from(retry_after.as_micros()).unwrap_or(i64::MAX);
                self.with_usage(limit, |usage, now_us| usage.wait(pace, now_us, retry_us));
                Err(too_many(retry_us))
            }
            Err(_away) => {
                self.with_usage(limit, |usage, _| usage.not_told(debt));
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
        let place = self.hasher.hash_one(limit) % SHARDS as u64;
        let shard = usize::try_from(place).ok().and_then(|place| self.shards.get(place)).unwrap_or(first);
        // Nothing panics while the lock is held.
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
    /// Its name in keys.
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

    /// Whom it counts, in keys; none: it counts this node only.
    fn who(&self) -> Option<String> {
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

fn too_many(retry_us: i64) -> TooMany {
    let wait = Duration::from_micros(u64::try_from(retry_us).unwrap_or_default());
    let retry_after_s = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1);
    TooMany { retry_after_s }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> Neighbourhood {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn neighbours_share_a_limit_and_strangers_do_not() {
        assert_eq!(from("192.0.2.7"), from("192.0.2.200"));
        assert_ne!(from("192.0.2.7"), from("192.0.3.7"));
        assert_eq!(from("::ffff:192.0.2.7"), from("192.0.2.8"));
        assert_eq!(from("2001:db8:0:ff::1"), from("2001:db8:0:1::9"));
        assert_ne!(from("2001:db8:0:100::1"), from("2001:db8:0:1::1"));
    }

    #[test]
    fn no_key_holds_an_e_mail_address_or_a_brace() {
        let email = Email::parse("ann@example.com").unwrap();
        let who = Limit::LoginsOf((&email).into(), from("192.0.2.7")).who().unwrap();
        assert!(who.starts_with("192.0.2.0:") && !who.contains("ann") && !who.contains(['{', '}']), "{who}");
    }
}
