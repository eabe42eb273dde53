//! API tokens, stored as hashes.
#![expect(clippy::missing_errors_doc, reason = "`crate::store` says once what a StoreError means")]

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::rules::Token;
use crate::domain::{AccountId, TokenId};
use crate::people::identity::store::{scopes, secret_hash};
use crate::people::{Scopes, SecretHash};
use crate::store::{Cursor, Page, PageRequest, Store, StoreError};

/// A token to create.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub id: TokenId,
    pub account: AccountId,
    /// The SHA-256 of the token's text.
    pub hash: SecretHash,
    /// The owner's name for the token.
    pub label: String,
    pub scopes: Scopes,
    /// `None` if the token is valid until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
}

struct Row {
    id: Uuid,
    label: String,
    scopes: Option<Vec<String>>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Token {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            label: row.label,
            scopes: scopes(row.scopes.as_deref())?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        })
    }
}

fn words(scopes: Scopes) -> Option<Vec<String>> {
    scopes.list().map(|list| list.into_iter().map(|scope| scope.as_str().to_owned()).collect())
}

impl Store {
    /// Creates a token.
    pub async fn create_token(&self, new: &NewToken) -> Result<Token, StoreError> {
        let scopes = words(new.scopes);
        sqlx::query_as!(
            Row,
            "INSERT INTO tokens (id, account, hash, label, scopes, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
             RETURNING id, label, scopes, created_at, expires_at, last_used_at",
            new.id.as_uuid(),
            new.account.as_uuid(),
            &new.hash.as_bytes()[..],
            new.label,
            scopes.as_deref(),
            new.expires_at,
        )
        .fetch_one(self.pool())
        .await?
        .try_into()
    }

    /// Creates tokens that no scopes limit in one statement, for load tests.
    pub async fn create_whole_tokens(&self, new: &[NewToken]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = new.iter().map(|token| token.id.as_uuid()).collect();
        let accounts: Vec<Uuid> = new.iter().map(|token| token.account.as_uuid()).collect();
        let hashes: Vec<Vec<u8>> = new.iter().map(|token| token.hash.as_bytes().to_vec()).collect();
        let labels: Vec<String> = new.iter().map(|token| token.label.clone()).collect();
        let expiries: Vec<Option<DateTime<Utc>>> = new.iter().map(|token| token.expires_at).collect();
        sqlx::query!(
            "INSERT INTO tokens (id, account, hash, label, expires_at)
             SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::text[], $5::timestamptz[])",
            &ids,
            &accounts,
            &hashes,
            &labels,
            &expiries as &[Option<DateTime<Utc>>],
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// An account's tokens that are not revoked, newest first.
    pub(in crate::people) async fn tokens_of(
        &self,
        account: AccountId,
        page: &PageRequest,
    ) -> Result<Page<Token>, StoreError> {
        let (after, after_id) = page.after();
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, label, scopes, created_at, expires_at, last_used_at FROM tokens
              WHERE account = $1 AND revoked_at IS NULL
                AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
              ORDER BY created_at DESC, id DESC LIMIT $4",
            account.as_uuid(),
            after,
            after_id,
            page.fetch(),
        )
        .fetch_all(self.pool())
        .await?;
        let tokens = rows.into_iter().map(Token::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(tokens, page, |token| Cursor { at: token.created_at, id: token.id.as_uuid() }))
    }

    /// Revokes one of an account's tokens, and returns its hash so that caches can drop it. Revoking a token again
    /// changes nothing.
    pub(in crate::people) async fn revoke_token(
        &self,
        account: AccountId,
        id: TokenId,
    ) -> Result<Option<SecretHash>, StoreError> {
        let hash = sqlx::query_scalar!(
            "UPDATE tokens SET revoked_at = coalesce(revoked_at, muster_now()) WHERE account = $1 AND id = $2
             RETURNING hash",
            account.as_uuid(),
            id.as_uuid(),
        )
        .fetch_optional(self.pool())
        .await?;
        hash.map(|hash| secret_hash(&hash)).transpose()
    }

    /// Records that tokens were just used. The time may be imprecise, because it only shows owners which tokens are in
    /// use.
    pub(in crate::people) async fn note_tokens_used(&self, ids: &[TokenId]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
        sqlx::query!("UPDATE tokens SET last_used_at = muster_now() WHERE id = ANY ($1)", &ids)
            .execute(self.pool())
            .await?;
        Ok(())
    }
}
