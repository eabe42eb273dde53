//! Accounts: one for each person.

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::ids::AccountId;
use super::problem::{FieldProblem, FieldProblemKind};

/// An account, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub email: Email,
    /// The name that others see.
    pub name: String,
    pub created_at: DateTime<Utc>,
}

/// An e-mail address in lower case. The check is loose: only a message proves that an address exists.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Checks the shape: something before one `@`, a dotted name after it, and at most 254 bytes (RFC 5321).
    ///
    /// # Errors
    /// A problem with `/email`.
    pub fn parse(text: &str) -> Result<Self, FieldProblem> {
        let text = text.trim().to_lowercase();
        let shaped = text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && !domain.contains('@')
                && domain.split('.').count() > 1
                && domain.split('.').all(|label| !label.is_empty())
        });
        if !shaped || text.len() > 254 || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(FieldProblem::new("email", FieldProblemKind::NotAnEmail));
        }
        Ok(Self(text))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shows the first character and the domain, so that logs contain no whole address.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, domain) = self.0.split_once('@').unwrap_or_default();
        write!(f, "{}…@{domain}", local.chars().next().unwrap_or('?'))
    }
}

/// A password for a new account: 8 to 128 characters of any kind, and none of the most common ones.
#[derive(Clone, Debug)]
pub struct NewPassword(SecretString);

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
    /// Checks the length and that the password is not a common one.
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
pub fn parse_name(text: &str) -> Result<String, FieldProblem> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(FieldProblem::new("name", FieldProblemKind::NameRequired)),
        1..=80 if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        1..=80 => Err(FieldProblem::new("name", FieldProblemKind::BadCharacter)),
        _ => Err(FieldProblem::new("name", FieldProblemKind::TooLong { max: 80 })),
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
