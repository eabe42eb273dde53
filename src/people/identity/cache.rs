//! Caches which account each token or session belongs to, for a few seconds. A cached join needs no database lookup.
//!
//! Entries are refreshed before they expire: the first caller in the last third of the lifetime refreshes the entry. A
//! client that calls continuously waits for a lookup only after a refresh has failed.
//!
//! The size is bounded. A revocation is cached too, so that a lookup already under way cannot bring a revoked secret
//! back.

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::people::{Identity, SecretHash};
use crate::recent::Recent;

/// An entry is refreshed in the last third of its lifetime.
const REFRESH_FRACTION: i32 = 3;

/// Identities by the hash of their secret.
pub(in crate::people) struct Cache {
    lifetime: TimeDelta,
    entries: Mutex<Recent<SecretHash, Entry>>,
}

#[derive(Clone)]
struct Entry {
    /// `None` if the secret was revoked on this node.
    identity: Option<Identity>,
    expires_at: DateTime<Utc>,
    /// Whether a caller has claimed the refresh of this entry.
    refresh_claimed: Cell<bool>,
}

/// A cache hit.
pub(in crate::people) struct Hit {
    /// `None` if the secret was revoked or has expired.
    pub(in crate::people) identity: Option<Identity>,
    /// Whether this caller must refresh the entry. True for one caller only.
    pub(in crate::people) needs_refresh: bool,
}

impl Entry {
    fn new(identity: Option<Identity>, expires_at: DateTime<Utc>) -> Self {
        Self { identity, expires_at, refresh_claimed: Cell::new(false) }
    }
}

impl Cache {
    /// A cache of at most `capacity` secrets, each kept for `lifetime`.
    pub(in crate::people) fn new(lifetime: TimeDelta, capacity: usize) -> Self {
        Self { lifetime, entries: Mutex::new(Recent::new(capacity)) }
    }

    /// The cached identity, or `None` on a miss.
    pub(in crate::people) fn get(&self, hash: SecretHash, now: DateTime<Utc>) -> Option<Hit> {
        let entries = self.lock();
        let entry = entries.get(&hash).filter(|entry| now < entry.expires_at)?;
        let expires_soon = entry.identity.is_some() && entry.expires_at - now <= self.lifetime / REFRESH_FRACTION;
        Some(Hit {
            identity: entry.identity.clone().filter(|identity| identity.holds_at(now)),
            needs_refresh: expires_soon && !entry.refresh_claimed.replace(true),
        })
    }

    /// Caches an identity, unless the secret was revoked on this node.
    pub(in crate::people) fn put(&self, hash: SecretHash, identity: Identity, now: DateTime<Utc>) {
        let mut entries = self.lock();
        let revoked = |entry: &Entry| entry.identity.is_none() && now < entry.expires_at;
        if !entries.get(&hash).is_some_and(revoked) {
            entries.put(hash, Entry::new(Some(identity), now + self.lifetime));
        }
    }

    /// Caches that this secret is revoked.
    pub(in crate::people) fn revoke(&self, hash: SecretHash, now: DateTime<Utc>) {
        self.lock().put(hash, Entry::new(None, now + self.lifetime));
    }

    /// No code panics while it holds the lock, so a poisoned map is intact.
    fn lock(&self) -> MutexGuard<'_, Recent<SecretHash, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AccountId, StaffOf};
    use crate::people::{Proof, Scopes};

    fn ann() -> Identity {
        Identity {
            account: AccountId::generate(),
            name: "Ann".into(),
            staff_of: StaffOf::default(),
            proof: Proof::Session,
            scopes: Scopes::WHOLE,
            expires_at: None,
        }
    }

    fn hash(n: u8) -> SecretHash {
        [n; 32].into()
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    #[test]
    fn an_entry_expires_after_its_lifetime() {
        let cache = Cache::new(TimeDelta::seconds(10), 8);
        cache.put(hash(1), ann(), at(0));
        assert!(cache.get(hash(1), at(9)).is_some_and(|hit| hit.identity.is_some()));
        assert!(cache.get(hash(1), at(10)).is_none());
    }

    #[test]
    fn one_caller_refreshes_an_entry_before_it_expires() {
        let cache = Cache::new(TimeDelta::seconds(9), 8);
        let refresh_at = |second| cache.get(hash(1), at(second)).unwrap().needs_refresh;
        cache.put(hash(1), ann(), at(0));
        assert!(!refresh_at(5));
        assert!(refresh_at(6));
        assert!(!refresh_at(7), "one refresh is enough");
        cache.put(hash(1), ann(), at(8));
        assert!(!refresh_at(13));
        assert!(refresh_at(14));
        cache.revoke(hash(1), at(14));
        assert!(!refresh_at(22), "a revocation is not refreshed");
    }

    #[test]
    fn a_cached_identity_does_not_outlive_its_token() {
        let cache = Cache::new(TimeDelta::seconds(10), 8);
        cache.put(hash(1), Identity { expires_at: Some(at(5)), ..ann() }, at(0));
        assert!(cache.get(hash(1), at(4)).is_some_and(|hit| hit.identity.is_some()));
        assert!(cache.get(hash(1), at(5)).is_some_and(|hit| hit.identity.is_none()));
    }

    #[test]
    fn a_lookup_under_way_does_not_bring_a_revoked_secret_back() {
        let cache = Cache::new(TimeDelta::seconds(10), 8);
        cache.revoke(hash(1), at(0));
        cache.put(hash(1), ann(), at(1));
        assert!(cache.get(hash(1), at(2)).is_some_and(|hit| hit.identity.is_none()));
    }
}
