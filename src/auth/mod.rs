//! Who is asking: accounts and their passwords, tokens of programs, sessions of browsers.
//!
//! Owns how secrets are made, hashed, checked and remembered. Must never keep, log or answer a secret, except once to the
//! person whom it was made for; and never let checking a password hold up anything but other passwords.
//!
//! What always holds:
//!
//! - A secret that is known here costs no I/O and no waiting; it is asked for again after some seconds.
//! - What was revoked on this node counts no more at once, on others after those seconds.
//! - Whether an account exists cannot be told from how long a wrong password takes.

mod cache;
mod lookup;
pub mod password;
pub mod secret;
mod sessions;
mod sign_up;
mod tokens;

use std::sync::Arc;

use chrono::TimeDelta;

pub use secret::{Credential, FreshSecret};
pub use sessions::StartedSession;
pub use sign_up::{NewPerson, SignUpOutcome};
pub use tokens::{MadeToken, TokenWish};

use crate::clock::Clock;
use crate::config::SecurityConfig;
use crate::domain::{Account, Email, Identity};
use crate::store::{SessionLength, Store, StoreError};
use cache::Cache;
use lookup::{LookupError, Lookups};
use password::{HashCost, HashError, Hasher};
use secrecy::SecretString;

/// The most secrets that a node remembers: some tens of megabytes.
const REMEMBERED_MAX: usize = 131_072;

/// Why a question about people could not be answered now.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Too many others wait; nothing was done.
    #[error("too many people are signing in")]
    Busy,
    /// Postgres is away.
    #[error("nobody can be looked up at the moment")]
    Unavailable,
    /// Postgres said why.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Hashing failed.
    #[error("a password could not be hashed")]
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

/// Knows who is who. Cheap to clone.
#[derive(Clone)]
pub struct Auth {
    store: Store,
    clock: Clock,
    hasher: Hasher,
    cache: Arc<Cache>,
    lookups: Lookups,
    length: SessionLength,
}

impl Auth {
    /// Prepares everything; hashes one password, to know what a wrong one must cost.
    ///
    /// # Errors
    /// Argon2 refuses the configured cost.
    pub fn new(store: Store, clock: Clock, config: &SecurityConfig) -> Result<Self, HashError> {
        let cost = HashCost {
            memory_kib: config.argon2_memory_kib,
            passes: config.argon2_passes,
            lanes: config.argon2_lanes,
            at_a_time: config.hashes_at_once_max,
            ..HashCost::default()
        };
        let length = SessionLength { lifetime: config.session_lifetime, idle: config.session_idle };
        let remembered = TimeDelta::from_std(config.token_cache).unwrap_or(TimeDelta::zero());
        Ok(Self {
            hasher: Hasher::new(&cost)?,
            cache: Arc::new(Cache::new(remembered, REMEMBERED_MAX)),
            lookups: Lookups::new(store.clone(), length),
            store,
            clock,
            length,
        })
    }

    /// Who showed this, if the node has seen it lately. `Some(None)`: it does not count.
    #[must_use]
    pub fn seen(&self, credential: Credential) -> Option<Option<Identity>> {
        let known = self.cache.get(credential.hash(), self.clock.now())?;
        if known.look_again {
            let auth = self.clone();
            tokio::spawn(async move { auth.look_again(credential).await });
        }
        Some(known.identity)
    }

    /// So that nobody has to wait for it a little later. Who finds nothing out leaves things as they are: then they end soon.
    async fn look_again(&self, credential: Credential) {
        if let Ok(None) = self.look_up(credential).await {
            self.cache.revoke(credential.hash(), self.clock.now());
        }
    }

    /// Who showed this, by Postgres; `None` if it does not count.
    ///
    /// # Errors
    /// Too many others wait, or Postgres is away.
    pub async fn look_up(&self, credential: Credential) -> Result<Option<Identity>, AuthError> {
        let found = self.lookups.find(credential.hash()).await?;
        if let Some(identity) = &found {
            self.cache.put(credential.hash(), identity.clone(), self.clock.now());
        }
        Ok(found)
    }

    /// Notes at once which tokens and sessions were used, which otherwise happens within seconds: before the end, and in tests.
    pub async fn note_now(&self) {
        self.lookups.note_now().await;
    }

    /// The account of this e-mail address and password. `None` if either is wrong; both take as long.
    ///
    /// # Errors
    /// Too many others are signing in, or Postgres is away.
    pub async fn check_password(&self, email: &Email, password: &SecretString) -> Result<Option<Account>, AuthError> {
        let stored = self.store.account_by_email(email).await?;
        let hash = stored.as_ref().and_then(|stored| stored.password_hash.as_deref());
        let right = self.hasher.verify(password, hash).await?;
        Ok(stored.filter(|_| right).map(|stored| stored.account))
    }
}
