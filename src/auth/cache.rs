//! What the node remembers of who is who, for some seconds: a join then costs no look-up.
//!
//! Bounded. What was revoked on this node stays here as revoked, so that a look-up which was on its way cannot bring it back.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{Identity, SecretHash};
use crate::recent::Recent;

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
}

impl Cache {
    /// Remembers up to `most` secrets, each for `lifetime`.
    pub(super) fn new(lifetime: TimeDelta, most: usize) -> Self {
        Self { lifetime, entries: Mutex::new(Recent::new(most)) }
    }

    /// Who this is, if it is known. `Some(None)`: nobody any more.
    #[expect(clippy::option_option, reason = "not knowing and knowing that it is nobody are two answers")]
    pub(super) fn get(&self, hash: SecretHash, now: DateTime<Utc>) -> Option<Option<Identity>> {
        let entries = self.lock();
        let entry = entries.get(&hash)?;
        (now < entry.until)
            .then(|| entry.identity.clone())
            .map(|identity| identity.filter(|identity| identity.holds_at(now)))
    }

    /// Remembers who this is, unless it was revoked here meanwhile.
    pub(super) fn put(&self, hash: SecretHash, identity: Identity, now: DateTime<Utc>) {
        let mut entries = self.lock();
        let revoked = |entry: &Entry| entry.identity.is_none() && now < entry.until;
        if !entries.get(&hash).is_some_and(revoked) {
            entries.put(hash, Entry { identity: Some(identity), until: now + self.lifetime });
        }
    }

    /// From now on this is nobody.
    pub(super) fn revoke(&self, hash: SecretHash, now: DateTime<Utc>) {
        self.lock().put(hash, Entry { identity: None, until: now + self.lifetime });
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
        assert!(cache.get(hash(1), at(9)).is_some_and(|known| known.is_some()));
        assert!(cache.get(hash(1), at(10)).is_none());
    }

    #[test]
    fn an_expired_proof_is_nobody_even_while_it_is_known() {
        let cache = Cache::new(TimeDelta::seconds(10), 8);
        cache.put(hash(1), Identity { expires_at: Some(at(5)), ..somebody() }, at(0));
        assert!(cache.get(hash(1), at(4)).is_some_and(|known| known.is_some()));
        assert_eq!(cache.get(hash(1), at(5)), Some(None));
    }

    #[test]
    fn a_look_up_that_was_on_its_way_does_not_bring_a_revoked_secret_back() {
        let cache = Cache::new(TimeDelta::seconds(10), 8);
        cache.revoke(hash(1), at(0));
        cache.put(hash(1), somebody(), at(1));
        assert_eq!(cache.get(hash(1), at(2)), Some(None));
    }
}
