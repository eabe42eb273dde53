//! Browser sessions: signing in starts one, signing out ends it.

pub mod pages;
mod rules;
mod store;
mod views;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::{Auth, AuthError, Credential, FreshSecret};
use crate::domain::AccountId;
use crate::people::SecretHash;
use crate::store::{Store, StoreError};

pub use rules::{Session, SessionLength};

/// A session that was just started.
pub struct StartedSession {
    /// The session id, for the cookie.
    pub secret: SecretString,
    /// The latest possible expiry of the session, and the expiry of its cookie. An idle session expires sooner.
    pub ends_at: DateTime<Utc>,
}

/// Deletes sessions that expired over a day ago. Returns the number of deleted sessions.
///
/// # Errors
/// Postgres is unavailable.
pub async fn forget_ended_sessions(store: &Store) -> Result<u64, StoreError> {
    store.forget_ended_sessions().await
}

impl Auth {
    /// Starts a session for an account whose password was checked, and ends the browser's previous session. The new
    /// session has a fresh id, which prevents session fixation.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn start_session(
        &self,
        account: AccountId,
        previous: Option<Credential>,
    ) -> Result<StartedSession, AuthError> {
        let fresh = FreshSecret::session();
        self.store.create_session(fresh.hash, account, self.length).await?;
        if let Some(previous) = previous {
            self.end_session(previous).await?;
        }
        Ok(StartedSession { secret: fresh.text, ends_at: self.clock.now() + self.length.lifetime })
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn end_session(&self, session: Credential) -> Result<(), AuthError> {
        self.store.end_session(session.hash()).await?;
        self.cache.revoke(session.hash(), self.clock.now());
        Ok(())
    }

    /// Ends all sessions of an account except `kept` ("sign out everywhere else"). Returns the number of ended
    /// sessions.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn end_other_sessions(&self, account: AccountId, kept: Credential) -> Result<usize, AuthError> {
        let ended = self.store.end_sessions_but(account, Some(kept.hash())).await?;
        self.revoke_all(&ended);
        Ok(ended.len())
    }

    /// The sessions of an account, newest first.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn sessions(&self, account: AccountId) -> Result<Vec<Session>, AuthError> {
        Ok(self.store.sessions_of(account).await?)
    }

    fn revoke_all(&self, hashes: &[SecretHash]) {
        let now = self.clock.now();
        for hash in hashes {
            self.cache.revoke(*hash, now);
        }
    }
}
