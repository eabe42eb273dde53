//! Accounts: signing up, and the page of one's own account.

pub mod api;
pub mod pages;
mod rules;
mod store;
mod views;

use super::{Auth, AuthError};
use crate::domain::{AccountId, Merchant, MerchantId};

pub use rules::{Account, SignUpRequest};
pub use store::{NewAccount, StoredAccount};

use store::CreateAccountOutcome;

/// The outcome of signing up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignUpOutcome {
    /// The account was created, and with it a merchant that it owns, if the request asked for one.
    SignedUp { account: Account, merchant: Option<Merchant> },
    /// Another account already has this e-mail address.
    EmailTaken,
}

impl Auth {
    /// Creates an account, and the merchant that the request asked for.
    ///
    /// # Errors
    /// Too many passwords are waiting to be hashed, or Postgres is unavailable.
    pub async fn sign_up(&self, request: SignUpRequest) -> Result<SignUpOutcome, AuthError> {
        let password_hash = self.hasher.hash(request.password.secret()).await?;
        let account = NewAccount {
            id: AccountId::generate(),
            email: request.email,
            name: request.name,
            password_hash: Some(password_hash),
        };
        let merchant =
            request.opens_merchant.then(|| Merchant { id: MerchantId::generate(), name: account.name.clone() });
        Ok(match self.store.create_account(&account, merchant.as_ref()).await? {
            CreateAccountOutcome::Created(account) => SignUpOutcome::SignedUp { account, merchant },
            CreateAccountOutcome::EmailTaken => SignUpOutcome::EmailTaken,
        })
    }
}
