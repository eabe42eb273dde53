//! Creates accounts.

use secrecy::SecretString;

use super::{Auth, AuthError};
use crate::domain::account::{NewPassword, parse_name};
use crate::domain::problem::Problems;
use crate::domain::{Account, AccountId, Email, FieldProblem, FieldProblemKind, Merchant, MerchantId};
use crate::store::{CreateAccountOutcome, NewAccount};

/// A validated request for an account.
#[derive(Clone, Debug)]
pub struct SignUpRequest {
    email: Email,
    password: NewPassword,
    name: String,
    opens_merchant: bool,
}

/// The outcome of signing up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignUpOutcome {
    /// The account was created, and with it a merchant that it owns, if the request asked for one.
    SignedUp { account: Account, merchant: Option<Merchant> },
    /// Another account already has this e-mail address.
    EmailTaken,
}

impl SignUpRequest {
    /// Validates the fields of a form or an API request. `role` is `merchant`, which also opens a merchant of the same name, or
    /// `buyer`, which is the default.
    ///
    /// # Errors
    /// Every problem, in field order.
    pub fn parse(
        email: &str,
        password: SecretString,
        name: &str,
        role: Option<&str>,
    ) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        let email = problems.take(Email::parse(email));
        let password = problems.take(NewPassword::parse(password));
        let name = problems.take(parse_name(name));
        let opens_merchant = problems.take(match role {
            None | Some("buyer") => Ok(false),
            Some("merchant") => Ok(true),
            Some(_) => Err(FieldProblem::new("role", FieldProblemKind::UnknownRole)),
        });
        match (email, password, name, opens_merchant) {
            (Some(email), Some(password), Some(name), Some(opens_merchant)) => {
                Ok(Self { email, password, name, opens_merchant })
            }
            _ => Err(problems.into_vec()),
        }
    }
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
