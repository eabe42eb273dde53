//! What the node remembers of who is who, for some seconds: a join then costs no look-up.
//!
//! Shortly before somebody is forgotten, the first who asks is told so, to look again meanwhile: who comes all the time never
//! waits for a look-up.
//!
//! Bounded. What was revoked on this node stays here as revoked, so that a look-up which was on its way cannot bring it back.

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{Identity, SecretHash};
use crate::recent::Recent;

/// The last third of the time for which somebody is known.
const SOON: i32 = 3;

/// Who showed which secret lately.
pub(super) struct Cache {
    lifetime: TimeDelta,
    entries: Mutex<Recent<SecretHash, Entry>>,
}

#[derive(Clone)]
struct Entry {
    /// None: revoked on this node.
    identity: Option<Identity>,
    until: DateTime<Utc>,
    /// Somebody was told that it will be forgotten soon.
    told: Cell<bool>,
}

/// Who somebody is.
pub(super) struct Known {
    /// None: nobody any more.
    pub(super) identity: Option<Identity>,
    /// It will be forgotten soon, and nobody else was told.
    pub(super) look_again: bool,
}

impl Entry {
    fn new(identity: Option<Identity>, until: DateTime<Utc>) -> Self {
        Self { identity, until, told: Cell::new(false) }
    }
}

impl Cache {
    /// Remembers up to `most` secrets, each for `lifetime`.
    pub(super) fn new(lifetime: TimeDelta, most: usize) -> Self {
        Self { lifetime, entries: Mutex::new(Recent::new(most)) }
    }

    /// Who this is, if it is known.
    pub(super) fn get(&self, hash: SecretHash, now: DateTime<Utc>) -> Option<Known> {
        let entries = self.lock();
        let entry = entries.get(&hash).filter(|entry| now < entry.until)?;
        let soon = entry.identity.is_some() && entry.until - now <= self.lifetime / SOON;
        Some(Known {
            identity: entry.identity.clone().filter(|identity| identity.holds_at(now)),
            look_again: soon && !entry.told.replace(true),
        })
    }

    /// Remembers who this is, unless it was revoked here meanwhile.
    pub(super) fn put(&self, hash: SecretHash, identity: Identity, now: DateTime<Utc>) {
        let mut entries = self.lock();
        let revoked = |entry: &Entry| entry.identity.is_none() && now < entry.until;
        if !entries.get(&hash).is_some_and(revoked) {
            entries.put(hash, Entry::new(Some(identity), now + self.lifetime));
        }
    }

    /// From now on this is nobody.
    pub(super) fn revoke(&self, hash: SecretHash, now: DateTime<Utc>) {
        self.lock().put(hash, Entry::new(None, now + self.lifetime));
    }

    /// Nothing in here panics while the lock is held, so a poisoned map is a whole one.
    fn lock(&self) -> MutexGuard<'_, Recent<SecretHash, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AccountId, Proof, Role, Scopes};

    fn somebody() -> Identity {
        Identity {
            account: AccountId::generate(),
            role: Role::Buyer,
            name: "Ann".into(),
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
    fn what_is_known_is_forgotten_after_its_lifetime() {
        let cache = Cache::new(TimeDelta::seconds(10), 8);
        cache.put(hash(1), somebody(), at(0));
        assert!(cache.get(hash(1), at(9)).is_some_and(|known| known.identity.is_some()));
        assert!(cache.get(hash(1), at(10)).is_none());
    }

    #[test]
    fn one_of_those_who_ask_is_told_to_look_again_before_it_is_forgotten() {
        let cache = Cache::new(TimeDelta::seconds(9), 8);
        let told_at = |second| cache.get(hash(1), at(second)).unwrap().look_again;
        cache.put(hash(1), somebody(), at(0));
        assert!(!told_at(5));
        assert!(told_at(6));
        assert!(!told_at(7), "one look-up is enough");
        cache.put(hash(1), somebody(), at(8));
        assert!(!told_at(13));
        assert!(told_at(14));
        cache.revoke(hash(1), at(14));
        assert!(!told_at(22), "what was revoked stays so");
    }

    #[test]
    fn an_expired_proof_is_nobody_even_while_it_is_known() {
        let cache = Cache::new(TimeDelta::seconds(10), 8);
        cache.put(hash(1), Identity { expires_at: Some(at(5)), ..somebody() }, at(0));
        assert!(cache.get(hash(1), at(4)).is_some_and(|known| known.identity.is_some()));
        assert!(cache.get(hash(1), at(5)).is_some_and(|known| known.identity.is_none()));
    }

    #[test]
    fn a_look_up_that_was_on_its_way_does_not_bring_a_revoked_secret_back() {
        let cache = Cache::new(TimeDelta::seconds(10), 8);
        cache.revoke(hash(1), at(0));
        cache.put(hash(1), somebody(), at(1));
        assert!(cache.get(hash(1), at(2)).is_some_and(|known| known.identity.is_none()));
    }
}
