//! Making an account.

use secrecy::SecretString;

use super::{Auth, AuthError};
use crate::domain::account::{NewPassword, parse_name};
use crate::domain::problem::Problems;
use crate::domain::{Account, AccountId, Email, FieldProblem, Role};
use crate::store::{CreateAccountOutcome, NewAccount};

/// Somebody who wants an account, checked.
#[derive(Clone, Debug)]
pub struct NewPerson {
    email: Email,
    password: NewPassword,
    name: String,
    role: Role,
}

/// What signing up came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignUpOutcome {
    /// The account exists now.
    SignedUp(Account),
    /// Another account has this e-mail address.
    EmailTaken,
}

impl NewPerson {
    /// Checks what was typed. The role is the word for buyer or merchant; operators are made on the command line only.
    ///
    /// # Errors
    /// Every problem, in the order of the fields.
    pub fn parse(email: &str, password: SecretString, name: &str, role: &str) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        let email = problems.take(Email::parse(email));
        let password = problems.take(NewPassword::parse(password));
        let name = problems.take(parse_name(name));
        let role = Role::parse(role)
            .filter(|role| *role != Role::Operator)
            .ok_or_else(|| FieldProblem::new("role", "unknown_role", "Say buyer or merchant."));
        let role = problems.take(role);
        match (email, password, name, role) {
            (Some(email), Some(password), Some(name), Some(role)) => Ok(Self { email, password, name, role }),
            _ => Err(problems.into_vec()),
        }
    }
}

impl Auth {
    /// Makes an account.
    ///
    /// # Errors
    /// Too many passwords are being hashed, or Postgres is away.
    pub async fn sign_up(&self, person: NewPerson) -> Result<SignUpOutcome, AuthError> {
        let password_hash = self.hasher.hash(person.password.secret()).await?;
        let account = NewAccount {
            id: AccountId::generate(),
            email: person.email,
            name: person.name,
            role: person.role,
            password_hash: Some(password_hash),
        };
        Ok(match self.store.create_account(&account).await? {
            CreateAccountOutcome::Created(account) => SignUpOutcome::SignedUp(account),
            CreateAccountOutcome::EmailTaken => SignUpOutcome::EmailTaken,
        })
    }
}
