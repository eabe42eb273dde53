//! Browsers: signing in begins a session, signing out ends it.

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::{Auth, AuthError, Credential, FreshSecret};
use crate::domain::{AccountId, SecretHash};
use crate::store::Session;

/// A session that just began.
pub struct StartedSession {
    /// For the cookie.
    pub secret: SecretString,
    /// Until when it can count, if it never rests for too long: how long the browser should keep it.
    pub ends_at: DateTime<Utc>,
}

impl Auth {
    /// Begins a session of an account whose password was checked. The session that the browser had before ends: whoever
    /// planted that one in it gains nothing.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn start_session(
        &self,
        account: AccountId,
        before: Option<Credential>,
    ) -> Result<StartedSession, AuthError> {
        let fresh = FreshSecret::session();
        self.store.create_session(fresh.hash, account, self.length).await?;
        if let Some(before) = before {
            self.end_session(before).await?;
        }
        Ok(StartedSession { secret: fresh.text, ends_at: self.clock.now() + self.length.lifetime })
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn end_session(&self, session: Credential) -> Result<(), AuthError> {
        self.store.end_session(session.hash()).await?;
        self.cache.revoke(session.hash(), self.clock.now());
        Ok(())
    }

    /// Ends every other session of somebody: "sign out everywhere else".
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn end_other_sessions(&self, account: AccountId, kept: Credential) -> Result<usize, AuthError> {
        let ended = self.store.end_sessions_but(account, Some(kept.hash())).await?;
        self.forget(&ended);
        Ok(ended.len())
    }

    /// Somebody's sessions, the newest first.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn sessions(&self, account: AccountId) -> Result<Vec<Session>, AuthError> {
        Ok(self.store.sessions_of(account).await?)
    }

    fn forget(&self, hashes: &[SecretHash]) {
        let now = self.clock.now();
        for hash in hashes {
            self.cache.revoke(*hash, now);
        }
    }
}
