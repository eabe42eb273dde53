//! Creates accounts.

use secrecy::SecretString;

use super::{Auth, AuthError};
use crate::domain::account::{NewPassword, parse_name};
use crate::domain::problem::Problems;
use crate::domain::{Account, AccountId, Email, FieldProblem, FieldProblemKind, Role};
use crate::store::{CreateAccountOutcome, NewAccount};

/// A validated request for an account.
#[derive(Clone, Debug)]
pub struct SignUpRequest {
    email: Email,
    password: NewPassword,
    name: String,
    role: Role,
}

/// The outcome of signing up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignUpOutcome {
    /// The account was created.
    SignedUp(Account),
    /// Another account already has this e-mail address.
    EmailTaken,
}

impl SignUpRequest {
    /// Validates the fields of a form or an API request. `role` is `buyer` or `merchant`; operators are created only on
    /// the command line.
    ///
    /// # Errors
    /// Every problem, in field order.
    pub fn parse(email: &str, password: SecretString, name: &str, role: &str) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        let email = problems.take(Email::parse(email));
        let password = problems.take(NewPassword::parse(password));
        let name = problems.take(parse_name(name));
        let role = Role::parse(role)
            .filter(|role| *role != Role::Operator)
            .ok_or_else(|| FieldProblem::new("role", FieldProblemKind::UnknownRole));
        let role = problems.take(role);
        match (email, password, name, role) {
            (Some(email), Some(password), Some(name), Some(role)) => Ok(Self { email, password, name, role }),
            _ => Err(problems.into_vec()),
        }
    }
}

impl Auth {
    /// Creates an account.
    ///
    /// # Errors
    /// Too many passwords are waiting to be hashed, or Postgres is unavailable.
    pub async fn sign_up(&self, request: SignUpRequest) -> Result<SignUpOutcome, AuthError> {
        let password_hash = self.hasher.hash(request.password.secret()).await?;
        let account = NewAccount {
            id: AccountId::generate(),
            email: request.email,
            name: request.name,
            role: request.role,
            password_hash: Some(password_hash),
        };
        Ok(match self.store.create_account(&account).await? {
            CreateAccountOutcome::Created(account) => SignUpOutcome::SignedUp(account),
            CreateAccountOutcome::EmailTaken => SignUpOutcome::EmailTaken,
        })
    }
}
