//! Identities, and the scopes that limit what a token allows.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{AccountId, StaffOf, TokenId};

/// One permission that a token may be limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Joining deals and leaving them.
    Join,
    /// Writing, publishing and withdrawing deals.
    Deals,
    /// Redeeming coupons: for a till.
    Redeem,
    /// Reading what only the owner sees: signups, coupons, drafts, who joined.
    Read,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Join, Self::Deals, Self::Redeem, Self::Read];

    /// The word for this scope in SQL and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Deals => "deals",
            Self::Redeem => "redeem",
            Self::Read => "read",
        }
    }

    /// Reads the word of [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Join => 1,
            Self::Deals => 2,
            Self::Redeem => 4,
            Self::Read => 8,
        }
    }
}

/// The permissions of a token: everything that its account may do, or some scopes only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Scopes(Option<u8>);

impl Scopes {
    /// Everything that the account may do, including managing its tokens and sessions.
    pub const WHOLE: Self = Self(None);

    /// These scopes and nothing else.
    #[must_use]
    pub fn only(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self(Some(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit())))
    }

    /// Whether this scope is allowed.
    #[must_use]
    pub const fn allow(self, scope: Scope) -> bool {
        match self.0 {
            None => true,
            Some(bits) => bits & scope.bit() != 0,
        }
    }

    /// Whether everything is allowed, even what no scope covers.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        self.0.is_none()
    }

    /// The scopes; `None` if everything is allowed.
    #[must_use]
    pub fn list(self) -> Option<Vec<Scope>> {
        self.0.map(|_| Scope::ALL.into_iter().filter(|scope| self.allow(*scope)).collect())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.list() {
            None => f.write_str("whole"),
            Some(scopes) => f.debug_set().entries(scopes.iter().map(|scope| scope.as_str())).finish(),
        }
    }
}

/// The SHA-256 of the secret of a token or session; the secret itself is never stored. A secret has at least 160 random
/// bits, so it needs no slow hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash as bytes, for SQL.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for SecretHash {
    fn from(hash: [u8; 32]) -> Self {
        Self(hash)
    }
}

/// Shows the first two bytes: enough to tell hashes apart in a log.
impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, ..] = self.0;
        write!(f, "SecretHash({first:02x}{second:02x}…)")
    }
}

/// The credential that proves an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A token in the `Authorization` header.
    Token(TokenId),
    /// A session in a cookie.
    Session,
}

/// An authenticated account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub account: AccountId,
    /// The account's name.
    pub name: Arc<str>,
    pub staff_of: StaffOf,
    pub proof: Proof,
    /// The part of the account's permissions that the proof carries.
    pub scopes: Scopes,
    /// The moment from which the proof is not valid.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Identity {
    /// Whether the proof is valid at this moment.
    #[must_use]
    pub fn holds_at(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }

    /// The default name for a till: that of the account's only merchant, or else of the account.
    #[must_use]
    pub fn till_name(&self) -> &str {
        self.staff_of.only().map_or(&self.name, |merchant| &merchant.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limited_token_allows_its_scopes_and_nothing_else() {
        let scopes = Scopes::only([Scope::Join, Scope::Read]);
        assert!(scopes.allow(Scope::Join) && scopes.allow(Scope::Read));
        assert!(!scopes.allow(Scope::Deals) && !scopes.allow(Scope::Redeem) && !scopes.is_whole());
        assert!(Scopes::only([]).list().is_some_and(|list| list.is_empty()));
    }

    #[test]
    fn a_whole_token_allows_everything() {
        assert!(Scopes::WHOLE.is_whole() && Scope::ALL.into_iter().all(|scope| Scopes::WHOLE.allow(scope)));
    }

    #[test]
    fn every_scope_is_found_by_its_word() {
        assert!(Scope::ALL.into_iter().all(|scope| Scope::parse(scope.as_str()) == Some(scope)));
        assert_eq!(Scope::parse("JOIN"), None);
    }
}
