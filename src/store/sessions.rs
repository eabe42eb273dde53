//! Browser sessions, and the identity that belongs to a token or a session.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Store;
use super::error::StoreError;
use super::tokens::{scopes, secret_hash};
use crate::domain::{AccountId, Identity, Merchant, Proof, SecretHash, StaffOf};

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct SessionLength {
    /// From sign-in.
    pub lifetime: Duration,
    /// From the last use.
    pub idle: Duration,
}

/// The identity that belongs to a secret.
#[derive(Clone, Debug)]
pub struct Found {
    pub hash: SecretHash,
    pub identity: Identity,
    /// Whether the last-used time should be written again.
    pub stale: bool,
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
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Ends a session.
    pub async fn end_session(&self, hash: SecretHash) -> Result<(), StoreError> {
        sqlx::query!("DELETE FROM sessions WHERE hash = $1", &hash.as_bytes()[..]).execute(&self.pool).await?;
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
        .fetch_all(&self.pool)
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
        .fetch_all(&self.pool)
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
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Deletes sessions that expired over a day ago. Returns how many.
    pub async fn forget_ended_sessions(&self) -> Result<u64, StoreError> {
        let gone = sqlx::query!("DELETE FROM sessions WHERE expires_at < muster_now() - interval '1 day'")
            .execute(&self.pool)
            .await?;
        Ok(gone.rows_affected())
    }

    /// The identities behind these tokens and sessions, with the merchants that they are staff of, in one statement. Leaves out
    /// invalid secrets.
    pub async fn identities(&self, hashes: &[SecretHash], length: SessionLength) -> Result<Vec<Found>, StoreError> {
        let hashes: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect();
        let rows = sqlx::query!(
            r#"WITH found AS (
                   SELECT t.hash, t.account, t.id AS token, t.scopes, t.expires_at,
                          coalesce(t.last_used_at < muster_now() - interval '5 minutes', true) AS stale
                     FROM tokens AS t
                    WHERE t.hash = ANY ($1) AND t.revoked_at IS NULL
                      AND (t.expires_at IS NULL OR t.expires_at > muster_now())
                   UNION ALL
                   SELECT s.hash, s.account, NULL, NULL, s.expires_at,
                          -- Not at every use: when a tenth of the idle time is gone.
                          s.expires_at < least(s.created_at + $2::bigint * interval '1 second',
                                               muster_now() + $3::bigint * interval '0.9 seconds')
                     FROM sessions AS s
                    WHERE s.hash = ANY ($1) AND s.expires_at > muster_now()
               )
               SELECT f.hash AS "hash!", a.id AS "account!", a.name AS "name!", f.token AS "token?", f.scopes, f.expires_at,
                      f.stale AS "stale!", w.merchants, w.merchant_names
                 FROM found AS f
                 JOIN accounts AS a ON a.id = f.account
                CROSS JOIN LATERAL (
                       -- One probe of an index that finds nothing for nearly every account. Without rows both arrays are NULL.
                       SELECT array_agg(m.id) AS merchants, array_agg(m.name) AS merchant_names
                         FROM staff AS s JOIN merchants AS m ON m.id = s.merchant
                        WHERE s.account = f.account
                 ) AS w"#,
            &hashes,
            seconds(length.lifetime),
            seconds(length.idle),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let proof = row.token.map_or(Proof::Session, |id| Proof::Token(id.into()));
                let identity = Identity {
                    account: row.account.into(),
                    name: row.name.into(),
                    staff_of: staff_of(row.merchants, row.merchant_names),
                    proof,
                    scopes: scopes(row.scopes.as_deref())?,
                    expires_at: row.expires_at,
                };
                Ok(Found { hash: secret_hash(&row.hash)?, identity, stale: row.stale })
            })
            .collect()
    }
}

fn staff_of(ids: Option<Vec<Uuid>>, names: Option<Vec<String>>) -> StaffOf {
    let merchants = ids.into_iter().flatten().zip(names.into_iter().flatten());
    StaffOf::new(merchants.map(|(id, name)| Merchant { id: id.into(), name }).collect())
}

fn seconds(length: Duration) -> i64 {
    i64::try_from(length.as_secs()).unwrap_or(i64::MAX)
}
