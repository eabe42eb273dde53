//! People: accounts and their passwords, browser sessions, API tokens, merchants and their staff.
//!
//! Owns how secrets are generated, hashed, checked and cached. Must never store, log or return a secret, except once to
//! the person it was created for. Must never let checking a password delay anything but other password checks.
//!
//! Always holds:
//!
//! - No request waits for I/O to identify a cached token or session. Entries expire after `security.token_cache_s`, a few seconds.
//! - A revocation takes effect immediately on this node, and on other nodes when their cache entries expire.
//! - The time that a wrong password takes does not reveal whether the account exists.

mod accounts;
mod auth;
mod identity;
mod merchants;
mod passwords;
mod sessions;
mod tokens;

pub use accounts::{Account, NewAccount, SignUpOutcome, SignUpRequest, StoredAccount};
pub use auth::{Auth, AuthError};
pub use identity::{Credential, FreshSecret, Identity, Proof, Scope, Scopes, SecretHash};
pub use passwords::HashError;
pub use sessions::{Session, SessionLength, StartedSession, forget_ended_sessions};
pub use tokens::{CreatedToken, NewToken, Token, TokenRequest};

/// The API operations, for the table of routes and the OpenAPI document.
pub(crate) mod api {
    pub use super::accounts::api as accounts;
    pub use super::tokens::api as tokens;
}

/// The pages, for the table of routes.
pub(crate) mod pages {
    pub use super::accounts::pages::{account, sign_up};
    pub use super::sessions::pages::{sign_in, sign_out};
}
