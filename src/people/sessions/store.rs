//! Browser sessions, stored by the hash of their id.

use super::rules::{Session, SessionLength};
use crate::domain::AccountId;
use crate::people::SecretHash;
use crate::people::identity::store::secret_hash;
use crate::store::{Store, StoreError};

impl Store {
    /// Creates a session.
    pub(in crate::people) async fn create_session(
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
            length.lifetime_s(),
            length.idle_s(),
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Ends a session.
    pub(in crate::people) async fn end_session(&self, hash: SecretHash) -> Result<(), StoreError> {
        sqlx::query!("DELETE FROM sessions WHERE hash = $1", &hash.as_bytes()[..]).execute(self.pool()).await?;
        Ok(())
    }

    /// Ends every session of an account except `kept`. Returns the hashes of the ended sessions.
    pub(in crate::people) async fn end_sessions_but(
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
    pub(in crate::people) async fn sessions_of(&self, account: AccountId) -> Result<Vec<Session>, StoreError> {
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
    pub(in crate::people) async fn prolong_sessions(
        &self,
        hashes: &[SecretHash],
        length: SessionLength,
    ) -> Result<(), StoreError> {
        let hashes: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect();
        sqlx::query!(
            "UPDATE sessions
                SET expires_at = least(created_at + $2::bigint * interval '1 second',
                                       muster_now() + $3::bigint * interval '1 second')
              WHERE hash = ANY ($1)",
            &hashes,
            length.lifetime_s(),
            length.idle_s(),
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Deletes sessions that expired over a day ago. Returns the number of deleted sessions.
    pub(in crate::people) async fn forget_ended_sessions(&self) -> Result<u64, StoreError> {
        let deleted = sqlx::query!("DELETE FROM sessions WHERE expires_at < muster_now() - interval '1 day'")
            .execute(self.pool())
            .await?;
        Ok(deleted.rows_affected())
    }
}
