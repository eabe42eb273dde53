//! The identity that belongs to a token or a session.

use uuid::Uuid;

use super::rules::{Identity, Proof, Scope, Scopes, SecretHash};
use crate::domain::{Merchant, StaffOf};
use crate::people::sessions::SessionLength;
use crate::store::{Store, StoreError, unreadable};

/// The identity that belongs to a secret.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FoundIdentity {
    pub(super) hash: SecretHash,
    pub(super) identity: Identity,
    /// Whether the last-used time should be written again.
    pub(super) stale: bool,
}

impl Store {
    /// The identities behind these tokens and sessions, with the merchants that they are staff of, in one statement.
    /// Leaves out invalid secrets.
    pub(super) async fn identities(
        &self,
        hashes: &[SecretHash],
        length: SessionLength,
    ) -> Result<Vec<FoundIdentity>, StoreError> {
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
            length.lifetime_s(),
            length.idle_s(),
        )
        .fetch_all(self.pool())
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
                Ok(FoundIdentity { hash: secret_hash(&row.hash)?, identity, stale: row.stale })
            })
            .collect()
    }
}

fn staff_of(ids: Option<Vec<Uuid>>, names: Option<Vec<String>>) -> StaffOf {
    let merchants = ids.into_iter().flatten().zip(names.into_iter().flatten());
    StaffOf::new(merchants.map(|(id, name)| Merchant { id: id.into(), name }).collect())
}

/// Reads stored scopes. An unknown word is a defect, and grants nothing.
pub(in crate::people) fn scopes(words: Option<&[String]>) -> Result<Scopes, StoreError> {
    let Some(words) = words else { return Ok(Scopes::WHOLE) };
    let scopes: Option<Vec<Scope>> = words.iter().map(|word| Scope::parse(word)).collect();
    scopes.map(Scopes::only).ok_or_else(|| unreadable("scope"))
}

/// Reads a stored hash.
pub(in crate::people) fn secret_hash(bytes: &[u8]) -> Result<SecretHash, StoreError> {
    <[u8; 32]>::try_from(bytes).map(SecretHash::from).map_err(|_| unreadable("hash"))
}
