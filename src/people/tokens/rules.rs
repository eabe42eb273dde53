//! API tokens, and the rules for new tokens.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::problem::Problems;
use crate::domain::{FieldProblem, FieldProblemKind, TokenId};
use crate::people::{Scope, Scopes};

/// Maximum lifetime of a token with an expiry.
const LIFETIME_MAX: TimeDelta = TimeDelta::days(3 * 366);

/// A token as listed to its owner: without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub id: TokenId,
    /// The owner's name for the token.
    pub label: String,
    pub scopes: Scopes,
    pub created_at: DateTime<Utc>,
    /// The moment from which the token is not valid.
    pub expires_at: Option<DateTime<Utc>>,
    /// The last use, recorded only every few minutes to save writes.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A validated request for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    pub(super) label: String,
    pub(super) scopes: Scopes,
    pub(super) expires_at: Option<DateTime<Utc>>,
}

impl TokenRequest {
    /// Validates the fields of a request. Without `scopes` the token may do whatever its account may do. Without
    /// `expires_at` the token is valid until it is revoked.
    ///
    /// # Errors
    /// Every problem, in field order.
    pub fn parse(
        label: &str,
        scopes: Option<&[String]>,
        expires_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        let label = problems.take(parse_label(label));
        let scopes = parse_scopes(scopes, &mut problems);
        if expires_at.is_some_and(|at| at <= now) {
            problems.add("expires_at", FieldProblemKind::ExpiresInThePast);
        }
        if expires_at.is_some_and(|at| at > now + LIFETIME_MAX) {
            problems.add("expires_at", FieldProblemKind::ExpiresTooFar);
        }
        let problems = problems.into_vec();
        match label {
            Some(label) if problems.is_empty() => Ok(Self { label, scopes, expires_at }),
            _ => Err(problems),
        }
    }
}

fn parse_label(text: &str) -> Result<String, FieldProblem> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(FieldProblem::new("label", FieldProblemKind::LabelRequired)),
        1..=80 if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        1..=80 => Err(FieldProblem::new("label", FieldProblemKind::BadCharacter)),
        _ => Err(FieldProblem::new("label", FieldProblemKind::TooLong { max: 80 })),
    }
}

fn parse_scopes(words: Option<&[String]>, problems: &mut Problems) -> Scopes {
    let Some(words) = words else { return Scopes::WHOLE };
    if words.is_empty() {
        problems.add("scopes", FieldProblemKind::ScopeRequired);
    }
    let mut scopes = Vec::new();
    for (index, word) in words.iter().enumerate() {
        match Scope::parse(word) {
            Some(scope) => scopes.push(scope),
            None => problems.add(&format!("scopes/{index}"), FieldProblemKind::UnknownScope),
        }
    }
    Scopes::only(scopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    #[test]
    fn a_token_without_scopes_has_all_permissions_of_its_account() {
        let request = TokenRequest::parse(" till 2 ", None, None, now()).unwrap();
        assert_eq!(request, TokenRequest { label: "till 2".to_owned(), scopes: Scopes::WHOLE, expires_at: None });
    }

    #[test]
    fn every_problem_of_a_request_is_reported() {
        let scopes = ["join".to_owned(), "admin".to_owned()];
        let problems = TokenRequest::parse("", Some(&scopes), Some(now()), now()).unwrap_err();
        let pointers: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(pointers, ["/label", "/scopes/1", "/expires_at"]);
    }

    #[test]
    fn an_empty_list_of_scopes_is_rejected() {
        assert!(TokenRequest::parse("till", Some(&[]), None, now()).is_err());
    }
}
