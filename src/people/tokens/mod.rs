//! API tokens: created after a password check, listed, and revoked.

pub mod api;
mod rules;
mod store;

use secrecy::SecretString;

use super::{Auth, AuthError, FreshSecret};
use crate::domain::{AccountId, TokenId};
use crate::store::{Page, PageRequest};

pub use rules::{Token, TokenRequest};
pub use store::NewToken;

/// A token that was just created.
pub struct CreatedToken {
    /// The token, without its plaintext.
    pub token: Token,
    /// The plaintext, to be shown once.
    pub secret: SecretString,
}

impl Auth {
    /// Creates a token for an account whose password was checked.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn create_token(&self, account: AccountId, request: TokenRequest) -> Result<CreatedToken, AuthError> {
        let fresh = FreshSecret::token();
        let new = NewToken {
            id: TokenId::generate(),
            account,
            hash: fresh.hash,
            label: request.label,
            scopes: request.scopes,
            expires_at: request.expires_at,
        };
        Ok(CreatedToken { token: self.store.create_token(&new).await?, secret: fresh.text })
    }

    /// The tokens of an account, newest first.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn tokens(&self, account: AccountId, page: &PageRequest) -> Result<Page<Token>, AuthError> {
        Ok(self.store.tokens_of(account, page).await?)
    }

    /// Revokes a token of an account. `false` if the account has no such token.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn revoke_token(&self, account: AccountId, id: TokenId) -> Result<bool, AuthError> {
        let revoked = self.store.revoke_token(account, id).await?;
        if let Some(hash) = revoked {
            self.cache.revoke(hash, self.clock.now());
        }
        Ok(revoked.is_some())
    }
}
