//! Accounts, one for each person, and the rules for new accounts.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::domain::problem::Problems;
use crate::domain::{AccountId, Email, FieldProblem, FieldProblemKind};

/// An account, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub email: Email,
    /// The name that others see.
    pub name: String,
    pub created_at: DateTime<Utc>,
}

/// A password for a new account: 8 to 128 characters of any kind, and none of the most common ones.
#[derive(Clone, Debug)]
pub(super) struct NewPassword(SecretString);

/// Common passwords of at least 8 characters, from the head of `10k-most-common.txt` in `SecLists`.
const COMMON: [&str; 40] = [
    "12345678",
    "123456789",
    "1234567890",
    "password",
    "password1",
    "password123",
    "passw0rd",
    "qwertyuiop",
    "qwerty123",
    "1qaz2wsx",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "trustno1",
    "starwars",
    "computer",
    "michelle",
    "jennifer",
    "corvette",
    "mercedes",
    "maverick",
    "11111111",
    "88888888",
    "00000000",
    "abcd1234",
    "abc12345",
    "letmein1",
    "welcome1",
    "charlie1",
    "whatever",
    "internet",
    "samantha",
    "asdfghjk",
    "zaq12wsx",
    "87654321",
];

impl NewPassword {
    /// Checks the length of the password and that it is not common.
    ///
    /// # Errors
    /// A problem with `/password`.
    pub fn parse(password: SecretString) -> Result<Self, FieldProblem> {
        let text = password.expose_secret();
        let length = text.chars().count();
        let problem = |kind| Err(FieldProblem::new("password", kind));
        if length < 8 {
            return problem(FieldProblemKind::TooShort { min: 8 });
        }
        if length > 128 {
            return problem(FieldProblemKind::TooLong { max: 128 });
        }
        if COMMON.contains(&text.to_lowercase().as_str()) {
            return problem(FieldProblemKind::PasswordTooCommon);
        }
        Ok(Self(password))
    }

    /// The password in clear, for hashing.
    #[must_use]
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

/// Reads the name that others see: 1 to 80 characters.
///
/// # Errors
/// A problem with `/name`.
pub(super) fn parse_name(text: &str) -> Result<String, FieldProblem> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(FieldProblem::new("name", FieldProblemKind::NameRequired)),
        1..=80 if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        1..=80 => Err(FieldProblem::new("name", FieldProblemKind::BadCharacter)),
        _ => Err(FieldProblem::new("name", FieldProblemKind::TooLong { max: 80 })),
    }
}

/// A validated request for an account.
#[derive(Clone, Debug)]
pub struct SignUpRequest {
    pub(super) email: Email,
    pub(super) password: NewPassword,
    pub(super) name: String,
    pub(super) opens_merchant: bool,
}

impl SignUpRequest {
    /// Validates the fields of a form or an API request. `role` is `merchant`, which also opens a merchant of the same
    /// name, or `buyer`, which is the default.
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

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
