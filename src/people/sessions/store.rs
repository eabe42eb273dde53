//! Browser sessions, stored by the hash of their id.
#![expect(clippy::missing_errors_doc, reason = "`crate::store` says once what a StoreError means")]

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::AccountId;
use crate::people::SecretHash;
use crate::people::identity::store::secret_hash;
use crate::store::{Store, StoreError};

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct SessionLength {
    /// From sign-in.
    pub lifetime: Duration,
    /// From the last use.
    pub idle: Duration,
}

/// A session as its owner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    pub hash: SecretHash,
    /// When the owner signed in.
    pub created_at: DateTime<Utc>,
    /// When it expires unless it is used again.
    pub expires_at: DateTime<Utc>,
}

impl Store {
    /// Creates a session.
    pub async fn create_session(
        &self,
        hash: SecretHash,
        account: AccountId,
        length: SessionLength,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO sessions (hash, account, expires_at)
             VALUES ($1, $2, muster_now() + least($3::bigint, $4::bigint) * interval '1 second')",
            &hash.as_bytes()[..],
            account.as_uuid(),
            seconds(length.lifetime),
            seconds(length.idle),
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Ends a session.
    pub async fn end_session(&self, hash: SecretHash) -> Result<(), StoreError> {
        sqlx::query!("DELETE FROM sessions WHERE hash = $1", &hash.as_bytes()[..]).execute(self.pool()).await?;
        Ok(())
    }

    /// Ends every session of an account except `kept`, and returns those that it ended.
    pub async fn end_sessions_but(
        &self,
        account: AccountId,
        kept: Option<SecretHash>,
    ) -> Result<Vec<SecretHash>, StoreError> {
        let kept = kept.map(|hash| hash.as_bytes().to_vec());
        let ended = sqlx::query_scalar!(
            "DELETE FROM sessions WHERE account = $1 AND hash IS DISTINCT FROM $2 RETURNING hash",
            account.as_uuid(),
            kept,
        )
        .fetch_all(self.pool())
        .await?;
        ended.iter().map(|hash| secret_hash(hash)).collect()
    }

    /// An account's sessions, newest first, a hundred at most.
    pub async fn sessions_of(&self, account: AccountId) -> Result<Vec<Session>, StoreError> {
        let rows = sqlx::query!(
            "SELECT hash, created_at, expires_at FROM sessions WHERE account = $1 AND expires_at > muster_now()
              ORDER BY created_at DESC LIMIT 100",
            account.as_uuid(),
        )
        .fetch_all(self.pool())
        .await?;
        rows.into_iter()
            .map(|row| {
                let hash = secret_hash(&row.hash)?;
                Ok(Session { hash, created_at: row.created_at, expires_at: row.expires_at })
            })
            .collect()
    }

    /// Extends sessions that were just used, within their lifetime.
    pub async fn prolong_sessions(&self, hashes: &[SecretHash], length: SessionLength) -> Result<(), StoreError> {
        let hashes: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect();
        sqlx::query!(
            "UPDATE sessions
                SET expires_at = least(created_at + $2::bigint * interval '1 second',
                                       muster_now() + $3::bigint * interval '1 second')
              WHERE hash = ANY ($1)",
            &hashes,
            seconds(length.lifetime),
            seconds(length.idle),
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Deletes sessions that expired over a day ago. Returns how many.
    pub async fn forget_ended_sessions(&self) -> Result<u64, StoreError> {
        let gone = sqlx::query!("DELETE FROM sessions WHERE expires_at < muster_now() - interval '1 day'")
            .execute(self.pool())
            .await?;
        Ok(gone.rows_affected())
    }
}

pub(in crate::people) fn seconds(length: Duration) -> i64 {
    i64::try_from(length.as_secs()).unwrap_or(i64::MAX)
}
