//! Authenticates callers.

use std::sync::Arc;

use chrono::TimeDelta;
use secrecy::SecretString;

use crate::clock::Clock;
use crate::config::SecurityConfig;
use crate::domain::Email;
use crate::store::{Store, StoreError};

use super::accounts::Account;
use super::identity::{Cache, Credential, Identity, LookupError, Lookups};
use super::passwords::{HashCost, HashError, Hasher};
use super::sessions::SessionLength;

/// Maximum identities that a node caches, by the hash of their secret. They take some tens of megabytes.
const CACHE_MAX: usize = 131_072;

/// Why authentication failed for a reason that is not the caller's.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Too many requests are waiting; nothing was done.
    #[error("too many sign-ins or lookups are waiting")]
    Busy,
    /// Postgres is unavailable, or a lookup failed.
    #[error("accounts cannot be looked up right now")]
    Unavailable,
    /// A statement failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Argon2 failed.
    #[error("cannot hash a password")]
    Broken,
}

impl From<HashError> for AuthError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            HashError::Broken => Self::Broken,
        }
    }
}

impl From<LookupError> for AuthError {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Busy => Self::Busy,
            LookupError::Unavailable => Self::Unavailable,
        }
    }
}

/// Authenticates callers and manages their credentials. Cheap to clone.
#[derive(Clone)]
pub struct Auth {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) hasher: Hasher,
    pub(super) cache: Arc<Cache>,
    lookups: Lookups,
    pub(super) length: SessionLength,
}

impl Auth {
    /// Creates the hasher and the cache. Hashes one dummy password, against which sign-ins to unknown accounts are
    /// checked.
    ///
    /// # Errors
    /// Argon2 rejects the configured cost.
    pub fn new(store: Store, clock: Clock, config: &SecurityConfig) -> Result<Self, HashError> {
        let cost = HashCost {
            memory_kib: config.argon2_memory_kib,
            passes: config.argon2_passes,
            lanes: config.argon2_lanes,
            concurrent_max: config.hashes_at_once_max,
            ..HashCost::default()
        };
        let length = SessionLength { lifetime: config.session_lifetime, idle: config.session_idle };
        let cached_for = TimeDelta::from_std(config.token_cache).unwrap_or(TimeDelta::zero());
        Ok(Self {
            hasher: Hasher::new(&cost)?,
            cache: Arc::new(Cache::new(cached_for, CACHE_MAX)),
            lookups: Lookups::new(store.clone(), length),
            store,
            clock,
            length,
        })
    }

    /// The cached identity behind a credential, without I/O. `None` if the credential is not cached, `Some(None)` if it
    /// is not valid.
    #[must_use]
    pub fn cached(&self, credential: Credential) -> Option<Option<Identity>> {
        let hit = self.cache.get(credential.hash(), self.clock.now())?;
        if hit.needs_refresh {
            let auth = self.clone();
            tokio::spawn(async move { auth.refresh(credential).await });
        }
        Some(hit.identity)
    }

    /// Looks a cached credential up again before it expires. If the lookup fails, the entry simply expires.
    async fn refresh(&self, credential: Credential) {
        if let Ok(None) = self.look_up(credential).await {
            self.cache.revoke(credential.hash(), self.clock.now());
        }
    }

    /// Looks up the identity behind a credential in Postgres and caches it. `None` if the credential is not valid.
    ///
    /// # Errors
    /// Too many lookups are waiting, or Postgres is unavailable.
    pub async fn look_up(&self, credential: Credential) -> Result<Option<Identity>, AuthError> {
        let found = self.lookups.find(credential.hash()).await?;
        if let Some(identity) = &found {
            self.cache.put(credential.hash(), identity.clone(), self.clock.now());
        }
        Ok(found)
    }

    /// Writes the last-used times of tokens and sessions now. They are otherwise written within seconds, which is too
    /// late at shutdown and in tests.
    pub async fn flush_uses(&self) {
        self.lookups.flush_uses().await;
    }

    /// The account with this e-mail address and password. `None` if either is wrong; both cases take equally long.
    ///
    /// # Errors
    /// Too many sign-ins are waiting, or Postgres is unavailable.
    pub async fn check_password(&self, email: &Email, password: &SecretString) -> Result<Option<Account>, AuthError> {
        let stored = self.store.account_by_email(email).await?;
        let hash = stored.as_ref().and_then(|stored| stored.password_hash.as_deref());
        let matches = self.hasher.verify(password, hash).await?;
        Ok(stored.filter(|_| matches).map(|stored| stored.account))
    }
}
