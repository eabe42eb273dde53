//! API tokens, with which programs authenticate.

pub mod create;
pub mod list;
pub mod revoke;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::TokenId;
use crate::people::{Scope, Token};

/// A token, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Token, example = json!({
    "id": "0197f3b0-5c1e-7c3a-9d2b-1f0a6e4c8b5d", "label": "till 2", "scopes": ["redeem"],
    "created_at": "2026-11-22T08:00:00Z", "expires_at": null, "last_used_at": "2026-11-22T09:30:00Z",
}))]
pub struct TokenView {
    #[schema(value_type = uuid::Uuid)]
    id: TokenId,
    /// The owner's name for the token.
    label: String,
    /// The scopes that limit the token; null if it can do everything that its account can.
    scopes: Option<Vec<Scope>>,
    created_at: DateTime<Utc>,
    /// When the token expires; null if it does not.
    expires_at: Option<DateTime<Utc>>,
    /// When the token was last used. It can lag by a few minutes.
    last_used_at: Option<DateTime<Utc>>,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        Self {
            id: token.id,
            label: token.label,
            scopes: token.scopes.list(),
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        }
    }
}
