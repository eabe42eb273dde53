//! E-mail addresses.

use std::fmt;

use super::problem::{FieldProblem, FieldProblemKind};

/// An e-mail address in lower case. The check is loose, because only a delivered message proves that an address exists.
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

/// Shows the first character and the domain, so that logs contain no complete address.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, domain) = self.0.split_once('@').unwrap_or_default();
        write!(f, "{}…@{domain}", local.chars().next().unwrap_or('?'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_lower_case_and_has_a_domain() {
        assert_eq!(Email::parse(" Ann@Example.com ").unwrap().as_str(), "ann@example.com");
        for text in [
            "",
            "ann",
            "@example.com",
            "ann@",
            "ann@localhost",
            "ann@@example.com",
            "a b@example.com",
            "ann@example..com",
        ] {
            assert!(Email::parse(text).is_err(), "{text}");
        }
        assert!(Email::parse(&format!("{}@example.com", "a".repeat(250))).is_err());
    }

    #[test]
    fn debug_output_hides_most_of_an_address() {
        assert_eq!(format!("{:?}", Email::parse("ann@example.com").unwrap()), "a…@example.com");
    }
}
